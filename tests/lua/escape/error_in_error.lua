-- expect: an error that is no text
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	error(setmetatable({}, { __tostring = function() error("again") end }))
end }
