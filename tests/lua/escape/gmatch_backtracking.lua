-- expect: instructions: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	for _ in ("a"):rep(50000):gmatch(("(a*)"):rep(20) .. "b") do end
end }
