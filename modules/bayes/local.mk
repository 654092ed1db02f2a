# modules/bayes
if MODULE_BAYES
module_LTLIBRARIES += modules/bayes/mod_bayes.la
modules_bayes_token_sources = modules/bayes/charset.c \
	modules/bayes/charset.h \
	modules/bayes/html.c \
	modules/bayes/html.h \
	modules/bayes/list.c \
	modules/bayes/list.h \
	modules/bayes/reader.c \
	modules/bayes/reader.h \
	modules/bayes/text.c \
	modules/bayes/text.h \
	modules/bayes/token.c \
	modules/bayes/token.h \
	modules/bayes/token_header.c
modules_bayes_db_sources = modules/bayes/db.c \
	modules/bayes/db.h \
	modules/bayes/db_cache.c \
	modules/bayes/db_fit.c \
	modules/bayes/db_int.h \
	modules/bayes/db_learn.c \
	modules/bayes/db_text.c
modules_bayes_sources = modules/bayes/mod_bayes.c \
	modules/bayes/bayes.c \
	modules/bayes/bayes.h \
	modules/bayes/check.c \
	modules/bayes/command.c \
	modules/bayes/command.h \
	modules/bayes/command_ask.c \
	modules/bayes/command_dump.c \
	modules/bayes/command_learn.c \
	modules/bayes/crew.c \
	modules/bayes/crew.h \
	modules/bayes/files.c \
	modules/bayes/files.h \
	modules/bayes/learn.c \
	modules/bayes/score.c \
	modules/bayes/score.h \
	modules/bayes/store.c \
	$(modules_bayes_db_sources) \
	$(modules_bayes_token_sources)
modules_bayes_mod_bayes_la_SOURCES = $(modules_bayes_sources)
modules_bayes_mod_bayes_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
modules_bayes_mod_bayes_la_CFLAGS = $(AM_CFLAGS)
modules_bayes_mod_bayes_la_LDFLAGS = $(PLUGIN_LDFLAGS)
modules_bayes_mod_bayes_la_LIBADD = $(LMDB_LIBS) $(JANSSON_LIBS) -lm

if HAVE_CMOCKA
UNIT_TESTS += modules/bayes/token_test
modules_bayes_token_test_SOURCES = modules/bayes/token_test.c \
	modules/bayes/files.c modules/bayes/files.h \
	$(modules_bayes_token_sources)
modules_bayes_token_test_CPPFLAGS = $(PLUGIN_CPPFLAGS)
modules_bayes_token_test_LDADD = $(CMOCKA_LIBS)
UNIT_TESTS += modules/bayes/db_test
modules_bayes_db_test_SOURCES = modules/bayes/db_test.c tests/lib/folder.h \
	modules/bayes/score.c modules/bayes/score.h modules/bayes/text.c \
	$(modules_bayes_db_sources)
modules_bayes_db_test_CPPFLAGS = $(PLUGIN_CPPFLAGS) -I$(top_srcdir)/tests
modules_bayes_db_test_LDADD = $(LMDB_LIBS) $(CMOCKA_LIBS) -lm
endif
docbayesdir = $(docdir)/bayes
docbayes_DATA = modules/bayes/README.md
endif
EXTRA_DIST += modules/bayes/README.md
EXTRA_DIST += tests/quality/fit tests/quality/quality.py
