-- expect: nothing
local hoarded = {}
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	hoarded[#hoarded + 1] = ("x"):rep(1000)
end }
