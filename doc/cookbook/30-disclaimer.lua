-- A text below outgoing mail; signed and encrypted mail is left alone.
rule "disclaimer" { direction = "out",
	from = domain "example.net",
	action = disclaimer {
		text = "Example Ltd, Main Street 1\nRegister 4711",
		html = "<p><b>Example Ltd</b>, Main Street 1<br>Register 4711</p>" } }
