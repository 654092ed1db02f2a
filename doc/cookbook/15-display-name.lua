-- A display name with an address that is not the sender's.
rule "display name" { content = "headers", direction = "in",
	function(mail)
		local from = mail:header("From") or ""
		local shown = from:match('^%s*"?[^"<]-([%w.+-]+@[%w.-]+)"?%s*<')
		local real = from:match("<([^<>]+)>%s*$")
		if shown and real and shown:lower() ~= real:lower() then
			mail:add_score(3, shown .. " is shown for " .. real)
		end
	end }
