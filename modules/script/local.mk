# modules/script
if MODULE_SCRIPT
module_LTLIBRARIES += modules/script/mod_script.la
modules_script_mod_script_la_SOURCES = modules/script/mod_script.c \
	modules/script/answer.c modules/script/answer.h \
	modules/script/helper.c modules/script/run.c modules/script/run.h \
	modules/script/script.h
modules_script_mod_script_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
modules_script_mod_script_la_LDFLAGS = $(PLUGIN_LDFLAGS)
modules_script_mod_script_la_LIBADD = -lm

if HAVE_CMOCKA
UNIT_TESTS += modules/script/answer_test
modules_script_answer_test_SOURCES = modules/script/answer_test.c \
	modules/script/answer.c modules/script/answer.h
modules_script_answer_test_CPPFLAGS = $(PLUGIN_CPPFLAGS)
modules_script_answer_test_LDADD = $(CMOCKA_LIBS) -lm
endif
endif
EXTRA_DIST += modules/script/README.md tests/functional/test_script.py
