-- expect: rules are made when files are loaded
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	rule "x" { function() end }
end }
