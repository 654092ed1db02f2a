-- expect: : the budget of 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local s = ("0"):rep(1048576) .. "1" while true do local _ = s + 0 end
end }
