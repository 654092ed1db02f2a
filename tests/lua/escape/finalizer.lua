-- expect: rules can't have finalizers
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	setmetatable({}, { __gc = function() while true do end end })
end }
