-- expect: instructions: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	table.sort({ 3, 1, 2 }, function(a, b) while true do pcall(function() while true do end end) end end)
end }
