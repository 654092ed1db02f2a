# framework/daemon
