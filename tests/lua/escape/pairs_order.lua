-- expect: invalid key to
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local t = { a = 1 } next(t, "b")
end }
