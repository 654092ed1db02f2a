libweir_la_SOURCES += framework/loop/loop.c framework/loop/loop.h \
	framework/loop/listen.c framework/loop/listen.h


if HAVE_CMOCKA
UNIT_TESTS += framework/loop/listen_test framework/loop/loop_test
framework_loop_listen_test_SOURCES = framework/loop/listen_test.c
framework_loop_listen_test_LDADD = $(TEST_LIBS)
framework_loop_loop_test_SOURCES = framework/loop/loop_test.c
framework_loop_loop_test_LDADD = $(TEST_LIBS)
endif
