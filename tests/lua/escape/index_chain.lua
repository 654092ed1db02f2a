-- expect: time: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local t = {} for i = 1, 1500 do t = setmetatable({}, { __index = t }) end while true do local _ = t.x end
end }
