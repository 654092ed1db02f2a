-- SPF for the domain in From, when that is not the envelope's.
rule "spf of From" { function(mail)
	local from = mail:header("From") or ""
	local address = from:match("<([^<>]+@[^<>]+)>") or from:match("%S+@%S+")
	if address and address:match("@(.*)") ~= mail.sender_domain then
		local ok, result = pcall(weir.call.spf.check, mail.client_addr,
		    mail.helo, address)
		if ok and result == "fail" then
			mail:add_score(2, "SPF of From fails: " .. address)
		end
	end
end }
