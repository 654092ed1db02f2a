# modules/spf
if MODULE_SPF
module_LTLIBRARIES += modules/spf/mod_spf.la
modules_spf_eval_sources = modules/spf/eval.c \
	modules/spf/eval.h \
	modules/spf/eval_exp.c \
	modules/spf/eval_int.h \
	modules/spf/eval_ptr.c \
	modules/spf/evidence.c \
	modules/spf/input.c \
	modules/spf/macro.c \
	modules/spf/macro.h \
	modules/spf/print.c \
	modules/spf/record.c \
	modules/spf/record.h
modules_spf_sources = modules/spf/mod_spf.c \
	modules/spf/spf.h \
	modules/spf/check.c \
	modules/spf/command.c \
	modules/spf/cross.c \
	modules/spf/cross.h \
	modules/spf/header.c \
	modules/spf/helper.c \
	modules/spf/match.c \
	modules/spf/mx.c \
	modules/spf/options.h \
	modules/spf/query.c \
	modules/spf/rule.c \
	$(modules_spf_eval_sources)
modules_spf_mod_spf_la_SOURCES = $(modules_spf_sources)
# libspf2 is opened by the helper alone: workers never map it
modules_spf_mod_spf_la_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(SPF2_CPPFLAGS)
modules_spf_mod_spf_la_CFLAGS = $(AM_CFLAGS)
modules_spf_mod_spf_la_LDFLAGS = $(PLUGIN_LDFLAGS)
modules_spf_mod_spf_la_LIBADD = $(IDN2_LIBS) $(JANSSON_LIBS)

if HAVE_CMOCKA
UNIT_TESTS += modules/spf/spf_test
modules_spf_spf_test_SOURCES = modules/spf/spf_test.c \
	$(modules_spf_sources)
modules_spf_spf_test_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(SPF2_CPPFLAGS) -I$(top_srcdir)/tests
modules_spf_spf_test_LDADD = tests/lib/libfakehost.la \
	$(IDN2_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
UNIT_TESTS += modules/spf/record_test
modules_spf_record_test_SOURCES = modules/spf/record_test.c \
	modules/spf/macro.c modules/spf/print.c modules/spf/record.c
modules_spf_record_test_CPPFLAGS = $(PLUGIN_CPPFLAGS)
modules_spf_record_test_LDADD = $(CMOCKA_LIBS)
UNIT_TESTS += modules/spf/eval_test
modules_spf_eval_test_SOURCES = modules/spf/eval_test.c \
	$(modules_spf_eval_sources)
modules_spf_eval_test_CPPFLAGS = $(PLUGIN_CPPFLAGS)
modules_spf_eval_test_LDADD = $(CMOCKA_LIBS)
endif
endif
EXTRA_DIST += modules/spf/README.md tests/functional/test_spf.py
