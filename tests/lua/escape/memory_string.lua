-- expect: memory: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local s = "x" while true do s = s .. s end
end }
