-- expect: invalid conversion
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local s = ("%999999999d"):format(1)
end }
