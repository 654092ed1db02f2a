libweir_la_SOURCES += \
	framework/work/helper_client.c framework/work/helper_client.h \
	framework/work/helper_exec.c framework/work/helper_exec.h \
	framework/work/helper_poison.c framework/work/helper_poison.h \
	framework/work/helper_sandbox.c framework/work/helper_sandbox.h \
	framework/work/helper_serve.c framework/work/helper_serve.h \
	framework/work/helper_spec.c framework/work/helper_spec.h \
	framework/work/helper_wire.c framework/work/helper_wire.h \
	framework/work/pool.c framework/work/pool.h

if HAVE_CMOCKA
UNIT_TESTS += framework/work/pool_test
framework_work_pool_test_SOURCES = framework/work/pool_test.c
framework_work_pool_test_LDADD = $(TEST_LIBS)
UNIT_TESTS += framework/work/helper_exec_test
framework_work_helper_exec_test_SOURCES = framework/work/helper_exec_test.c
framework_work_helper_exec_test_LDADD = $(TEST_LIBS)
UNIT_TESTS += framework/work/helper_wire_test
framework_work_helper_wire_test_SOURCES = framework/work/helper_wire_test.c
framework_work_helper_wire_test_LDADD = $(TEST_LIBS)
UNIT_TESTS += framework/work/helper_client_test
framework_work_helper_client_test_SOURCES = \
	framework/work/helper_client_test.c
framework_work_helper_client_test_LDADD = $(TEST_LIBS)
endif
