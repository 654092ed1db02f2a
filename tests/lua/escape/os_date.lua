-- expect: instructions: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local f = ("%c"):rep(500) while true do os.date(f) end
end }
