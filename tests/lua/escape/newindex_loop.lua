-- expect: stack: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local t = setmetatable({}, { __newindex = function(t, k, v) t[k] = v end }) t.x = 1
end }
