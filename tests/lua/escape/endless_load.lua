-- expect: load: the budget of instructions is used up
while true do end
