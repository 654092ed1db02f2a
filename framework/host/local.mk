libweir_la_SOURCES += \
	framework/host/accept.c framework/host/accept.h \
	framework/host/control.h framework/host/ext_control.c \
	framework/host/ext_dns.c framework/host/ext_edit.c \
	framework/host/ext_job.c framework/host/ext_lua.c \
	framework/host/ext_lua.h framework/host/ext_metric.c \
	framework/host/ext_mime.c framework/host/ext_remote.c \
	framework/host/ext_remote.h framework/host/ext_service.c \
	framework/host/ext_store.c \
	framework/host/ext_timer.c framework/host/ext_timer.h \
	framework/host/hold.c framework/host/hold.h \
	framework/host/limits.c framework/host/limits.h \
	framework/host/load.c framework/host/load.h framework/host/oldest.h \
	framework/host/registry.c framework/host/registry.h \
	framework/host/table.c framework/host/table.h \
	framework/host/table_folder.c \
	framework/host/table_int.h framework/host/table_keep.c \
	framework/host/table_notes.c framework/host/table_read.c \
	framework/host/trial.c framework/host/trial.h \
	framework/host/trial_strict.c

if HAVE_CMOCKA
UNIT_TESTS += framework/host/accept_test framework/host/canary_test \
	framework/host/load_test \
	framework/host/table_test framework/host/keep_test
framework_host_keep_test_SOURCES = framework/host/keep_test.c \
	framework/pipe/test_fake.c framework/pipe/test_fake.h
framework_host_keep_test_LDADD = $(TEST_LIBS)
framework_host_canary_test_SOURCES = framework/host/canary_test.c \
	framework/host/test_nothing.h \
	framework/pipe/test_fake.c framework/pipe/test_fake.h
framework_host_canary_test_LDADD = $(TEST_LIBS)
framework_host_load_test_SOURCES = framework/host/load_test.c
framework_host_load_test_LDADD = $(TEST_LIBS)
framework_host_accept_test_SOURCES = framework/host/accept_test.c \
	framework/host/test_nothing.h
framework_host_accept_test_LDADD = $(TEST_LIBS)
framework_host_table_test_SOURCES = framework/host/table_test.c \
	framework/host/test_nothing.h \
	framework/pipe/test_fake.c framework/pipe/test_fake.h
framework_host_table_test_LDADD = $(TEST_LIBS) -lm
endif
