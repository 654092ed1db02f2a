-- expect: stack: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	select("#", table.unpack({}, 1, 1e8))
end }
