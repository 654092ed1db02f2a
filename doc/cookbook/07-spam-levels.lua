-- Three levels, the subject marked in between.
rule "spam 15" { priority = 30, what = spamlevel(15),
	action = reject "Refused as spam (__SPAMLEVEL__)" }
rule "spam 10" { priority = 29, what = spamlevel(10), action = quarantine() }
rule "spam 5" { priority = 28, what = spamlevel(5),
	action = { subject "[SPAM __SPAMLEVEL__]",
	    set_header("X-Spam-Stars", "__SPAMSTARS__") } }
