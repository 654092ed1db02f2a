libweir_la_SOURCES += framework/work/pool.c framework/work/pool.h

if HAVE_CMOCKA
UNIT_TESTS += framework/work/pool_test
framework_work_pool_test_SOURCES = framework/work/pool_test.c
framework_work_pool_test_LDADD = $(TEST_LIBS)
endif
