# framework/ctl
