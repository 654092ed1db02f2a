-- expect: cannot change a protected metatable
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	setmetatable({}, nil) local m = getmetatable(mail) assert(m == false) setmetatable(setmetatable({}, { __metatable = 1 }), {})
end }
