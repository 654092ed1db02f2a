# Modules that are only loaded by tests.
check_LTLIBRARIES += tests/abi/mod_probe.la tests/abi/mod_hostile.la \
	tests/abi/mod_mute.la tests/abi/mod_dangling.la \
	tests/abi/mod_remotetest.la tests/abi/mod_luatest.la \
	tests/abi/mod_programtest.la
tests_abi_mod_programtest_la_SOURCES = tests/abi/mod_programtest.c
tests_abi_mod_programtest_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_abi_mod_programtest_la_LDFLAGS = $(PLUGIN_LDFLAGS) -rpath $(moduledir)
EXTRA_DIST += tests/abi/program_helper.py tests/functional/test_program.py
tests_abi_mod_probe_la_SOURCES = tests/abi/mod_probe.c
tests_abi_mod_probe_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_abi_mod_probe_la_LDFLAGS = $(PLUGIN_LDFLAGS) -rpath $(moduledir)
tests_abi_mod_hostile_la_SOURCES = tests/abi/mod_hostile.c
tests_abi_mod_hostile_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_abi_mod_hostile_la_LDFLAGS = $(PLUGIN_LDFLAGS) -rpath $(moduledir)
tests_abi_mod_mute_la_SOURCES = tests/abi/mod_mute.c
tests_abi_mod_mute_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_abi_mod_mute_la_LDFLAGS = $(PLUGIN_LDFLAGS) -rpath $(moduledir)
tests_abi_mod_dangling_la_SOURCES = tests/abi/mod_dangling.c
tests_abi_mod_dangling_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_abi_mod_dangling_la_LDFLAGS = -module -avoid-version -shared \
	-Wl,-z,lazy -rpath $(moduledir)
tests_abi_mod_remotetest_la_SOURCES = tests/abi/mod_remotetest.c
tests_abi_mod_remotetest_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_abi_mod_remotetest_la_LDFLAGS = $(PLUGIN_LDFLAGS) -rpath $(moduledir)
tests_abi_mod_luatest_la_SOURCES = tests/abi/mod_luatest.c
tests_abi_mod_luatest_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_abi_mod_luatest_la_LDFLAGS = $(PLUGIN_LDFLAGS) -rpath $(moduledir)

# compiled by the tests, against headers of every age
EXTRA_DIST += tests/abi/mod_old.c tests/functional/test_abi_modules.py
EXTRA_DIST += tests/functional/test_modules.py tests/functional/test_remote.py

# for tests of the built programs
.PHONY: abi-modules
abi-modules: tests/abi/mod_probe.la tests/abi/mod_hostile.la \
	tests/abi/mod_remotetest.la tests/abi/mod_luatest.la \
	tests/abi/mod_programtest.la
