/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules_test - rules with functions: what they see, do, wait for, and cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cdb.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "lua/test_util.h"

/* start - rules that must load */
static struct fakehost *
start(const char *text, const char *more)
{
	struct fakehost *f = test_rules(text, more);

	if (fakehost_status(f) != WEIR_OK)
		fail_msg("rules did not load: %s", text);
	fakehost_networks(f, "internal", "10.0.0.0/8");
	return f;
}

/* mail - a session up to one recipient */
static uint32_t
mail(struct fakehost *f)
{
	fakehost_session(f, "192.0.2.7", "mail.example.com");
	fakehost_message(f, "a@Example.com");
	return fakehost_rcpt(f, "u@example.org");
}

/* eom - run the decide and act phases of eom */
static void
eom(struct fakehost *f)
{
	assert_int_equal(fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_EOM,
	    WEIR_RCPT_NONE), WEIR_OK);
	assert_int_equal(fakehost_call(f, WEIR_PHASE_ACT, WEIR_STAGE_EOM,
	    WEIR_RCPT_NONE), WEIR_OK);
}

/* refused - the module does not start, and says why */
static void
refused(const char *text, const char *why)
{
	struct fakehost *f = test_rules(text, NULL);

	assert_int_not_equal(fakehost_status(f), WEIR_OK);
	if (fakehost_logged(f, WEIR_LOG_ERROR, why) == 0)
		fail_msg("no line with \"%s\" for: %s", why, text);
	fakehost_destroy(&f);
}

static void
mistakes_are_named(void **state)
{
	(void)state;
	refused("rule \"x\" {\n", "10-test.lua:2: ");
	refused("rule \"x\" { stage = \"rctp\", function() end }",
	    "10-test.lua:1: rule \"x\": unknown stage \"rctp\" (did you mean "
	    "\"rcpt\"?)");
	refused("\nrule \"x\" { stge = \"rcpt\", function() end }",
	    "10-test.lua:2: rule \"x\": unknown option \"stge\" (did you mean "
	    "\"stage\"?)");
	refused("rule \"x\" { on_failure = \"pas\", function() end }",
	    "did you mean \"pass\"?");
	refused("rule \"x\" { priority = 101, function() end }", "0 to 100");
	refused("rule \"x\" { function() end }\n"
	    "rule \"x\" { function() end }", "is there already: "
	    "10-test.lua:1");
	refused("print(undefined_thing)",
	    "there is no global 'undefined_thing'");
	refused("while true do end", "the budget of instructions");
	refused("local t = {} for i = 1, 1e9 do t[i] = {} end", "memory");
	refused("io.open('/etc/passwd')", "no global 'io'");
	refused("\033Lua", "attempt to load a binary chunk");
	refused("local r = weir.regex('(')", "weir.regex: ");
	refused("local m = weir.map('/nowhere')", "/nowhere: ");
}

static void
session_is_seen(void **state)
{
	struct fakehost *f = start(
	    "rule 'see' { stage = 'rcpt', function(mail)\n"
	    "  assert(mail.stage == 'rcpt' and mail.rule == 'see')\n"
	    "  assert(mail.client_addr == '192.0.2.7')\n"
	    "  assert(mail.client_name == 'mail.example.com')\n"
	    "  assert(mail.direction == 'in' and mail.helo == nil)\n"
	    "  assert(mail.sender == 'a@Example.com')\n"
	    "  assert(mail.sender_domain == 'example.com')\n"
	    "  assert(mail.rcpt == 'u@example.org')\n"
	    "  assert(not mail:in_networks('internal'))\n"
	    "  assert(mail:in_networks('internal', '10.1.1.1'))\n"
	    "  local all = mail:rcpts()\n"
	    "  assert(#all == 1 and all[1].domain == 'example.org')\n"
	    "  assert(mail:fact('spf.result') == 'fail')\n"
	    "  assert(mail:score() == 2.5)\n"
	    "  assert(mail:has('LISTED') == 'why' and not mail:has('X'))\n"
	    "  assert(mail:findings()[1].symbol == 'LISTED')\n"
	    "  assert(mail:unscanned()[1].module == 'av')\n"
	    "  assert(not pcall(function() return mail.sendr end))\n"
	    "  local _, e = pcall(function() return mail.sendr end)\n"
	    "  assert(e:find('did you mean \"sender\"', 1, true), e)\n"
	    "  mail:set_fact('seen', 'yes')\n"
	    "  mail:add_score(1.5, 'because')\n"
	    "  mail:reject('no', {code = 554, enhanced = '5.7.0'})\n"
	    "end }", NULL);
	uint32_t r = mail(f);

	(void)state;
	fakehost_fact(f, WEIR_RCPT_NONE, "spf.result", "fail");
	fakehost_score(f, "LISTED", WEIR_RCPT_NONE, 2.5, "why");
	fakehost_unscanned(f, "av", "dead");
	fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, r);
	assert_null(fakehost_failed(f));
	assert_string_equal(fakehost_fact_of(f, r, "rules.seen"), "yes");
	assert_string_equal(fakehost_finding_of(f, "RULES_SCORE")->reason,
	    "see: because");
	assert_int_equal(fakehost_verdict(f, r)->action, WEIR_ACT_REJECT);
	assert_int_equal(fakehost_verdict(f, r)->smtp_code, 554);
	assert_string_equal(fakehost_verdict(f, r)->text, "no");
	fakehost_destroy(&f);
}

static void
edits_come_in_act(void **state)
{
	struct fakehost *f = start(
	    "rule 'edit' { function(mail)\n"
	    "  assert(mail:header('Subject') == 'decoded')\n"
	    "  assert(mail:raw_header('Subject') == ' raw')\n"
	    "  assert(mail:header('X-None') == nil)\n"
	    "  assert(mail:header_count('X-A') == 2)\n"
	    "  assert(mail:header('X-A', -1) == 'two')\n"
	    "  local h = mail:headers()\n"
	    "  assert(#h == 3 and h[3].name == 'X-A')\n"
	    "  mail:add_header('X-New', 'a\\r\\nEvil: b')\n"
	    "  mail:add_header('X-Utf8', 'gr\\u{fc}n')\n"
	    "  mail:set_header('X-A', 'one')\n"
	    "  mail:subject_prefix('[SPAM]')\n"
	    "  assert(not pcall(mail.add_header, mail, 'X Y', 'v'))\n"
	    "end }", NULL);

	(void)state;
	mail(f);
	fakehost_header(f, "Subject", " raw");
	fakehost_header(f, "X-A", " one");
	fakehost_header(f, "X-A", " two");
	fakehost_decode(f, " raw", "decoded");
	eom(f);
	assert_null(fakehost_failed(f));
	assert_int_equal(fakehost_edit_count(f), 5);
	assert_string_equal(fakehost_edit_at(f, 0), "add X-New: a  Evil: b");
	assert_string_equal(fakehost_edit_at(f, 1),
	    "add X-Utf8: =?UTF-8?B?Z3LDvG4=?=");
	assert_string_equal(fakehost_edit_at(f, 2), "change X-A 1: one");
	assert_string_equal(fakehost_edit_at(f, 3), "delete X-A 2");
	assert_string_equal(fakehost_edit_at(f, 4),
	    "change Subject 1: [SPAM] raw");
	fakehost_destroy(&f);
}

static void
order_and_finality(void **state)
{
	struct fakehost *f = start(
	    "rule 'late' { stage='rcpt', priority = 1, function(m)\n"
	    "  m:set_fact('late', 'ran') end }\n"
	    "rule 'second' { stage='rcpt', function(m)\n"
	    "  m:set_fact('order', m:fact('rules.order') .. '2') end }\n"
	    "rule 'first' { stage='rcpt', priority = 90, function(m)\n"
	    "  m:set_fact('order', '1') end }\n"
	    "rule 'third' { stage='rcpt', function(m)\n"
	    "  m:set_fact('order', m:fact('rules.order') .. '3')\n"
	    "  if m.rcpt:find('^final') then m:accept() end end }\n"
	    "rule 'out' { stage='rcpt', direction = 'out', function(m)\n"
	    "  error('never') end }\n", NULL);
	uint32_t r = mail(f), last;

	(void)state;
	fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, r);
	assert_string_equal(fakehost_fact_of(f, r, "rules.order"), "123");
	assert_string_equal(fakehost_fact_of(f, r, "rules.late"), "ran");
	last = fakehost_rcpt(f, "final@example.org");
	fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, last);
	assert_string_equal(fakehost_fact_of(f, last, "rules.order"), "123");
	assert_null(fakehost_fact_of(f, last, "rules.late"));
	assert_int_equal(fakehost_verdict(f, last)->action, WEIR_ACT_ACCEPT);
	fakehost_destroy(&f);
}

static void
recipients_have_their_own_ends(void **state)
{
	struct fakehost *f = start(
	    "rule 'each' { content = 'none', priority = 60, function(m)\n"
	    "  local all = m:rcpts()\n"
	    "  m:reject('one', {rcpt = all[1]})\n"
	    "  m:discard(nil, {rcpt = 'B@example.org'}) end }\n"
	    "rule 'rest' { content = 'none', function(m)\n"
	    "  local all = m:rcpts()\n"
	    "  assert(#all == 1 and all[1].address == 'c@example.org')\n"
	    "  m:quarantine('held') end }\n"
	    "rule 'never' { content = 'none', priority = 1, function(m)\n"
	    "  error('nobody is left') end }", NULL);
	uint32_t a = 0, b, c;

	(void)state;
	fakehost_session(f, "192.0.2.7", NULL);
	fakehost_message(f, "");
	a = fakehost_rcpt(f, "a@example.org");
	b = fakehost_rcpt(f, "b@example.org");
	c = fakehost_rcpt(f, "c@example.org");
	eom(f);
	assert_null(fakehost_failed(f));
	assert_int_equal(fakehost_verdict(f, a)->action, WEIR_ACT_REJECT);
	assert_int_equal(fakehost_verdict(f, b)->action, WEIR_ACT_DISCARD);
	assert_int_equal(fakehost_verdict(f, c)->action, WEIR_ACT_QUARANTINE);
	fakehost_destroy(&f);
}

static const char waits[] =
    "rule 'wait' { stage = 'rcpt', function(m)\n"
    "  local a, why = weir.dns.a('ok.example')\n"
    "  assert(a[1] == '192.0.2.1' and #a == 2)\n"
    "  assert(#weir.dns.a('none.example') == 0)\n"
    "  local x, why = weir.dns.txt('bad.example')\n"
    "  assert(x == nil and why == 'temporary')\n"
    "  assert(weir.dns.mx('mx.example')[1].host == 'h.example')\n"
    "  assert(weir.dns.ptr('192.0.2.9')[1] == 'p.example')\n"
    "  assert(weir.dns.rbl('192.0.2.9', 'list.example')[1] == "
    "'127.0.0.2')\n"
    "  assert(weir.store.get('k') == nil)\n"
    "  assert(weir.store.add('k', 'v', 60) == true)\n"
    "  local n, what, old = weir.store.add('k', 'w', 60)\n"
    "  assert(n == nil and what == 'exists' and old == 'v')\n"
    "  assert(weir.store.put('k', 'z', 60) == true)\n"
    "  assert(weir.store.get('k') == 'z')\n"
    "  weir.sleep(2)\n"
    "  local ok, e = pcall(function() return weir.dns.a('ok.example') "
    "end)\n"
    "  assert(ok and e[1] == '192.0.2.1')\n"
    "  m:set_fact('done', 'yes') end }\n"
    "rule 'behind' { stage = 'rcpt', function(m)\n"
    "  m:set_fact('behind', m:fact('rules.done') or 'no') end }";

/* script - answers for `waits` */
static void
script(struct fakehost *f)
{
	fakehost_dns(f, "ok.example", WEIR_DNS_A, WEIR_OK,
	    "192.0.2.1 192.0.2.2");
	fakehost_dns(f, "bad.example", WEIR_DNS_TXT, WEIR_E_TEMP, "");
	fakehost_dns(f, "mx.example", WEIR_DNS_MX, WEIR_OK, "10:h.example");
	fakehost_dns(f, "9.2.0.192.in-addr.arpa", WEIR_DNS_PTR, WEIR_OK,
	    "p.example");
	fakehost_dns(f, "9.2.0.192.list.example", WEIR_DNS_A, WEIR_OK,
	    "127.0.0.2");
}

static void
waiting_reads_straight(void **state)
{
	struct fakehost *f = start(waits, NULL);
	uint32_t r = mail(f);

	(void)state;
	script(f);
	fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, r);
	assert_null(fakehost_fact_of(f, r, "rules.done"));
	fakehost_advance(f, 2500);
	assert_null(fakehost_failed(f));
	assert_string_equal(fakehost_fact_of(f, r, "rules.done"), "yes");
	assert_string_equal(fakehost_fact_of(f, r, "rules.behind"), "yes");
	fakehost_destroy(&f);
}

static void
cancelled_waits_leave_nothing(void **state)
{
	struct fakehost *f = start(waits, NULL);

	(void)state;
	/* fifty sessions wait at once, then the client is gone */
	for (int i = 0; i < 50; i++) {
		uint32_t r = mail(f);

		script(f);
		for (int k = 0; k < 50; k++)
			fakehost_open(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT,
			    r);
		fakehost_cancel(f);
		assert_null(fakehost_fact_of(f, r, "rules.done"));
	}
	mail(f);
	fakehost_destroy(&f);
}

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
		f = start(text, "time = 30s");
		/* again and again: the next message is untouched */
		for (int k = 0; k < 3; k++) {
			r = mail(f);
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
		f = start(text, "time = 50ms\nmemory = 64M\n"
		    "instructions = 1000000000");
		r = mail(f);
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
	struct fakehost *f = start(
	    "local all = {}\n"
	    "rule 'hoard' { stage='rcpt', on_failure = 'pass', function(m)\n"
	    "  all[#all + 1] = ('x'):rep(400000) .. #all end }",
	    "memory = 1M\nmemory_total = 8M");
	uint32_t r;

	(void)state;
	for (int i = 0; i < 100; i++) {
		r = mail(f);
		fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, r);
		assert_null(fakehost_failed(f));
	}
	assert_true(fakehost_metric(f, "renewed", NULL) >= 5);
	assert_true(fakehost_metric(f, "failures", "rule=\"hoard\"") <= 20);
	fakehost_destroy(&f);
}

static void
on_failure_is_the_rules_own(void **state)
{
	struct fakehost *f = start(
	    "rule 't' { stage='rcpt', on_failure = 'tempfail', function()\n"
	    "error('x') end }", NULL);
	uint32_t r = mail(f);

	(void)state;
	fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, r);
	assert_null(fakehost_failed(f));
	assert_int_equal(fakehost_verdict(f, r)->action, WEIR_ACT_TEMPFAIL);
	assert_string_equal(fakehost_fact_of(f, r, "rules.failed"), "t");
	assert_int_equal(fakehost_logged(f, WEIR_LOG_WARN,
	    "rule \"t\" (10-test.lua:1): 10-test.lua:2: x"), 1);
	fakehost_destroy(&f);
}

static void
shadow_changes_nothing(void **state)
{
	struct fakehost *f = start(
	    "rule 's' { shadow = true, content = 'none', function(m)\n"
	    "  m:add_score(5, 'x') m:set_fact('a', 'b')\n"
	    "  assert(weir.store.put('a', 'b', 5))\n"
	    "  m:add_header('X', 'y') m:reject('no') end }\n"
	    "rule 'e' { shadow = true, content = 'none', function(m)\n"
	    "  error('x') end }", NULL);

	(void)state;
	mail(f);
	eom(f);
	assert_null(fakehost_failed(f));
	assert_null(fakehost_verdict(f, 0));
	assert_int_equal(fakehost_finding_count(f), 0);
	assert_int_equal(fakehost_edit_count(f), 0);
	assert_int_equal(fakehost_store_count(f), 0);
	assert_null(fakehost_fact_of(f, 0, "rules.a"));
	assert_int_equal(fakehost_command(f, "shadow", false), WEIR_OK);
	assert_non_null(strstr(fakehost_output(f),
	    "s: 1 runs, reject 1, score 1, fact 1, edit 1"));
	assert_int_equal(fakehost_command(f, "list", false), WEIR_OK);
	assert_non_null(strstr(fakehost_output(f), "[shadow]"));
	assert_int_equal(fakehost_command(f, "stats", true), WEIR_OK);
	assert_non_null(strstr(fakehost_output(f), "\"failures\":1"));
	fakehost_destroy(&f);
}

static void
hostile_header_names(void **state)
{
	static const char *const names[] = { "__index", "__gc", "constructor",
		"__proto__", "__metatable", "nil", "1" };
	char *huge = malloc(65537);
	struct fakehost *f = start(
	    "rule 'h' { content = 'headers', function(m)\n"
	    "  local n, seen = 0, {}\n"
	    "  for _, h in ipairs(m:headers()) do\n"
	    "    seen[h.name] = h.value n = n + 1\n"
	    "    assert(getmetatable(h) == nil)\n"
	    "    assert(type(h.name) == 'string') end\n"
	    "  assert(seen.__index == 'v' and seen.__gc == 'v')\n"
	    "  m:set_fact('n', tostring(n)) end }", NULL);

	(void)state;
	mail(f);
	memset(huge, 'x', 65536);
	huge[65536] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		fakehost_header(f, names[i], "v");
	fakehost_header(f, huge, "v");
	eom(f);
	assert_null(fakehost_failed(f));
	assert_string_equal(fakehost_fact_of(f, WEIR_RCPT_NONE, "rules.n"),
	    "8");
	free(huge);
	fakehost_destroy(&f);
}

static void
maps_and_expressions(void **state)
{
	char text[2000];
	char *plain = strdup(test_file("plain", "# c\nExample.COM  reject it\n"
	    "b.example\n"));
	char *cidr = strdup(test_file("cidr", "192.0.2.0/24 net\n"
	    "192.0.2.7 host\n2001:db8::/32 six\n"));
	char *exprs = strdup(test_file("exprs", "^a.*z$ first\n"
	    "/b c/ blanks\n"));
	struct fakehost *f;
	uint32_t r;

	(void)state;
	snprintf(text, sizeof(text), "local p = weir.map('%s')\n"
	    "local c = weir.map('%s', 'cidr')\n"
	    "local e = weir.map('%s', 'regex')\n"
	    "local re = weir.regex('^([a-z]+)@(.+)$', 'i')\n"
	    "local slow = weir.regex('(a+)+$')\n"
	    "rule 'm' { stage = 'rcpt', function(m)\n"
	    "  assert(p('example.com') == 'reject it')\n"
	    "  assert(p('b.example') == '' and p('c.example') == nil)\n"
	    "  assert(c('192.0.2.7') == 'host' and c('192.0.2.8') == 'net')\n"
	    "  assert(c('2001:db8::1') == 'six' and c('junk') == nil)\n"
	    "  assert(e('ABCZ') == 'first' and e('xb cx') == 'blanks')\n"
	    "  local l, d = re:match('USER@example.org')\n"
	    "  assert(l == 'USER' and d == 'example.org')\n"
	    "  assert(re:match('nobody') == nil)\n"
	    "  local ok, why = pcall(slow.match, slow, ('a'):rep(200)..'!')\n"
	    "  assert(not ok and why:find('too many steps'), why)\n"
	    "  assert(weir.ip_in('192.0.2.7', '10.0.0.0/8', '192.0.2.0/24'))\n"
	    "  assert(weir.base64_decode('aGFsbG8=') == 'hallo')\n"
	    "  assert(weir.is_utf8('\\u{fc}') and not weir.is_utf8('\\xff'))\n"
	    "  assert(os.time() == 1700000000)\n"
	    "  m:set_fact('late', p('late.example') or 'no') end }", plain,
	    cidr, exprs);
	f = start(text, NULL);
	r = mail(f);
	fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, r);
	assert_null(fakehost_failed(f));
	assert_string_equal(fakehost_fact_of(f, r, "rules.late"), "no");
	test_file("plain", "late.example yes\nexample.com reject it\n"
	    "b.example\n");
	fakehost_clock_set(f, FAKEHOST_EPOCH - 6000);
	fakehost_advance(f, 6000);
	r = mail(f);
	fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, r);
	assert_null(fakehost_failed(f));
	assert_string_equal(fakehost_fact_of(f, r, "rules.late"), "yes");
	fakehost_destroy(&f);
	free(plain);
	free(cidr);
	free(exprs);
}

static void
broken_maps_keep_the_old(void **state)
{
	char text[500];
	char *path = strdup(test_file("nets", "192.0.2.0/24 net\n"));
	struct fakehost *f;
	uint32_t r;

	(void)state;
	snprintf(text, sizeof(text), "local c = weir.map('%s', 'cidr')\n"
	    "rule 'm' { stage = 'rcpt', function(m)\n"
	    "  m:set_fact('net', c('192.0.2.1') or c('192.0.3.1') or 'no') "
	    "end }", path);
	f = start(text, NULL);
	test_file("nets", "192.0.2.0/24 new\n192.0.2.300/24 no\n");
	fakehost_advance(f, 6000);
	assert_int_equal(fakehost_logged(f, WEIR_LOG_WARN,
	    "nets:2: \"192.0.2.300/24\" is not a network: the old content "
	    "stays"), 1);
	r = mail(f);
	fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, r);
	assert_string_equal(fakehost_fact_of(f, r, "rules.net"), "net");
	/* said once, not every five seconds */
	fakehost_advance(f, 60000);
	assert_int_equal(fakehost_logged(f, WEIR_LOG_WARN, "nets:2"), 1);
	remove(path);
	fakehost_advance(f, 6000);
	assert_int_equal(fakehost_logged(f, WEIR_LOG_WARN,
	    "No such file or directory: the old content stays"), 1);
	test_file("nets", "192.0.3.0/24 third\n");
	fakehost_advance(f, 6000);
	r = mail(f);
	fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, r);
	assert_string_equal(fakehost_fact_of(f, r, "rules.net"), "third");
	fakehost_destroy(&f);
	free(path);
}

/* make_cdb - a database under that name, by rename */
static void
make_cdb(const char *name, const char *key, const char *value, bool nul)
{
	char *path = strdup(test_file(name, "")), *tmp = NULL;
	struct cdb_make m;
	int fd;

	assert_true(asprintf(&tmp, "%s.tmp", path) > 0);
	fd = open(tmp, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	cdb_make_start(&m, fd);
	for (int i = 0; i < 1000; i++) {
		char k[20];

		snprintf(k, sizeof(k), "k%d", i);
		cdb_make_add(&m, k, (unsigned)strlen(k), "v", 1);
	}
	cdb_make_add(&m, key, (unsigned)strlen(key) + nul, value,
	    (unsigned)strlen(value) + nul);
	assert_int_equal(cdb_make_finish(&m), 0);
	close(fd);
	assert_int_equal(rename(tmp, path), 0);
	free(tmp);
	free(path);
}

static void
databases(void **state)
{
	char text[700];
	char *path = strdup(test_file("db", ""));
	char junk[3000];
	struct fakehost *f;
	uint32_t r;

	(void)state;
	make_cdb("db", "example.com", "first", false);
	snprintf(text, sizeof(text), "local c = weir.map('%s', 'cdb')\n"
	    "rule 'm' { stage = 'rcpt', function(m)\n"
	    "  assert(c('k7') == 'v' and c('nothing') == nil)\n"
	    "  m:set_fact('db', c('Example.COM')) end }", path);
	f = start(text, NULL);
	r = mail(f);
	fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, r);
	assert_string_equal(fakehost_fact_of(f, r, "rules.db"), "first");
	/* as postmap writes it */
	make_cdb("db", "example.com", "second", true);
	fakehost_advance(f, 6000);
	r = mail(f);
	fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, r);
	assert_string_equal(fakehost_fact_of(f, r, "rules.db"), "second");
	/* tables that point outside, then a file that is too short */
	memset(junk, 0x7f, sizeof(junk) - 1);
	junk[sizeof(junk) - 1] = '\0';
	for (int i = 0; i < 2; i++) {
		char *broken = strdup(test_file("broken", i == 0 ? junk :
		    "short"));

		assert_int_equal(rename(broken, path), 0);
		free(broken);
		fakehost_advance(f, 6000);
		assert_int_equal(fakehost_logged(f, WEIR_LOG_WARN,
		    i == 0 ? "or cut short: the old content stays" :
		    "not a cdb file: the old content stays"), 1);
		r = mail(f);
		fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, r);
		assert_string_equal(fakehost_fact_of(f, r, "rules.db"),
		    "second");
	}
	fakehost_destroy(&f);
	refused("local c = weir.map('/etc/hostname', 'cdb')",
	    "/etc/hostname: not a cdb file");
	free(path);
}

/* mapped - what the rule of files_cut_short finds now */
static const char *
mapped(struct fakehost *f)
{
	uint32_t r = mail(f);

	fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, r);
	return fakehost_fact_of(f, r, "rules.db");
}

static void
files_cut_short(void **state)
{
	char *path = strdup(test_file("db", "")), text[700];
	struct fakehost *f;

	(void)state;
	make_cdb("db", "example.com", "first", false);
	snprintf(text, sizeof(text), "local c = weir.map('%s', 'cdb')\n"
	    "rule 'm' { stage = 'rcpt', function(m)\n"
	    "  for i = 0, 999 do assert(c('k' .. i) == 'v') end\n"
	    "  m:set_fact('db', c('example.com')) end }", path);
	f = start(text, "map_size = 64k");
	assert_string_equal(mapped(f), "first");
	/* in place: a mapping of the file would be a SIGBUS now */
	for (off_t size = 20000; size >= 0; size -= 5000) {
		assert_int_equal(truncate(path, size), 0);
		assert_string_equal(mapped(f), "first");
		fakehost_advance(f, 6000);
		assert_string_equal(mapped(f), "first");
	}
	assert_true(fakehost_logged(f, WEIR_LOG_WARN,
	    "or cut short: the old content stays") > 0);
	assert_true(fakehost_logged(f, WEIR_LOG_WARN,
	    "not a cdb file: the old content stays") > 0);
	/* one that grew too large stays away, too */
	assert_int_equal(truncate(path, 65537), 0);
	fakehost_advance(f, 6000);
	assert_int_equal(fakehost_logged(f, WEIR_LOG_WARN, "/db: larger than "
	    "65536 octets (map_size): the old content stays"), 1);
	assert_string_equal(mapped(f), "first");
	make_cdb("db", "example.com", "second", false);
	fakehost_advance(f, 6000);
	assert_string_equal(mapped(f), "second");
	fakehost_destroy(&f);
	/* at the start it is an error */
	assert_int_equal(truncate(path, 65537), 0);
	f = test_rules(text, "map_size = 64k");
	assert_int_not_equal(fakehost_status(f), WEIR_OK);
	assert_int_equal(fakehost_logged(f, WEIR_LOG_ERROR,
	    "larger than 65536 octets (map_size)"), 1);
	fakehost_destroy(&f);
	free(path);
}

static void
numbers_of_rules(void **state)
{
	struct fakehost *f = start(
	    "local hit = weir.metric.counter('zips', 'Zip files.')\n"
	    "local level = weir.metric.gauge('level')\n"
	    "local took = weir.metric.histogram('lookup')\n"
	    "rule 'a' { stage = 'rcpt', function(m)\n"
	    "  hit() hit(4) level(-3) took(0.1)\n"
	    "  assert(not pcall(hit, -1) and not pcall(level, 1e300))\n"
	    "  assert(not pcall(weir.metric.counter, 'late'))\n"
	    "  m:set_fact('x', 'y') m:add_score(1, 'z') end }\n"
	    "rule 'b' { stage = 'rcpt', function(m) end }\n"
	    "rule 'c' { stage = 'rcpt', from = domain 'example.com',\n"
	    "  action = score(1) }\n"
	    "rule 'd' { stage = 'rcpt', from = domain 'example.net',\n"
	    "  action = score(1) }\n"
	    "rule 'e' { stage = 'rcpt', function(m) while true do end end }\n",
	    NULL);
	uint32_t r = mail(f);

	(void)state;
	fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, r);
	assert_int_equal(fakehost_metric(f, "site_zips", NULL), 5);
	assert_int_equal(fakehost_metric(f, "site_level", NULL), -3);
	assert_int_equal(fakehost_metric(f, "site_lookup", NULL), 1);
	assert_int_equal(fakehost_metric(f, "seconds", "rule=\"a\""), 1);
	assert_int_equal(fakehost_metric(f, "matches", "rule=\"a\""), 1);
	assert_int_equal(fakehost_metric(f, "matches", "rule=\"b\""), 0);
	assert_int_equal(fakehost_metric(f, "matches", "rule=\"c\""), 1);
	assert_int_equal(fakehost_metric(f, "matches", "rule=\"d\""), 0);
	assert_int_equal(fakehost_metric(f, "seconds", "rule=\"d\""), 1);
	assert_int_equal(fakehost_metric(f, "failures", "rule=\"e\""), 1);
	assert_int_equal(fakehost_metric(f, "overruns", "rule=\"e\""), 1);
	fakehost_destroy(&f);
	refused("weir.metric.counter('Bad')", "is no name");
	refused("weir.metric.counter('a') weir.metric.gauge('a')",
	    "of another kind");
	refused("for i = 1, 101 do weir.metric.counter('n' .. i) end",
	    "more than 100");
}

/* end - remove the folder after each test */
static int
end(void **state)
{
	(void)state;
	test_end();
	return 0;
}

#define TEST(fn) cmocka_unit_test_teardown(fn, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(mistakes_are_named),
		TEST(session_is_seen),
		TEST(edits_come_in_act),
		TEST(order_and_finality),
		TEST(recipients_have_their_own_ends),
		TEST(waiting_reads_straight),
		TEST(cancelled_waits_leave_nothing),
		TEST(budgets_end_a_call),
		TEST(long_strings_are_watched),
		TEST(hoarders_are_started_anew),
		TEST(on_failure_is_the_rules_own),
		TEST(shadow_changes_nothing),
		TEST(hostile_header_names),
		TEST(maps_and_expressions),
		TEST(broken_maps_keep_the_old),
		TEST(databases),
		TEST(files_cut_short),
		TEST(numbers_of_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
