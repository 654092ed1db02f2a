-- expect: instructions: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	print(setmetatable({}, { __tostring = function() while true do end end }))
end }
