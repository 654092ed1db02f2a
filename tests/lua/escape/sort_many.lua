-- expect: instructions: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local t = {} for i = 1, 30000 do t[i] = -i end pcall(table.sort, t)
end }
