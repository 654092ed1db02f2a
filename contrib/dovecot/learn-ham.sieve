# Mail was moved or copied out of Junk; into Trash is no opinion.
require ["vnd.dovecot.pipe", "copy", "imapsieve", "environment", "variables"];

if environment :matches "imap.mailbox" "*" {
	set "mailbox" "${1}";
}
if string "${mailbox}" "Trash" {
	stop;
}
if environment :matches "imap.user" "*" {
	set "user" "${1}";
}
pipe :copy "weir-learn" ["ham", "${user}"];
