-- Programs are refused, and the administrator sees who tried.
rule "programs" { what = filename ".*\\.(exe|scr|com|bat|js)",
	action = { reject "No programs, please",
	    notify { to = "postmaster@example.net",
		subject = "Refused: __FILENAME__ from __SENDER__",
		body = "Rule __RULE__ refused a mail of __SENDER__ (__SENDER_IP__)\n"
		    .. "to __TARGETS__: __SUBJECT__\n\n__SPAM_INFO__\n",
		attach = "header" } } }
