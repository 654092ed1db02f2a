-- expect: memory: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	pcall(string.rep, "x", 1e10)
end }
