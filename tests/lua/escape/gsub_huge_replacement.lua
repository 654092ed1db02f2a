-- expect: : the budget of 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	("a"):rep(100000):gsub(".", ("%0"):rep(100000))
end }
