# framework/lua: the site's rules
libweir_la_SOURCES += \
	framework/lua/action.c framework/lua/action.h \
	framework/lua/bind.c framework/lua/bind.h \
	framework/lua/bind_call.c framework/lua/bind_dns.c framework/lua/bind_edit.c \
	framework/lua/bind_fact.c framework/lua/bind_log.c \
	framework/lua/bind_map.c framework/lua/bind_map.h \
	framework/lua/bind_message.c framework/lua/bind_metric.c framework/lua/bind_part.c framework/lua/bind_post.c \
	framework/lua/bind_rcpt.c framework/lua/bind_session.c \
	framework/lua/bind_store.c framework/lua/bind_util.c \
	framework/lua/bind_verdict.c \
	framework/lua/command.c framework/lua/command.h \
	framework/lua/coro.c framework/lua/coro.h \
	framework/lua/declare.c framework/lua/declare.h \
	framework/lua/disclaimer.c framework/lua/disclaimer.h \
	framework/lua/disclaimer_text.c \
	framework/lua/edit_text.c framework/lua/edit_text.h \
	framework/lua/effect.c framework/lua/effect.h \
	framework/lua/effect_int.h framework/lua/effect_post.c \
	framework/lua/limit.c framework/lua/limit.h \
	framework/lua/lint.c framework/lua/lint.h framework/lua/lint_scan.c \
	framework/lua/macro.c framework/lua/macro.h framework/lua/mark.h \
	framework/lua/manual.c framework/lua/manual.h \
	framework/lua/map_file.c framework/lua/map_file.h \
	framework/lua/match.c framework/lua/match.h \
	framework/lua/mod_rules.c framework/lua/mod_rules.h \
	framework/lua/notify.c framework/lua/notify.h \
	framework/lua/notify_smtp.c framework/lua/notify_spool.c \
	framework/lua/notify_spool.h framework/lua/notify_text.c \
	framework/lua/object.c framework/lua/object.h \
	framework/lua/object_int.h framework/lua/object_match.c \
	framework/lua/object_seen.c \
	framework/lua/post.c framework/lua/post.h \
	framework/lua/regex.c framework/lua/regex.h \
	framework/lua/round.c framework/lua/round.h \
	framework/lua/rule_register.c \
	framework/lua/rules.c framework/lua/rules.h \
	framework/lua/sandbox.c framework/lua/sandbox.h \
	framework/lua/sandbox_string.c framework/lua/sandbox_table.c \
	framework/lua/state.c framework/lua/state.h \
	framework/lua/trace.c framework/lua/trace.h \
	framework/lua/view.c framework/lua/view.h

if HAVE_CMOCKA
framework_lua_test_util = framework/lua/test_util.c \
	framework/lua/test_util.h tests/lib/folder.h
framework_lua_test_libs = tests/lib/libfakehost.la $(TEST_LIBS)
framework_lua_test_cppflags = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
UNIT_TESTS += framework/lua/budget_test framework/lua/declare_test \
	framework/lua/lint_test framework/lua/map_test \
	framework/lua/match_test framework/lua/rules_test \
	framework/lua/wait_test
framework_lua_budget_test_SOURCES = framework/lua/budget_test.c \
	$(framework_lua_test_util)
framework_lua_budget_test_CPPFLAGS = $(framework_lua_test_cppflags)
framework_lua_budget_test_LDADD = $(framework_lua_test_libs)
framework_lua_declare_test_SOURCES = framework/lua/declare_test.c \
	$(framework_lua_test_util)
framework_lua_declare_test_CPPFLAGS = $(framework_lua_test_cppflags)
framework_lua_declare_test_LDADD = $(framework_lua_test_libs)
framework_lua_lint_test_SOURCES = framework/lua/lint_test.c \
	$(framework_lua_test_util)
framework_lua_lint_test_CPPFLAGS = $(framework_lua_test_cppflags)
framework_lua_lint_test_LDADD = $(framework_lua_test_libs) $(JANSSON_LIBS)
framework_lua_map_test_SOURCES = framework/lua/map_test.c \
	$(framework_lua_test_util)
framework_lua_map_test_CPPFLAGS = $(framework_lua_test_cppflags)
framework_lua_map_test_LDADD = $(framework_lua_test_libs) $(CDB_LIBS)
framework_lua_match_test_SOURCES = framework/lua/match_test.c
framework_lua_match_test_LDADD = $(TEST_LIBS) $(LUA_LIBS)
framework_lua_rules_test_SOURCES = framework/lua/rules_test.c \
	$(framework_lua_test_util)
framework_lua_rules_test_CPPFLAGS = $(framework_lua_test_cppflags)
framework_lua_rules_test_LDADD = $(framework_lua_test_libs)
framework_lua_wait_test_SOURCES = framework/lua/wait_test.c \
	$(framework_lua_test_util)
framework_lua_wait_test_CPPFLAGS = $(framework_lua_test_cppflags)
framework_lua_wait_test_LDADD = $(framework_lua_test_libs)
endif
