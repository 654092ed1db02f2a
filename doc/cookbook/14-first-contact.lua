-- Tell readers when a sender writes for the first time.
rule "first contact" { content = "headers", direction = "in",
	function(mail)
		local known = weir.store.add("seen/" .. mail.sender:sub(1, 300),
		    "1", 365 * 86400)
		if known then
			mail:set_header("X-First-Contact", "yes")
		end
	end }
