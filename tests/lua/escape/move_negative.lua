-- expect: instructions: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	table.move({}, -1, math.maxinteger - 3, 2)
end }
