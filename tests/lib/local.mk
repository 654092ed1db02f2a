# tests/lib: the fake host that unit tests of modules link with
check_LTLIBRARIES += tests/lib/libfakehost.la
tests_lib_libfakehost_la_SOURCES = tests/lib/fakehost.c \
	tests/lib/fakehost.h tests/lib/fakehost_int.h \
	tests/lib/fakeconf.c tests/lib/fakeext.c tests/lib/fakerecord.c \
	tests/lib/fakesession.c tests/lib/fakestore.c
tests_lib_libfakehost_la_CPPFLAGS = $(PLUGIN_CPPFLAGS) -I$(top_srcdir)/tests
