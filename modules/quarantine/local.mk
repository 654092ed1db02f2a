# modules/quarantine
if MODULE_QUARANTINE
module_LTLIBRARIES += modules/quarantine/mod_quarantine.la
modules_quarantine_store_sources = modules/quarantine/care.c \
	modules/quarantine/care.h \
	modules/quarantine/file.c \
	modules/quarantine/file.h \
	modules/quarantine/item.c \
	modules/quarantine/item.h \
	modules/quarantine/keep.c \
	modules/quarantine/keep.h \
	modules/quarantine/lists.c \
	modules/quarantine/lists.h \
	modules/quarantine/release.c \
	modules/quarantine/release.h \
	modules/quarantine/same.c \
	modules/quarantine/smtp.c \
	modules/quarantine/smtp.h \
	modules/quarantine/smtp_conn.c \
	modules/quarantine/smtp_conn.h \
	modules/quarantine/smtp_tls.c \
	modules/quarantine/store.c \
	modules/quarantine/store.h \
	modules/quarantine/sync.c \
	modules/quarantine/token.c \
	modules/quarantine/token.h \
	modules/quarantine/view.c
modules_quarantine_sources = modules/quarantine/mod_quarantine.c \
	modules/quarantine/act.c \
	modules/quarantine/act.h \
	modules/quarantine/batch.c \
	modules/quarantine/comeback.c \
	modules/quarantine/command.c \
	modules/quarantine/command.h \
	modules/quarantine/filter.c \
	modules/quarantine/mail.c \
	modules/quarantine/op_care.c \
	modules/quarantine/op_change.c \
	modules/quarantine/op_lists.c \
	modules/quarantine/op_look.c \
	modules/quarantine/op_show.c \
	modules/quarantine/order.c \
	modules/quarantine/quarantine.h \
	modules/quarantine/score.c \
	modules/quarantine/service.c \
	modules/quarantine/learn.c \
	modules/quarantine/tick.c \
	modules/quarantine/words.c \
	$(modules_quarantine_store_sources)
modules_quarantine_mod_quarantine_la_SOURCES = $(modules_quarantine_sources)
modules_quarantine_mod_quarantine_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
modules_quarantine_mod_quarantine_la_CFLAGS = $(AM_CFLAGS)
modules_quarantine_mod_quarantine_la_LDFLAGS = $(PLUGIN_LDFLAGS)
modules_quarantine_mod_quarantine_la_LIBADD = $(SQLITE_LIBS) $(JANSSON_LIBS) \
	$(TLS_LIBS)

if HAVE_CMOCKA
# what the unit tests link with, compiled once
check_LTLIBRARIES += modules/quarantine/libtest.la
modules_quarantine_libtest_la_SOURCES = modules/quarantine/act.c \
	modules/quarantine/act.h \
	modules/quarantine/batch.c \
	modules/quarantine/comeback.c \
	modules/quarantine/mail.c \
	modules/quarantine/quarantine.h \
	modules/quarantine/service.c \
	modules/quarantine/test_host.c \
	modules/quarantine/test_host.h \
	modules/quarantine/test_store.c \
	modules/quarantine/test_store.h \
	modules/quarantine/words.c \
	tests/lib/folder.h \
	$(modules_quarantine_store_sources)
modules_quarantine_test_cppflags = $(PLUGIN_CPPFLAGS) -I$(top_srcdir)/tests
modules_quarantine_test_libs = modules/quarantine/libtest.la $(CMOCKA_LIBS)
modules_quarantine_libtest_la_CPPFLAGS = $(modules_quarantine_test_cppflags)
modules_quarantine_libtest_la_LIBADD = $(SQLITE_LIBS) $(JANSSON_LIBS) \
	$(TLS_LIBS)
UNIT_TESTS += modules/quarantine/act_test
modules_quarantine_act_test_SOURCES = modules/quarantine/act_test.c
modules_quarantine_act_test_CPPFLAGS = $(modules_quarantine_test_cppflags)
modules_quarantine_act_test_LDADD = $(modules_quarantine_test_libs)
UNIT_TESTS += modules/quarantine/batch_test
modules_quarantine_batch_test_SOURCES = modules/quarantine/batch_test.c
modules_quarantine_batch_test_CPPFLAGS = $(modules_quarantine_test_cppflags)
modules_quarantine_batch_test_LDADD = $(modules_quarantine_test_libs)
UNIT_TESTS += modules/quarantine/care_test
modules_quarantine_care_test_SOURCES = modules/quarantine/care_test.c
modules_quarantine_care_test_CPPFLAGS = $(modules_quarantine_test_cppflags)
modules_quarantine_care_test_LDADD = $(modules_quarantine_test_libs)
UNIT_TESTS += modules/quarantine/comeback_test
modules_quarantine_comeback_test_SOURCES = modules/quarantine/comeback_test.c
modules_quarantine_comeback_test_CPPFLAGS = $(modules_quarantine_test_cppflags)
modules_quarantine_comeback_test_LDADD = $(modules_quarantine_test_libs)
UNIT_TESTS += modules/quarantine/kill_test
modules_quarantine_kill_test_SOURCES = modules/quarantine/kill_test.c
modules_quarantine_kill_test_CPPFLAGS = $(modules_quarantine_test_cppflags)
modules_quarantine_kill_test_LDADD = $(modules_quarantine_test_libs) -ldl
UNIT_TESTS += modules/quarantine/lists_test
modules_quarantine_lists_test_SOURCES = modules/quarantine/lists_test.c
modules_quarantine_lists_test_CPPFLAGS = $(modules_quarantine_test_cppflags)
modules_quarantine_lists_test_LDADD = $(modules_quarantine_test_libs)
UNIT_TESTS += modules/quarantine/names_test
modules_quarantine_names_test_SOURCES = modules/quarantine/names_test.c
modules_quarantine_names_test_CPPFLAGS = $(modules_quarantine_test_cppflags)
modules_quarantine_names_test_LDADD = $(modules_quarantine_test_libs)
UNIT_TESTS += modules/quarantine/same_test
modules_quarantine_same_test_SOURCES = modules/quarantine/same_test.c
modules_quarantine_same_test_CPPFLAGS = $(modules_quarantine_test_cppflags)
modules_quarantine_same_test_LDADD = $(modules_quarantine_test_libs)
UNIT_TESTS += modules/quarantine/smtp_test
modules_quarantine_smtp_test_SOURCES = modules/quarantine/smtp_test.c
modules_quarantine_smtp_test_CPPFLAGS = $(modules_quarantine_test_cppflags)
modules_quarantine_smtp_test_LDADD = $(modules_quarantine_test_libs)
UNIT_TESTS += modules/quarantine/sync_test
modules_quarantine_sync_test_SOURCES = modules/quarantine/sync_test.c
modules_quarantine_sync_test_CPPFLAGS = $(modules_quarantine_test_cppflags)
modules_quarantine_sync_test_LDADD = $(modules_quarantine_test_libs)
UNIT_TESTS += modules/quarantine/token_test
modules_quarantine_token_test_SOURCES = modules/quarantine/token_test.c
modules_quarantine_token_test_CPPFLAGS = $(modules_quarantine_test_cppflags)
modules_quarantine_token_test_LDADD = $(modules_quarantine_test_libs)
endif
docquarantinedir = $(docdir)/quarantine
docquarantine_DATA = modules/quarantine/README.md
endif
EXTRA_DIST += modules/quarantine/README.md tests/functional/test_quarantine.py \
	tests/functional/test_quarantine_release.py
