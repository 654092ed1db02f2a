-- expect: instructions: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local s = ("a"):rep(50000) s:gsub(("a?"):rep(30) .. "b", "")
end }
