-- expect: mail has no
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	return mail.__index
end }
