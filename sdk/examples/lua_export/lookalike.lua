-- Who says HELO like us, but not quite, wants to be taken for us.
local distance = weir.call.lua_export.distance

rule "lookalike" { stage = "helo", function(mail)
	local d = distance(mail.helo, "mail.example.com")
	if d > 0 and d <= 2 then
		mail:reject("You are not mail.example.com")
	end
end }

-- a mistake in a rule is told, with its line
rule "mistake" { stage = "mail", on_failure = "pass", function(mail)
	if mail.sender == "mistake@example.org" then
		distance(1, 2)
	end
end }
