-- expect: stack: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local function f() return 1 + f() end f()
end }
