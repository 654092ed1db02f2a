-- expect: memory: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	while true do pcall(function() local t = {} while true do t[#t + 1] = {} end end) end
end }
