-- expect: a table without metatable expected
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	table.concat(setmetatable({}, { __index = type, __len = function() return 1 << 60 end }))
end }
