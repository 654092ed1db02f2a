-- expect: invalid conversion
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	string.format("%99999999s", "x")
end }
