libweir_la_SOURCES += \
	framework/store/aside.c framework/store/aside.h \
	framework/store/aside_jail.c framework/store/aside_jail.h \
	framework/store/commit.c \
	framework/store/entry.c framework/store/entry.h \
	framework/store/lmdb.c framework/store/lmdb.h \
	framework/store/store.c framework/store/store.h \
	framework/store/store_int.h \
	framework/store/sweep.c \
	framework/store/walk.c

if HAVE_CMOCKA
UNIT_TESTS += framework/store/store_test framework/store/crash_test
framework_store_store_test_SOURCES = framework/store/store_test.c \
	framework/store/test_util.h
framework_store_store_test_LDADD = $(TEST_LIBS)
framework_store_crash_test_SOURCES = framework/store/crash_test.c \
	framework/store/test_util.h
framework_store_crash_test_LDADD = $(TEST_LIBS)
endif
