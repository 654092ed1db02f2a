-- What readers may read differently is held.
local bad = { dup_boundary = true, dup_content_type = true,
	nested_boundary = true, partial = true }

rule "ambiguous" { direction = "in", function(mail)
	for _, a in ipairs(mail:anomalies()) do
		if bad[a.kind] then
			mail:quarantine(a.kind .. ": " .. a.detail)
			return
		end
	end
end }
