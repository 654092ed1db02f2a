/* SPDX-License-Identifier: GPL-2.0-or-later */
/* budget_test - what a rule may cost: instructions, memory, stack, time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "lua/test_util.h"

static void
budgets_end_a_call(void **state)
{
	static const struct {
		const char *code, *why;
	} cases[] = {
		{ "while true do end", "instructions" },
		{ "while true do pcall(function() while true do end end) end",
		    "instructions" },
		{ "local t = {} for i = 1, 1e8 do t[i] = {} end", "memory" },
		{ "local s = 'x' while true do s = s .. s end", "memory" },
		{ "pcall(function() local s = 'x' while true do s = s .. s "
		  "end end) error('caught')", "memory" },
		{ "('x'):rep(1e9)", "string.rep" },
		{ "('a'):rep(30000):find(('a*'):rep(20) .. 'b')",
		    "instructions" },
		{ "('a'):rep(30000):gsub(('.-'):rep(20) .. 'b', '')",
		    "instructions" },
		{ "for w in ('a'):rep(30000):gmatch(('a*'):rep(20) .. 'b') do "
		  "end", "instructions" },
		{ "local function f() return f() + 1 end f()", "stack: " },
		/* Lua itself moves the whole stack for each step of this */
		{ "local t = setmetatable({}, {}) getmetatable(t).__call = t "
		  "t()", "stack: " },
		{ "error({})", "no text" },
		{ "error(setmetatable({}, {__tostring = function() while true "
		  "do end end}))", "no text" },
		{ "table.move({}, 1, 1e18, 2)", "instructions" },
		{ "table.concat(setmetatable({}, {__len = function() return "
		  "1e18 end}))", "metatable" },
		{ "table.unpack({}, 1, 1e8)", "unpack" },
		{ "setmetatable({}, {__gc = function() end})", "__gc" },
		{ "x = 1", "global 'x'" },
		{ "string.find = nil local s = 'a' s:find('a') error('e')",
		    "e" },
		{ "table.sort({3, 2, 1}, function(a, b) weir.dns.a('x') "
		  "return a < b end)", "can't wait inside" },
		{ "weir.regex('a')", "top of the file" },
		{ "mail:header('x')", "content = \"headers\"" },
		{ "mail:add_header('a', 'b')", "eom" },
		{ "local a <close> = setmetatable({}, {__close = function() "
		  "while true do end end}) while true do end",
		    "instructions" },
		/* a closer runs when pcall catches: it has no budget left */
		{ "pcall(function() local a <close> = setmetatable({}, "
		  "{__close = function() while true do end end}) "
		  "while true do end end) error('caught')", "instructions" },
		{ "local function f() return (('a'):gsub('a', f)) end f()",
		    "stack: " },
		{ "local s = ('1'):rep(1e6) while true do tonumber(s) end",
		    "instructions" },
		{ "table.move({}, -1, math.maxinteger - 3, 2)",
		    "instructions" },
		{ "local t = {} for i = 1, 30000 do t[i] = i end "
		  "pcall(table.sort, t)", "instructions" },
		{ "pcall(string.rep, 'x', 1e9) error('caught')", "memory: " },
		{ "pcall(table.unpack, {}, 1, 1e8) error('caught')",
		    "stack: " },
		{ "::a:: goto a", "instructions" },
		{ "weir.sleep(-1)", "60" },
		{ "mail:set_fact('a.b', 'c')", "E_INVAL" },
		{ "local t = {} t[1] = t; print(#t, t)", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[1000];
		struct fakehost *f;
		uint32_t r;

		snprintf(text, sizeof(text), "rule 'bad' { stage='rcpt', "
		    "priority = 90, function(mail)\n%s\nend }\n"
		    "rule 'good' { stage='rcpt', function(mail)\n"
		    "mail:set_fact('good', 'yes') end }", cases[i].code);
		/* a slow machine meets the other budgets late */
		f = test_start(text, "time = 30s");
		/* again and again: the next message is untouched */
		for (int k = 0; k < 3; k++) {
			r = test_mail(f);
			fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT,
			    r);
			if (cases[i].why == NULL)
				assert_null(fakehost_failed(f));
			else if (fakehost_failed(f) == NULL ||
			    strstr(fakehost_failed(f), cases[i].why) == NULL ||
			    strstr(fakehost_failed(f),
				"rule \"bad\" (10-test.lua:1)") == NULL)
				fail_msg("%s: %s", cases[i].code,
				    fakehost_failed(f));
			assert_string_equal(fakehost_fact_of(f, r,
			    "rules.good"), "yes");
		}
		if (cases[i].why != NULL)
			assert_int_equal(fakehost_metric(f, "failures",
			    "rule=\"bad\""), 3);
		fakehost_destroy(&f);
	}
}

static void
long_strings_are_watched(void **state)
{
	/* one instruction each, of milliseconds: in 250 of them a second */
	static const char *const loops[] = { "local _ = a < b",
		"local _ = a == b", "local _ = a .. 'x'", "local _ = d + 0" };

	(void)state;
	for (size_t i = 0; i < sizeof(loops) / sizeof(loops[0]); i++) {
		struct fakehost *f;
		uint64_t began;
		char text[600];
		uint32_t r;

		snprintf(text, sizeof(text), "rule 'l' { stage = 'rcpt', "
		    "on_failure = 'pass', function()\n"
		    "  local z = ('\\0'):rep(1048576) z = z .. z z = z .. z\n"
		    "  local a, b = z .. 'a', z .. 'b'\n"
		    "  local d = ('0'):rep(1048576) .. '1'\n"
		    "  while true do %s end end }", loops[i]);
		f = test_start(text, "time = 50ms\nmemory = 64M\n"
		    "instructions = 1000000000");
		r = test_mail(f);
		began = clock_mono_ns();
		fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, r);
		began = (clock_mono_ns() - began) / 1000000;
		print_message("%s: over after %llu ms\n", loops[i],
		    (unsigned long long)began);
		assert_int_equal(fakehost_logged(f, WEIR_LOG_WARN,
		    "time: "), 1);
		assert_int_equal(fakehost_metric(f, "overruns",
		    "rule=\"l\""), 1);
		fakehost_destroy(&f);
	}
}

static void
hoarders_are_started_anew(void **state)
{
	struct fakehost *f = test_start(
	    "local all = {}\n"
	    "rule 'hoard' { stage='rcpt', on_failure = 'pass', function(m)\n"
	    "  all[#all + 1] = ('x'):rep(400000) .. #all end }",
	    "memory = 1M\nmemory_total = 8M");
	uint32_t r;

	(void)state;
	for (int i = 0; i < 100; i++) {
		r = test_mail(f);
		fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, r);
		assert_null(fakehost_failed(f));
	}
	assert_true(fakehost_metric(f, "renewed", NULL) >= 5);
	assert_true(fakehost_metric(f, "failures", "rule=\"hoard\"") <= 20);
	fakehost_destroy(&f);
}

#define TEST(fn) cmocka_unit_test_teardown(fn, test_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(budgets_end_a_call),
		TEST(long_strings_are_watched),
		TEST(hoarders_are_started_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
