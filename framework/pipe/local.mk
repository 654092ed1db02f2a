# framework/pipe
