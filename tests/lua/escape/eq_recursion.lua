-- expect: stack: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local mt = {} mt.__eq = function(a, b) return a == b end return setmetatable({}, mt) == setmetatable({}, mt)
end }
