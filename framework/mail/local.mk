libweir_la_SOURCES += \
	framework/mail/edit.c framework/mail/edit.h \
	framework/mail/id.c framework/mail/id.h \
	framework/mail/message.c framework/mail/message.h \
	framework/mail/notes.c framework/mail/notes.h \
	framework/mail/session.c framework/mail/session.h \
	framework/mail/spool.c framework/mail/spool.h
# framework/mail

# the MIME view
libweir_la_SOURCES += \
	framework/mail/decode.c framework/mail/decode.h \
	framework/mail/decode_charset.c \
	framework/mail/html.c framework/mail/html.h \
	framework/mail/late.c framework/mail/late.h \
	framework/mail/links.c framework/mail/links.h \
	framework/mail/mime.c framework/mail/mime.h \
	framework/mail/mime_alternate.c framework/mail/mime_int.h \
	framework/mail/mime_read.c \
	framework/mail/mime_scan.c framework/mail/mime_scan.h \
	framework/mail/mime_scan_head.c framework/mail/mime_tree.c \
	framework/mail/names.c framework/mail/names.h \
	framework/mail/names_int.h framework/mail/names_set.c

if HAVE_CMOCKA
UNIT_TESTS += framework/mail/names_test framework/mail/decode_test \
	framework/mail/mime_test
framework_mail_names_test_SOURCES = framework/mail/names_test.c
framework_mail_names_test_LDADD = $(TEST_LIBS)
framework_mail_decode_test_SOURCES = framework/mail/decode_test.c
framework_mail_decode_test_LDADD = $(TEST_LIBS)
framework_mail_mime_test_SOURCES = framework/mail/mime_test.c
framework_mail_mime_test_LDADD = $(TEST_LIBS)
UNIT_TESTS += framework/mail/edit_test framework/mail/notes_test \
	framework/mail/session_test framework/mail/spool_test
framework_mail_edit_test_SOURCES = framework/mail/edit_test.c
framework_mail_edit_test_LDADD = $(TEST_LIBS)
framework_mail_notes_test_SOURCES = framework/mail/notes_test.c
framework_mail_notes_test_LDADD = $(TEST_LIBS)
framework_mail_session_test_SOURCES = framework/mail/session_test.c \
	framework/pipe/test_fake.c framework/pipe/test_fake.h
framework_mail_session_test_LDADD = $(TEST_LIBS)
framework_mail_spool_test_SOURCES = framework/mail/spool_test.c
framework_mail_spool_test_LDADD = $(TEST_LIBS)
endif
