# modules/antivirus
if MODULE_ANTIVIRUS
module_LTLIBRARIES += modules/antivirus/mod_antivirus.la
modules_antivirus_plain_sources = modules/antivirus/breaker.c \
	modules/antivirus/breaker.h \
	modules/antivirus/clamd_reply.c \
	modules/antivirus/clamd_reply.h \
	modules/antivirus/result.c \
	modules/antivirus/result.h \
	modules/antivirus/wire.c \
	modules/antivirus/wire.h
modules_antivirus_helper_sources = modules/antivirus/cache.c \
	modules/antivirus/cache.h \
	modules/antivirus/engine.c \
	modules/antivirus/engine.h \
	modules/antivirus/helper.c \
	modules/antivirus/helper.h \
	modules/antivirus/options.h \
	modules/antivirus/scan.c \
	modules/antivirus/state.c \
	modules/antivirus/watch.c
modules_antivirus_mod_antivirus_la_SOURCES = \
	modules/antivirus/mod_antivirus.c \
	modules/antivirus/antivirus.h \
	modules/antivirus/backend.c \
	modules/antivirus/check.c \
	modules/antivirus/clamd.c \
	modules/antivirus/command.c \
	modules/antivirus/decide.c \
	modules/antivirus/report.c \
	$(modules_antivirus_plain_sources) $(modules_antivirus_helper_sources)
modules_antivirus_mod_antivirus_la_CPPFLAGS = $(PLUGIN_CPPFLAGS) \
	$(CLAMAV_CFLAGS)
modules_antivirus_mod_antivirus_la_CFLAGS = $(AM_CFLAGS)
modules_antivirus_mod_antivirus_la_LDFLAGS = $(PLUGIN_LDFLAGS)
modules_antivirus_mod_antivirus_la_LIBADD = $(CLAMAV_LIBS) \
	$(JANSSON_LIBS)

if HAVE_CMOCKA
UNIT_TESTS += modules/antivirus/plain_test
modules_antivirus_plain_test_SOURCES = modules/antivirus/plain_test.c \
	modules/antivirus/cache.c modules/antivirus/cache.h \
	$(modules_antivirus_plain_sources)
modules_antivirus_plain_test_CPPFLAGS = $(PLUGIN_CPPFLAGS)
modules_antivirus_plain_test_LDADD = $(CLAMAV_LIBS) $(CMOCKA_LIBS)
endif
endif
EXTRA_DIST += modules/antivirus/README.md tests/functional/test_antivirus.py \
	tests/functional/test_antivirus_clamd.py
