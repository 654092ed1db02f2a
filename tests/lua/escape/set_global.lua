-- expect: global 'leak' can't be set
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	leak = {}
end }
