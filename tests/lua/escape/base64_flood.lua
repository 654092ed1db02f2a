-- expect: instructions: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local s = ("QUJD"):rep(200000) while true do weir.base64_decode(s) end
end }
