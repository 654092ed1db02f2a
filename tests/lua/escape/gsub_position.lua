-- expect: instructions: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local s = ("a"):rep(1000000) while true do s:gsub("()", "") end
end }
