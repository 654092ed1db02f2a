-- expect: an error that is no text
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	error(setmetatable({}, { __index = function() while true do end end, __tostring = function() while true do end end, __concat = function() while true do end end }))
end }
