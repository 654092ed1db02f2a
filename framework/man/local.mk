# framework/man
