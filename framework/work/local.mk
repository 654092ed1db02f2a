# framework/work
