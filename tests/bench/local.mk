# Yardsticks and the module that walks over every part, for `make bench`.
bench_programs = tests/bench/floor tests/bench/gmime-alone \
	tests/bench/remote
EXTRA_PROGRAMS = tests/bench/floor tests/bench/gmime-alone \
	tests/bench/libmilter-filter tests/bench/remote
tests_bench_floor_SOURCES = tests/bench/floor.c
tests_bench_floor_LDADD =
tests_bench_gmime_alone_SOURCES = tests/bench/gmime_alone.c
tests_bench_gmime_alone_LDADD = $(GMIME_LIBS)
tests_bench_remote_SOURCES = tests/bench/remote.c
tests_bench_remote_LDADD = libweir.la
tests_bench_libmilter_filter_SOURCES = tests/bench/libmilter_filter.c
tests_bench_libmilter_filter_LDADD = -lmilter

if MODULE_QUARANTINE
bench_programs += tests/bench/quarantine
EXTRA_PROGRAMS += tests/bench/quarantine
tests_bench_quarantine_SOURCES = tests/bench/quarantine.c tests/lib/folder.h \
	modules/quarantine/filter.c modules/quarantine/op_look.c \
	modules/quarantine/order.c $(modules_quarantine_store_sources)
tests_bench_quarantine_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_bench_quarantine_LDADD = $(SQLITE_LIBS) $(JANSSON_LIBS) $(TLS_LIBS)
endif

if HAVE_LIBMILTER
bench_programs += tests/bench/libmilter-filter
endif

# check_LTLIBRARIES: built for tests, never installed.  -rpath makes libtool
# build the shared object.
check_LTLIBRARIES += tests/bench/mod_benchmime.la
tests_bench_mod_benchmime_la_SOURCES = tests/bench/mod_benchmime.c
tests_bench_mod_benchmime_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_bench_mod_benchmime_la_LDFLAGS = $(PLUGIN_LDFLAGS) -rpath $(moduledir)
check_LTLIBRARIES += tests/bench/mod_benchrules.la
tests_bench_mod_benchrules_la_SOURCES = tests/bench/mod_benchrules.c
tests_bench_mod_benchrules_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_bench_mod_benchrules_la_LDFLAGS = $(PLUGIN_LDFLAGS) -rpath $(moduledir)

EXTRA_DIST += tests/bench/bench.py tests/bench/bench_antivirus.py \
	tests/bench/mod_benchempty.c tests/bench/bench_postfix.py tests/bench/bench_spf.py
CLEANFILES += $(EXTRA_PROGRAMS)

.PHONY: bench bench-tools
bench-tools: $(bench_programs) tests/bench/mod_benchmime.la \
	tests/bench/mod_benchrules.la
bench: all bench-tools
	WEIR_BUILD='$(abs_builddir)' /usr/bin/python3 -B \
		$(srcdir)/tests/bench/bench.py $(BENCH_FLAGS)
	WEIR_BUILD='$(abs_builddir)' /usr/bin/python3 -B \
		$(srcdir)/tests/bench/bench_spf.py $(BENCH_FLAGS)
	WEIR_BUILD='$(abs_builddir)' /usr/bin/python3 -B \
		$(srcdir)/tests/bench/bench_postfix.py $(BENCH_FLAGS)
	WEIR_BUILD='$(abs_builddir)' /usr/bin/python3 -B \
		$(srcdir)/tests/bench/bench_antivirus.py $(BENCH_FLAGS)
if MODULE_QUARANTINE
	tests/bench/quarantine
endif
