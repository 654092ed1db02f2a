-- One recipient wants no newsletters, the others do.
rule "no newsletters" {
	to = address "director@example.net",
	what = header("List-Unsubscribe", "."),
	action = reject "This recipient reads no newsletters" }
