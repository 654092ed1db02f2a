libweir_la_SOURCES += \
	framework/pipe/call.c framework/pipe/call.h \
	framework/pipe/explain.c framework/pipe/explain.h \
	framework/pipe/guard.c framework/pipe/guard.h \
	framework/pipe/module.h \
	framework/pipe/plan.c framework/pipe/plan.h \
	framework/pipe/run.c framework/pipe/run.h framework/pipe/run_int.h \
	framework/pipe/settle.c framework/pipe/settle.h

if HAVE_CMOCKA
UNIT_TESTS += framework/pipe/cancel_test framework/pipe/rules_test \
	framework/pipe/run_test framework/pipe/settle_test
framework_pipe_rules_test_SOURCES = framework/pipe/rules_test.c \
	framework/pipe/test_fake.c framework/pipe/test_fake.h
framework_pipe_rules_test_LDADD = $(TEST_LIBS)
framework_pipe_cancel_test_SOURCES = framework/pipe/cancel_test.c \
	framework/pipe/test_fake.c framework/pipe/test_fake.h
framework_pipe_cancel_test_LDADD = $(TEST_LIBS)
framework_pipe_run_test_SOURCES = framework/pipe/run_test.c \
	framework/pipe/test_fake.c framework/pipe/test_fake.h
framework_pipe_run_test_LDADD = $(TEST_LIBS)
framework_pipe_settle_test_SOURCES = framework/pipe/settle_test.c \
	framework/pipe/test_fake.c framework/pipe/test_fake.h
framework_pipe_settle_test_LDADD = $(TEST_LIBS)
endif
