-- expect: weir.regex: make it at the top
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	weir.regex("a")
end }
