-- Forged mail through a listed client, from two checks' results.
rule "forged and listed" { direction = "in", content = "none",
	function(mail)
		if mail:fact("spf.result") == "fail" and
		    mail:score() >= 3 then
			mail:reject("Forged sender", { enhanced = "5.7.23" })
		end
	end }
