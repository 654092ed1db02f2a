-- expect: instructions: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local a, t = ("a"):rep(100000), {} for i = 1, 20 do t[i] = a .. i end for i = 1, 1000 do table.sort(t) end
end }
