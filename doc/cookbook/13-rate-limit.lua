-- At most 100 mails an hour for each login.
rule "rate limit" { stage = "mail", direction = "out",
	on_failure = "pass", function(mail)
		if not mail.auth_user then
			return
		end
		local hour = math.floor(weir.time() / 3600)
		local key = "rate/" .. hour .. "/" .. mail.auth_user
		local n = tonumber((weir.store.get(key))) or 0
		if n >= 100 then
			mail:tempfail("Too many messages, try again later")
			return
		end
		weir.store.put(key, tostring(n + 1), 7200)
	end }
