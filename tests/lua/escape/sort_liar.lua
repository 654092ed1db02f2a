-- expect: invalid order function
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local t = {} for i = 1, 300 do t[i] = i end while true do table.sort(t, function() return true end) end
end }
