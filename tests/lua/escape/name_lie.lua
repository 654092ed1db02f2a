-- expect: '__tostring' must return a string
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	tostring(setmetatable({}, { __name = ("x"):rep(1000), __tostring = function() return {} end }))
end }
