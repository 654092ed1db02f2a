-- expect: stack: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local t = setmetatable({}, {}) getmetatable(t).__call = t t()
end }
