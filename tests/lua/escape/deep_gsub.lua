-- expect: stack: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local function f() return (("a"):gsub("a", f)) end f()
end }
