-- A bounce has one recipient.
rule "bounces" { stage = "data", function(mail)
	if mail.sender == "" and mail:rcpt_count() > 1 then
		mail:reject("A bounce has one recipient")
	end
end }
