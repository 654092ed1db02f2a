-- expect: instructions: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local function f(n) local x <close> = setmetatable({}, { __close = function() while true do end end }) if n > 0 then f(n - 1) end while true do end end pcall(f, 150)
end }
