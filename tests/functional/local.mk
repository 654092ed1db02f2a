# tests/functional

# what the MIME view makes of a message, as JSON
noinst_PROGRAMS += tests/functional/mime-dump
tests_functional_mime_dump_SOURCES = tests/functional/mime-dump.c
tests_functional_mime_dump_LDADD = libweir.la $(GMIME_LIBS) $(JANSSON_LIBS)
EXTRA_DIST += tests/functional/test_mime_data.py
# Tests of the built programs from outside; they need root for Postfix.
functional_lib = tests/lib/weirtest/__init__.py \
	tests/lib/weirtest/author.py \
	tests/lib/weirtest/corpus.py tests/lib/weirtest/daemon.py \
	tests/lib/weirtest/fakedns.py tests/lib/weirtest/milter.py \
	tests/lib/weirtest/policy.py tests/lib/weirtest/postfix.py \
	tests/lib/weirtest/proc.py tests/lib/weirtest/sink.py
EXTRA_DIST += $(functional_lib) tests/functional/conftest.py \
	tests/functional/test_harness.py \
	tests/functional/test_milter_vectors.py \
	tests/functional/test_milter_fixtures.py \
	tests/functional/test_policy_requests.py \
	tests/functional/test_mime_all.py tests/functional/test_docs.py tests/functional/test_miltertest.py \
	tests/functional/test_rules.py tests/functional/test_rules_try.py \
	tests/functional/test_rules_call.py tests/functional/test_rules_post.py \
	tests/functional/test_rules_rows.py tests/functional/test_rules_waits.py \
	tests/functional/test_replay.py

# FUNCTIONAL_FLAGS="-k name" and the like go to pytest.  All of the tests are
# shared out, by files, to three processes, for they wait much; what was
# chosen with flags runs in one.
FUNCTIONAL_JOBS = $(if $(FUNCTIONAL_FLAGS),,-n 3 --dist loadfile)
.PHONY: check-functional
check-functional: all bench-tools $(check_LTLIBRARIES)
	WEIR_BUILD='$(abs_builddir)' /usr/bin/python3 -B -m pytest \
		-p no:cacheprovider -q -rs $(FUNCTIONAL_JOBS) \
		$(FUNCTIONAL_FLAGS) $(srcdir)/tests/functional
EXTRA_DIST += tests/functional/test_bayes.py \
	tests/functional/test_bayes_cases.py \
	tests/functional/test_bayes_daemon.py \
	tests/functional/test_bayes_dovecot.py
EXTRA_DIST += tests/functional/test_ctl.py \
	tests/functional/test_helper_protocol.py

# A module that does what the mail tells it.
check_LTLIBRARIES += tests/functional/mod_puppet.la
tests_functional_mod_puppet_la_SOURCES = tests/functional/mod_puppet.c
tests_functional_mod_puppet_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_functional_mod_puppet_la_LDFLAGS = $(PLUGIN_LDFLAGS) -rpath $(moduledir)
EXTRA_DIST += tests/functional/test_daemon.py tests/functional/test_dns_faults.py \
	tests/functional/test_explain.py tests/functional/test_kill.py \
	tests/functional/test_overload.py tests/functional/test_postfix.py \
	tests/functional/test_reload.py
