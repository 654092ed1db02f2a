-- expect: attempt to index a mail value
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	mail.sender = "x"
end }
