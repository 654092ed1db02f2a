# framework/store
