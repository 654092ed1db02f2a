-- expect: attempt to call a nil value
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	string.pack("z", ("x"):rep(100))
end }
