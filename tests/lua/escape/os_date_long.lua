-- expect: too long
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	os.date(("%c"):rep(5000))
end }
