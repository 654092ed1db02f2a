-- expect: chain too long
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local a, b = {}, {} setmetatable(a, { __index = b }) setmetatable(b, { __index = a }) return a.x
end }
