# framework/conf
