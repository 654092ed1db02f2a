# framework/host
