-- Mark what comes at night, in a fixed time zone.
rule "night" {
	when = { timeframe { from = "22:00", to = "05:59", zone = "+01:00" } },
	action = set_header("X-Night", "yes") }
