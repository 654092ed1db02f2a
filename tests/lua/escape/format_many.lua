-- expect: : the budget of 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local t = {} for i = 1, 4000 do t[i] = 1e308 end local f = ("%99.99f"):rep(4000) while true do f:format(table.unpack(t)) end
end }
