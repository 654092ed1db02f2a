-- expect: stack: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	print(table.unpack({}, 1, 1e7))
end }
