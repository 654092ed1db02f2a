-- Refuse clients of a list of networks, with the list's own text.
local bad = weir.map("/etc/weir/maps/networks", "cidr")

rule "block networks" { stage = "connect", function(mail)
	local why = bad(mail.client_addr)
	if why then
		mail:reject("Your network is blocked: " .. why)
	end
end }
