-- expect: out-of-bound
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	os.time({ year = math.maxinteger, month = 1, day = 1 })
end }
