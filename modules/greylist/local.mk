# modules/greylist
if MODULE_GREYLIST
module_LTLIBRARIES += modules/greylist/mod_greylist.la
modules_greylist_sources = modules/greylist/mod_greylist.c \
	modules/greylist/greylist.h \
	modules/greylist/check.c \
	modules/greylist/command.c \
	modules/greylist/exclude.c \
	modules/greylist/learn.c \
	modules/greylist/learn.h \
	modules/greylist/mx.c \
	modules/greylist/record.c \
	modules/greylist/record.h \
	modules/greylist/tuple.c \
	modules/greylist/tuple.h
modules_greylist_mod_greylist_la_SOURCES = $(modules_greylist_sources)
modules_greylist_mod_greylist_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
modules_greylist_mod_greylist_la_CFLAGS = $(AM_CFLAGS)
modules_greylist_mod_greylist_la_LDFLAGS = $(PLUGIN_LDFLAGS)
modules_greylist_mod_greylist_la_LIBADD = $(PSL_LIBS) $(JANSSON_LIBS)

if HAVE_CMOCKA
UNIT_TESTS += modules/greylist/greylist_test
modules_greylist_greylist_test_SOURCES = modules/greylist/greylist_test.c \
	$(modules_greylist_sources)
modules_greylist_greylist_test_CPPFLAGS = $(PLUGIN_CPPFLAGS) -I$(top_srcdir)/tests
modules_greylist_greylist_test_LDADD = tests/lib/libfakehost.la \
	$(PSL_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
UNIT_TESTS += modules/greylist/tuple_test
modules_greylist_tuple_test_SOURCES = modules/greylist/tuple_test.c \
	modules/greylist/learn.c modules/greylist/record.c modules/greylist/tuple.c
modules_greylist_tuple_test_CPPFLAGS = $(PLUGIN_CPPFLAGS)
modules_greylist_tuple_test_LDADD = $(PSL_LIBS) $(CMOCKA_LIBS)
endif
docgreylistdir = $(docdir)/greylist
docgreylist_DATA = modules/greylist/README.md
endif
EXTRA_DIST += modules/greylist/README.md
