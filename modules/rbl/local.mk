# modules/rbl
if MODULE_RBL
module_LTLIBRARIES += modules/rbl/mod_rbl.la
modules_rbl_sources = modules/rbl/mod_rbl.c \
	modules/rbl/rbl.h \
	modules/rbl/batch.c \
	modules/rbl/check.c \
	modules/rbl/code.c \
	modules/rbl/code.h \
	modules/rbl/command.c \
	modules/rbl/health.c \
	modules/rbl/name.c \
	modules/rbl/name.h \
	modules/rbl/zone.c
modules_rbl_mod_rbl_la_SOURCES = $(modules_rbl_sources)
modules_rbl_mod_rbl_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
modules_rbl_mod_rbl_la_CFLAGS = $(AM_CFLAGS)
modules_rbl_mod_rbl_la_LDFLAGS = $(PLUGIN_LDFLAGS)
modules_rbl_mod_rbl_la_LIBADD = $(PSL_LIBS) $(IDN2_LIBS) $(JANSSON_LIBS)

if HAVE_CMOCKA
UNIT_TESTS += modules/rbl/rbl_test
modules_rbl_rbl_test_SOURCES = modules/rbl/rbl_test.c \
	$(modules_rbl_sources)
modules_rbl_rbl_test_CPPFLAGS = $(PLUGIN_CPPFLAGS) -I$(top_srcdir)/tests
modules_rbl_rbl_test_LDADD = tests/lib/libfakehost.la \
	$(PSL_LIBS) $(IDN2_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
UNIT_TESTS += modules/rbl/name_test
modules_rbl_name_test_SOURCES = modules/rbl/name_test.c \
	modules/rbl/code.c modules/rbl/name.c
modules_rbl_name_test_CPPFLAGS = $(PLUGIN_CPPFLAGS)
modules_rbl_name_test_LDADD = $(PSL_LIBS) $(IDN2_LIBS) $(CMOCKA_LIBS)
endif
docrbldir = $(docdir)/rbl
docrbl_DATA = modules/rbl/README.md
endif
EXTRA_DIST += modules/rbl/README.md
