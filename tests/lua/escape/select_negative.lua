-- expect: nothing
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local a = select(-1, 1, 2, 3) assert(a == 3)
end }
