-- An unchanged copy of all mail of the management, also of what is refused.
rule "journal" { priority = 100,
	to = { address "boss@example.net", address "finance@example.net" },
	action = bcc { "journal@archive.example.net", original = true } }
