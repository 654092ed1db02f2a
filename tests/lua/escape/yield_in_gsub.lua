-- expect: can't wait inside
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local x = ("a"):gsub("a", function() weir.sleep(0) end)
end }
