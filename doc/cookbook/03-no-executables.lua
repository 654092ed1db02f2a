-- Refuse programs by their names, whatever name a reader may see.
rule "no executables" {
	direction = "in",
	what = { filename ".*\\.(exe|com|scr|pif|bat|cmd|vbs|js|jar|msi)" },
	action = reject "We take no programs by mail (__FILENAME__)" }
