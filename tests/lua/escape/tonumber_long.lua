-- expect: instructions: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local s = ("1"):rep(1048576) while true do tonumber(s) end
end }
