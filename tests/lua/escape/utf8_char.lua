-- expect: instructions: 
rule "bad" { stage = "rcpt", priority = 90, on_failure = "pass", function(mail)
	local t = {} for i = 1, 4000 do t[i] = 0x10ffff end while true do utf8.char(table.unpack(t)) end
end }
