# tests/lib: the fake host that unit tests of modules link with
fakehost_sources = tests/lib/fakehost.c tests/lib/fakehost.h tests/lib/fakehost_int.h \
	tests/lib/fakeconf.c tests/lib/fakeext.c tests/lib/fakerecord.c \
	tests/lib/fakesession.c tests/lib/fakestore.c
