# Each target: one parser, seeds in corpus/NAME. tests/fuzz/run runs them.
FUZZ_TARGETS =
if FUZZERS
FUZZ_TARGETS += tests/fuzz/fuzz_conf
tests_fuzz_fuzz_conf_SOURCES = tests/fuzz/fuzz_conf.c
tests_fuzz_fuzz_conf_LDADD = libweir.la $(JANSSON_LIBS)
tests_fuzz_fuzz_conf_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_dns_answer
tests_fuzz_fuzz_dns_answer_SOURCES = tests/fuzz/fuzz_dns_answer.c
tests_fuzz_fuzz_dns_answer_LDADD = libweir.la $(JANSSON_LIBS)
tests_fuzz_fuzz_dns_answer_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_log_line
tests_fuzz_fuzz_log_line_SOURCES = tests/fuzz/fuzz_log_line.c
tests_fuzz_fuzz_log_line_LDADD = libweir.la $(JANSSON_LIBS)
tests_fuzz_fuzz_log_line_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_metric_http
tests_fuzz_fuzz_metric_http_SOURCES = tests/fuzz/fuzz_metric_http.c
tests_fuzz_fuzz_metric_http_LDADD = libweir.la $(JANSSON_LIBS)
tests_fuzz_fuzz_metric_http_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_macros
tests_fuzz_fuzz_macros_SOURCES = tests/fuzz/fuzz_macros.c \
	modules/action/authres.c modules/action/field.c \
	modules/action/macros.c
tests_fuzz_fuzz_macros_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_fuzz_fuzz_macros_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
noinst_PROGRAMS += $(FUZZ_TARGETS)
endif

.PHONY: fuzzers
fuzzers: $(FUZZ_TARGETS)

EXTRA_DIST += tests/fuzz/corpus tests/fuzz/run
