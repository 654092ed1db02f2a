-- Score links to hosts of a list of words.
local words = weir.map("/etc/weir/maps/words")

rule "links" { function(mail)
	for _, url in ipairs(mail:links()) do
		local host = url:match("^%a+://([^/:?#]+)")
		if host and words(host) then
			mail:add_score(4, "link to " .. host)
			return
		end
	end
end }
