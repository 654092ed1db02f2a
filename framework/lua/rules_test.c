/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules_test - what rules with functions see and do, and what stops them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lua/test_util.h"

static void
mistakes_are_named(void **state)
{
	(void)state;
	test_refused("rule \"x\" {\n", "10-test.lua:2: ");
	test_refused("rule \"x\" { stage = \"rctp\", function() end }",
	    "10-test.lua:1: rule \"x\": unknown stage \"rctp\" (did you mean "
	    "\"rcpt\"?)");
	test_refused("\nrule \"x\" { stge = \"rcpt\", function() end }",
	    "10-test.lua:2: rule \"x\": unknown option \"stge\" (did you mean "
	    "\"stage\"?)");
	test_refused("rule \"x\" { on_failure = \"pas\", function() end }",
	    "did you mean \"pass\"?");
	test_refused("rule \"x\" { priority = 101, function() end }", "0 to 100");
	test_refused("rule \"x\" { function() end }\n"
	    "rule \"x\" { function() end }", "is there already: "
	    "10-test.lua:1");
	test_refused("print(undefined_thing)",
	    "there is no global 'undefined_thing'");
	test_refused("while true do end", "the budget of instructions");
	test_refused("local t = {} for i = 1, 1e9 do t[i] = {} end", "memory");
	test_refused("io.open('/etc/passwd')", "no global 'io'");
	test_refused("\033Lua", "attempt to load a binary chunk");
	test_refused("local r = weir.regex('(')", "weir.regex: ");
	test_refused("local m = weir.map('/nowhere')", "/nowhere: ");
}

static void
session_is_seen(void **state)
{
	struct fakehost *f = test_start(
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
	uint32_t r = test_mail(f);

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
	struct fakehost *f = test_start(
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
	test_mail(f);
	fakehost_header(f, "Subject", " raw");
	fakehost_header(f, "X-A", " one");
	fakehost_header(f, "X-A", " two");
	fakehost_decode(f, " raw", "decoded");
	test_eom(f);
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
	struct fakehost *f = test_start(
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
	uint32_t r = test_mail(f), last;

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
	struct fakehost *f = test_start(
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
	test_eom(f);
	assert_null(fakehost_failed(f));
	assert_int_equal(fakehost_verdict(f, a)->action, WEIR_ACT_REJECT);
	assert_int_equal(fakehost_verdict(f, b)->action, WEIR_ACT_DISCARD);
	assert_int_equal(fakehost_verdict(f, c)->action, WEIR_ACT_QUARANTINE);
	fakehost_destroy(&f);
}

static void
on_failure_is_the_rules_own(void **state)
{
	struct fakehost *f = test_start(
	    "rule 't' { stage='rcpt', on_failure = 'tempfail', function()\n"
	    "error('x') end }", NULL);
	uint32_t r = test_mail(f);

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
	struct fakehost *f = test_start(
	    "rule 's' { shadow = true, content = 'none', function(m)\n"
	    "  m:add_score(5, 'x') m:set_fact('a', 'b')\n"
	    "  assert(weir.store.put('a', 'b', 5))\n"
	    "  m:add_header('X', 'y') m:reject('no') end }\n"
	    "rule 'e' { shadow = true, content = 'none', function(m)\n"
	    "  error('x') end }", NULL);

	(void)state;
	test_mail(f);
	test_eom(f);
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
	struct fakehost *f = test_start(
	    "rule 'h' { content = 'headers', function(m)\n"
	    "  local n, seen = 0, {}\n"
	    "  for _, h in ipairs(m:headers()) do\n"
	    "    seen[h.name] = h.value n = n + 1\n"
	    "    assert(getmetatable(h) == nil)\n"
	    "    assert(type(h.name) == 'string') end\n"
	    "  assert(seen.__index == 'v' and seen.__gc == 'v')\n"
	    "  m:set_fact('n', tostring(n)) end }", NULL);

	(void)state;
	test_mail(f);
	memset(huge, 'x', 65536);
	huge[65536] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		fakehost_header(f, names[i], "v");
	fakehost_header(f, huge, "v");
	test_eom(f);
	assert_null(fakehost_failed(f));
	assert_string_equal(fakehost_fact_of(f, WEIR_RCPT_NONE, "rules.n"),
	    "8");
	free(huge);
	fakehost_destroy(&f);
}

static void
numbers_of_rules(void **state)
{
	struct fakehost *f = test_start(
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
	uint32_t r = test_mail(f);

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
	test_refused("weir.metric.counter('Bad')", "is no name");
	test_refused("weir.metric.counter('a') weir.metric.gauge('a')",
	    "of another kind");
	test_refused("for i = 1, 101 do weir.metric.counter('n' .. i) end",
	    "more than 100");
}

#define TEST(fn) cmocka_unit_test_teardown(fn, test_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(mistakes_are_named),
		TEST(session_is_seen),
		TEST(edits_come_in_act),
		TEST(order_and_finality),
		TEST(recipients_have_their_own_ends),
		TEST(on_failure_is_the_rules_own),
		TEST(shadow_changes_nothing),
		TEST(hostile_header_names),
		TEST(numbers_of_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
