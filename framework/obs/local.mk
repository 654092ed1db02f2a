# framework/obs: what operators see
libweir_la_SOURCES += \
	framework/obs/board.c framework/obs/board.h \
	framework/obs/events.h \
	framework/obs/log.c framework/obs/log.h framework/obs/log_int.h \
	framework/obs/log_line.c framework/obs/log_sink.c \
	framework/obs/metric.c framework/obs/metric.h \
	framework/obs/metric_http.c framework/obs/metric_http.h \
	framework/obs/record.c framework/obs/record.h \
	framework/obs/record_db.c framework/obs/record_int.h
EXTRA_DIST += doc/logging.md

if HAVE_CMOCKA
UNIT_TESTS += framework/obs/log_test framework/obs/board_test \
	framework/obs/metric_test framework/obs/metric_http_test \
	framework/obs/record_test
framework_obs_log_test_SOURCES = framework/obs/log_test.c
framework_obs_log_test_LDADD = $(TEST_LIBS) $(JANSSON_LIBS)
framework_obs_board_test_SOURCES = framework/obs/board_test.c
framework_obs_board_test_LDADD = $(TEST_LIBS)
framework_obs_metric_test_SOURCES = framework/obs/metric_test.c
framework_obs_metric_test_LDADD = $(TEST_LIBS)
framework_obs_metric_http_test_SOURCES = framework/obs/metric_http_test.c
framework_obs_metric_http_test_LDADD = $(TEST_LIBS)
framework_obs_record_test_SOURCES = framework/obs/record_test.c
framework_obs_record_test_LDADD = $(TEST_LIBS) $(SQLITE_LIBS)
endif
