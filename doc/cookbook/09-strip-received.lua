-- Do not tell the world about the inside.
rule "strip internal headers" { direction = "out", content = "headers",
	function(mail)
		mail:delete_header("X-Originating-IP")
		mail:delete_header("X-Mailer")
	end }
