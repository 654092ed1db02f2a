# framework/mail
