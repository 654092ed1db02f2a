-- expect: instructions: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local mt = {} local t = setmetatable({}, mt) mt.__gc = function() while true do end end t = nil while true do local _ = {} end
end }
