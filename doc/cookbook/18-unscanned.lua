-- What was not scanned for viruses is not delivered.
rule "unscanned" { priority = 10, content = "none", function(mail)
	for _, u in ipairs(mail:unscanned()) do
		if u.module == "antivirus" then
			mail:tempfail("Not checked yet, please try again later")
		end
	end
end }
