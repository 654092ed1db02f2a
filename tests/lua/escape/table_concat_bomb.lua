-- expect: memory: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local t = {} for i = 1, 200 do t[i] = ("x"):rep(1000000) .. i end table.concat(t)
end }
