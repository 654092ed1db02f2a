-- expect: memory: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local s = ("x"):rep(1e10)
end }
