-- expect: instructions: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	table.move({}, math.mininteger, math.maxinteger, 1)
end }
