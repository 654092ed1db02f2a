-- expect: instructions: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	pcall(function() local x <close> = setmetatable({}, { __close = function() while true do end end }) while true do end end)
end }
