-- Numbers of one's own in the metrics: weir_rules_site_html_only_total.
local html_only = weir.metric.counter("html_only", "Mails without plain text.")

rule "html only" { function(mail)
	for _, part in ipairs(mail:parts()) do
		if part.type == "text/plain" then return end
	end
	html_only()
end }
