-- expect: : the budget of 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local s = ("\x80"):rep(1000000) while true do pcall(function() for _ in utf8.codes(s) do end end) utf8.len(s) end
end }
