-- expect: attempt to index a boolean value
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local mt = getmetatable("") mt.__index = nil
end }
