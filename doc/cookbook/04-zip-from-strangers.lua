-- Hold archives of senders that we do not know.
local partners = weir.map("/etc/weir/maps/partners")

rule "archives of strangers" { direction = "in", function(mail)
	if partners(mail.sender_domain) then
		return
	end
	for _, part in ipairs(mail:parts()) do
		for _, name in ipairs(part.names) do
			if name:lower():find("%.zip$") or
			    name:lower():find("%.7z$") then
				mail:quarantine("archive of a stranger: " .. name)
				return
			end
		end
	end
end }
