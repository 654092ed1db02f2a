-- expect: : the budget of 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local s = ("x"):rep(1000000) while true do local _ = s .. "y" end
end }
