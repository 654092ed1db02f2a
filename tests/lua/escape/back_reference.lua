-- expect: instructions: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local s = ("a"):rep(60000) s:find("(.-)(.-)(.-)%1%2%3b")
end }
