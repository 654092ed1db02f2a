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
UNIT_TESTS += modules/quarantine/act_test
modules_quarantine_act_test_SOURCES = modules/quarantine/act_test.c tests/lib/folder.h \
	modules/quarantine/act.c modules/quarantine/act.h \
	modules/quarantine/batch.c modules/quarantine/comeback.c \
	modules/quarantine/mail.c modules/quarantine/quarantine.h \
	modules/quarantine/service.c modules/quarantine/words.c \
	$(modules_quarantine_store_sources)
modules_quarantine_act_test_CPPFLAGS = $(PLUGIN_CPPFLAGS) -I$(top_srcdir)/tests
modules_quarantine_act_test_LDADD = $(SQLITE_LIBS) $(JANSSON_LIBS) \
	$(TLS_LIBS) $(CMOCKA_LIBS)
UNIT_TESTS += modules/quarantine/kill_test
modules_quarantine_kill_test_SOURCES = modules/quarantine/kill_test.c tests/lib/folder.h \
	$(modules_quarantine_store_sources)
modules_quarantine_kill_test_CPPFLAGS = $(PLUGIN_CPPFLAGS) -I$(top_srcdir)/tests
modules_quarantine_kill_test_LDADD = $(SQLITE_LIBS) $(TLS_LIBS) \
	$(CMOCKA_LIBS) -ldl
UNIT_TESTS += modules/quarantine/store_test
modules_quarantine_store_test_SOURCES = modules/quarantine/store_test.c tests/lib/folder.h \
	$(modules_quarantine_store_sources)
modules_quarantine_store_test_CPPFLAGS = $(PLUGIN_CPPFLAGS) -I$(top_srcdir)/tests
modules_quarantine_store_test_LDADD = $(SQLITE_LIBS) $(TLS_LIBS) \
	$(CMOCKA_LIBS)
endif
docquarantinedir = $(docdir)/quarantine
docquarantine_DATA = modules/quarantine/README.md
endif
EXTRA_DIST += modules/quarantine/README.md tests/functional/test_quarantine.py \
	tests/functional/test_quarantine_release.py
