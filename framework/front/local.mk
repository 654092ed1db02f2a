libweir_la_SOURCES += \
	framework/front/conn.c framework/front/conn.h \
	framework/front/front.c framework/front/front.h \
	framework/front/milter_cmd.c framework/front/milter_int.h \
	framework/front/milter_neg.c framework/front/milter_neg.h \
	framework/front/milter_reply.c framework/front/milter_reply.h \
	framework/front/milter_session.c framework/front/milter_session.h \
	framework/front/milter_wire.c framework/front/milter_wire.h \
	framework/front/policy_reply.c framework/front/policy_reply.h \
	framework/front/policy_session.c framework/front/policy_session.h \
	framework/front/policy_wire.c framework/front/policy_wire.h

# a pipeline and an MTA by script, for tests and fuzzing
FRONT_TEST = framework/front/test_run.c framework/front/test_run.h \
	framework/front/test_milter.c framework/front/test_milter.h

if HAVE_CMOCKA
UNIT_TESTS += framework/front/milter_wire_test \
	framework/front/milter_neg_test
framework_front_milter_wire_test_SOURCES = \
	framework/front/milter_wire_test.c
framework_front_milter_wire_test_LDADD = $(TEST_LIBS)
framework_front_milter_neg_test_SOURCES = framework/front/milter_neg_test.c
framework_front_milter_neg_test_LDADD = $(TEST_LIBS)
UNIT_TESTS += framework/front/milter_session_test \
	framework/front/milter_walk_test framework/front/milter_conn_test \
	framework/front/policy_wire_test framework/front/policy_session_test
framework_front_milter_session_test_SOURCES = \
	framework/front/milter_session_test.c $(FRONT_TEST)
framework_front_milter_session_test_LDADD = $(TEST_LIBS)
framework_front_milter_walk_test_SOURCES = \
	framework/front/milter_walk_test.c $(FRONT_TEST)
framework_front_milter_walk_test_LDADD = $(TEST_LIBS)
framework_front_milter_conn_test_SOURCES = \
	framework/front/milter_conn_test.c $(FRONT_TEST)
framework_front_milter_conn_test_LDADD = $(TEST_LIBS)
framework_front_policy_wire_test_SOURCES = \
	framework/front/policy_wire_test.c
framework_front_policy_wire_test_LDADD = $(TEST_LIBS)
framework_front_policy_session_test_SOURCES = \
	framework/front/policy_session_test.c $(FRONT_TEST)
framework_front_policy_session_test_LDADD = $(TEST_LIBS)
endif
