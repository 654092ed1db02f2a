-- expect: stack: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local s = ("x"):rep(1000000) for i = 1, 100 do s:byte(1, -1) utf8.codepoint(s, 1, -1) end
end }
