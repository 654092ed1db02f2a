# modules/action
if MODULE_ACTION
module_LTLIBRARIES += modules/action/mod_action.la
modules_action_sources = modules/action/mod_action.c \
	modules/action/action.h \
	modules/action/authres.c \
	modules/action/authres.h \
	modules/action/decide.c \
	modules/action/field.c \
	modules/action/field.h \
	modules/action/macros.c \
	modules/action/macros.h \
	modules/action/mark.c \
	modules/action/subject.c \
	modules/action/values.c
modules_action_mod_action_la_SOURCES = $(modules_action_sources)
modules_action_mod_action_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
modules_action_mod_action_la_CFLAGS = $(AM_CFLAGS)
modules_action_mod_action_la_LDFLAGS = $(PLUGIN_LDFLAGS)

if HAVE_CMOCKA
UNIT_TESTS += modules/action/action_test
modules_action_action_test_SOURCES = modules/action/action_test.c \
	$(modules_action_sources)
modules_action_action_test_CPPFLAGS = $(PLUGIN_CPPFLAGS) -I$(top_srcdir)/tests
modules_action_action_test_LDADD = tests/lib/libfakehost.la $(CMOCKA_LIBS)
endif
docactiondir = $(docdir)/action
docaction_DATA = modules/action/README.md
endif
EXTRA_DIST += modules/action/README.md
