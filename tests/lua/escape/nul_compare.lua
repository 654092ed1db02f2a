-- expect: time: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local z = ("\0"):rep(1048576) local a, b = z .. "a", z .. "b" while true do local _ = a < b end
end }
