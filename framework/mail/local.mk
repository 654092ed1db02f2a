libweir_la_SOURCES += \
	framework/mail/edit.c framework/mail/edit.h \
	framework/mail/id.c framework/mail/id.h \
	framework/mail/message.c framework/mail/message.h \
	framework/mail/notes.c framework/mail/notes.h \
	framework/mail/session.c framework/mail/session.h \
	framework/mail/spool.c framework/mail/spool.h
