-- expect: can't wait inside
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	table.sort({ 3, 1, 2 }, function(a, b) weir.sleep(0) return a < b end)
end }
