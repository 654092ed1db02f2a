-- A sender's domain has a mail exchanger or an address.
rule "sender domain exists" { stage = "mail", direction = "in",
	function(mail)
		local domain = mail.sender_domain
		if domain == "" then
			return
		end
		local mx = weir.dns.mx(domain)
		local a = mx and #mx == 0 and weir.dns.a(domain)
		local aaaa = a and #a == 0 and weir.dns.aaaa(domain)
		if aaaa and #aaaa == 0 then
			mail:reject("Your domain does not exist")
		end
	end }
