-- A rule in shadow: weirctl rules shadow counts what it would do.
rule "try: no html only" { shadow = true, function(mail)
	local html, plain = false, false
	for _, part in ipairs(mail:parts()) do
		html = html or part.type == "text/html"
		plain = plain or part.type == "text/plain"
	end
	if html and not plain then
		mail:add_score(1, "HTML only")
	end
end }
