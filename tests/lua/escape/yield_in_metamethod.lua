-- expect: can't wait inside
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local t = setmetatable({}, { __index = string.gsub }) local u = setmetatable({}, { __lt = function() weir.sleep(0) end }) table.sort({ u, u, u })
end }
