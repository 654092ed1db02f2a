-- expect: a table without metatable expected
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	table.insert(setmetatable({}, { __len = function() return 1 << 60 end }), 1, "x")
end }
