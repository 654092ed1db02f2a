-- A DNS list that only adds to the score.
rule "own list" { stage = "rcpt", function(mail)
	local listed = weir.dns.rbl(mail.client_addr, "list.example.net")
	if listed and listed[1] == "127.0.0.2" then
		mail:add_score(2.5, "listed by list.example.net")
	end
end }
