# framework/dns
