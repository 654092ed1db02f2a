-- expect: instructions: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local t = setmetatable({}, { __mode = "k" }) while true do t[{}] = {} end
end }
