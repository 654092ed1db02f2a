-- Nobody but us says HELO with our name.
rule "helo is ours" { stage = "helo", function(mail)
	local helo = (mail.helo or ""):lower()
	if not mail:in_networks("internal") and helo ~= "" and
	    helo == (mail.server_name or ""):lower() then
		mail:reject("That is my name")
	end
end }
