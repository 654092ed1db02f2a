-- Accept partners early: no later rule or check looks at them.
local partners = weir.map("/etc/weir/maps/partners")

rule "accept partners" { stage = "rcpt", priority = 90, direction = "in",
	function(mail)
		if partners(mail.sender_domain) then
			mail:accept()
		end
	end }
