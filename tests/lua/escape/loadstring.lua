-- expect: load: attempt to call a nil value (field 'loadstring')
local f = string.loadstring("x")
