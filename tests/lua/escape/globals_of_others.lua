-- expect: attempt to call a nil value
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	string.upper = nil print(string.upper("x"))
end }
