libweir_la_SOURCES += \
	framework/base/alloc.c framework/base/alloc.h \
	framework/base/budget.c framework/base/budget.h \
	framework/base/buf.c framework/base/buf.h \
	framework/base/check.c framework/base/check.h \
	framework/base/clock.c framework/base/clock.h \
	framework/base/err.c framework/base/err.h \
	framework/base/ip.c framework/base/ip.h \
	framework/base/list.h \
	framework/base/map.c framework/base/map.h \
	framework/base/pool.c framework/base/pool.h \
	framework/base/text.c framework/base/text.h \
	framework/base/vec.h

if HAVE_CMOCKA
UNIT_TESTS += framework/base/base_test
framework_base_base_test_SOURCES = framework/base/base_test.c
framework_base_base_test_LDADD = $(TEST_LIBS)
endif
