-- expect: invalid conversion specifier
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	os.date("%Ez %Q")
end }
