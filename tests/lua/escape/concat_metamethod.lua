-- expect: stack: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local t = setmetatable({}, { __concat = function(a, b) return a .. b end }) return t .. "x"
end }
