libweir_la_SOURCES += \
	framework/conf/address.c framework/conf/address.h \
	framework/conf/core.c framework/conf/core.h \
	framework/conf/core_rows.c framework/conf/core_rows.h \
	framework/conf/desc.c framework/conf/desc.h \
	framework/conf/dump.c framework/conf/dump.h \
	framework/conf/load.c framework/conf/load.h \
	framework/conf/manual.c framework/conf/manual.h \
	framework/conf/netset.c framework/conf/netset.h \
	framework/conf/plain.c framework/conf/plain.h \
	framework/conf/report.c framework/conf/report.h \
	framework/conf/rows.c framework/conf/rows.h \
	framework/conf/scan.c framework/conf/scan.h \
	framework/conf/section.c framework/conf/section.h \
	framework/conf/snapshot.c framework/conf/snapshot.h \
	framework/conf/value.c framework/conf/value.h

if HAVE_CMOCKA
UNIT_TESTS += framework/conf/value_test framework/conf/dump_test \
	framework/conf/load_test framework/conf/mistake_test \
	framework/conf/snapshot_test
framework_conf_test_load = framework/conf/test_load.c \
	framework/conf/test_load.h framework/conf/test_modules.c \
	framework/conf/test_modules.h
framework_conf_value_test_SOURCES = framework/conf/value_test.c
framework_conf_value_test_LDADD = $(TEST_LIBS)
framework_conf_dump_test_SOURCES = framework/conf/dump_test.c \
	$(framework_conf_test_load)
framework_conf_dump_test_LDADD = $(TEST_LIBS)
framework_conf_load_test_SOURCES = framework/conf/load_test.c \
	$(framework_conf_test_load)
framework_conf_load_test_LDADD = $(TEST_LIBS)
framework_conf_mistake_test_SOURCES = framework/conf/mistake_test.c \
	$(framework_conf_test_load)
framework_conf_mistake_test_LDADD = $(TEST_LIBS)
framework_conf_snapshot_test_SOURCES = framework/conf/snapshot_test.c \
	$(framework_conf_test_load)
framework_conf_snapshot_test_LDADD = $(TEST_LIBS)
endif
