-- A copy of all that leaves, without bounces.
rule "archive" { direction = "out", action = bcc "archive@example.net" }
