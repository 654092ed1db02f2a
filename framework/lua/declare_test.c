/* SPDX-License-Identifier: GPL-2.0-or-later */
/* declare_test - slots, groups, actions and macros of declared rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "lua/mark.h"
#include "lua/bind.h"
#include "lua/manual.h"
#include "lua/test_util.h"

/* run - one rule with these slots over a mail to a@, b@ and c@ */
static struct fakehost *
run(const char *slots)
{
	char text[2000];
	struct fakehost *f;

	snprintf(text, sizeof(text), "rule 'r' { %s }", slots);
	f = test_rules(text, "admin = root@example.net");
	if (fakehost_status(f) != WEIR_OK)
		fail_msg("did not load: %s", text);
	fakehost_session(f, "192.0.2.7", NULL);
	fakehost_message(f, "From@Example.COM");
	fakehost_rcpt(f, "a@example.org");
	fakehost_rcpt(f, "b@example.net");
	fakehost_rcpt(f, "c@sub.example.org");
	fakehost_header(f, "Subject", "Buy __RULE__ now");
	fakehost_header(f, "X-A", "one");
	fakehost_header(f, "x-a", "two");
	fakehost_score(f, "LISTED", WEIR_RCPT_NONE, 3, "dnsbl");
	fakehost_score(f, "BAYES", 1, 2.5, "words");
	fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
	fakehost_call(f, WEIR_PHASE_ACT, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
	return f;
}

static void
slots_match(void **state)
{
	/* who is hit: letters of the recipients, in order */
	static const struct {
		const char *slots, *hit;
	} cases[] = {
		{ "", "abc" },
		{ "from = address 'from@example.com',", "abc" },
		{ "from = address 'from@example.co',", "" },
		{ "from = domain 'EXAMPLE.com',", "abc" },
		{ "from = domain 'xample.com',", "" },
		{ "from = ip '192.0.2.7',", "abc" },
		{ "from = ip '192.0.2.8',", "" },
		{ "from = network '192.0.2.0/24',", "abc" },
		{ "from = regex 'from@.*',", "abc" },
		{ "from = regex 'rom@.*',", "" },
		{ "to = address 'A@EXAMPLE.ORG',", "a" },
		{ "to = domain 'example.org',", "a" },
		{ "to = { domain 'example.org', domain 'example.net' },", "ab" },
		{ "to = { domain 'example.org', invert = true },", "bc" },
		{ "to = regex '.*example\\\\.org',", "ac" },
		{ "to = { regex '.*org', regex 'c@.*', all = true },", "c" },
		{ "to = { { regex '.*org', regex 'c@.*', all = true, "
		  "invert = true } },", "ab" },
		{ "to = {},", "abc" },
		{ "to = { {} },", "" },
		{ "to = { { all = true } },", "abc" },
		{ "to = { { invert = true } },", "abc" },
		{ "to = { { all = true, invert = true } },", "" },
		{ "from = receiver 'b@example.net',", "b" },
		{ "from = { receiver_domain 'example.net', "
		  "receiver_regex 'a@.*' },", "ab" },
		{ "what = spamlevel(3),", "abc" },
		{ "what = spamlevel(5.5),", "b" },
		{ "what = spamlevel(5.6),", "" },
		{ "what = symbol 'LISTED',", "abc" },
		{ "what = symbol 'BAYES',", "b" },
		{ "what = { symbol 'BAYES', invert = true },", "ac" },
		{ "what = header('subject', 'buy', 'top'),", "abc" },
		{ "what = header('X-A', '^two$', 'top'),", "abc" },
		{ "what = header('X-A', '^three$', 'top'),", "" },
		{ "what = header('X-None', '', 'top'),", "" },
		{ "from = domain 'example.com', to = domain 'example.net', "
		  "what = spamlevel(5),", "b" },
		/* 2023-11-14 22:13:20 UTC, a Tuesday */
		{ "when = timeframe { from='22:13', to='22:13', zone='UTC' },",
		    "abc" },
		{ "when = timeframe { from='22:14', zone='UTC' },", "" },
		{ "when = timeframe { to='22:12', zone='UTC' },", "" },
		{ "when = timeframe { from='22:00', to='06:00', zone='UTC' },",
		    "abc" },
		{ "when = timeframe { from='23:00', to='06:00', zone='UTC' },",
		    "" },
		{ "when = timeframe { from='23:13', to='23:14', "
		  "zone='+01:00' },", "abc" },
		{ "when = timeframe { days={'tue'}, zone='UTC' },", "abc" },
		{ "when = timeframe { days={'mon','wed'}, zone='UTC' },", "" },
		{ "when = timeframe { days={'wed'}, zone='+02:00' },", "abc" },
		/* after midnight the day is still that of the beginning */
		{ "when = timeframe { from='20:00', to='03:00', "
		  "days={'tue'}, zone='+04:00' },", "abc" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char slots[600], hit[4] = "";
		struct fakehost *f;
		size_t n = 0;

		snprintf(slots, sizeof(slots), "%s action = block()",
		    cases[i].slots);
		f = run(slots);
		assert_null(fakehost_failed(f));
		for (uint32_t r = 0; r < 3; r++) {
			if (fakehost_verdict(f, r) != NULL)
				hit[n++] = "abc"[r];
		}
		if (strcmp(hit, cases[i].hit) != 0)
			fail_msg("%s hits \"%s\", not \"%s\"", cases[i].slots,
			    hit, cases[i].hit);
		fakehost_destroy(&f);
	}
}

static void
mistakes_are_named(void **state)
{
	static const struct {
		const char *slots, *why;
	} cases[] = {
		{ "from = 'text', action = accept()", "not an object" },
		{ "from = spamlevel(3), action = accept()",
		    "spamlevel can't stand in slot from" },
		{ "to = ip '1.2.3.4', action = accept()", "can't stand" },
		{ "from = ip '1.2.3.0/33', action = accept()",
		    "is not an IP address" },
		{ "from = regex '(', action = accept()", "regex \"(\"" },
		{ "to = { domain 'a', invrt = true }, action = accept()",
		    "did you mean \"invert\"?" },
		{ "from = domain 'a'", "neither a function nor an action" },
		{ "action = 5", "not an action" },
		{ "action = reject('x', 450)", "450 is not 5xx" },
		{ "action = set_header('a b', 'c')", "not a field name" },
		{ "stage = 'rcpt', action = subject('x')", "need stage eom" },
		{ "stage = 'rcpt', what = header('a', 'b'), action = block()",
		    "needs stage eom" },
		{ "from = domain 'a', function() end", "beside a function" },
		{ "when = timeframe { from = '25:00' }, action = block()",
		    "no 25:00" },
		{ "when = timeframe { days = {'xyz'} }, action = block()",
		    "is no day" },
		{ "when = timeframe { zone = 'Mars' }, action = block()",
		    "zone \"Mars\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[400];
		struct fakehost *f;

		snprintf(text, sizeof(text), "rule 'r' { %s }",
		    cases[i].slots);
		f = test_rules(text, NULL);
		assert_int_not_equal(fakehost_status(f), WEIR_OK);
		if (fakehost_logged(f, WEIR_LOG_ERROR, cases[i].why) == 0)
			fail_msg("%s: no \"%s\"", cases[i].slots,
			    cases[i].why);
		fakehost_destroy(&f);
	}
}

static void
actions_in_order(void **state)
{
	struct fakehost *f = run("to = domain 'example.net', action = { "
	    "block(), set_header('X-A', '__SUBJECT__|__TARGETS__|__SENDER__|"
	    "__SENDER_IP__|__RULE__|__ADMIN__|__SPAMSTARS__|__SPAMLEVEL__|"
	    "__SPAM_HITS__|__HOST__|__DOMAIN__|__FQDN__|__NONE__'), "
	    "bcc('copy@example.org'), accept(), score(1, 'why __RULE__') }");

	(void)state;
	/* the final one with the lowest priority ends the rule */
	assert_null(fakehost_verdict(f, 0));
	assert_int_equal(fakehost_verdict(f, 1)->action, WEIR_ACT_DISCARD);
	assert_string_equal(fakehost_finding_of(f, "RULES_SCORE")->reason,
	    "r: why r");
	assert_int_equal(fakehost_finding_of(f, "RULES_SCORE")->rcpt, 1);
	/* one pass: the macro in the subject stays as it is */
	assert_string_equal(fakehost_edit_at(f, 0), "change X-A 1: "
	    "Buy __RULE__ now|b@example.net|From@Example.COM|192.0.2.7|r|"
	    "root@example.net|*****|5.5|LISTED=3.0, BAYES=2.5|mx1|"
	    "example.org|mx1.example.org|__NONE__");
	assert_string_equal(fakehost_edit_at(f, 1), "delete X-A 2");
	assert_string_equal(fakehost_edit_at(f, 2),
	    "rcpt_add to: copy@example.org");
	assert_int_equal(fakehost_edit_count(f), 3);
	fakehost_destroy(&f);
}

static void
values_cannot_end_a_field(void **state)
{
	struct fakehost *f = test_rules("rule 'r' { action = "
	    "set_header('X', '__SUBJECT__') }", NULL);

	(void)state;
	assert_int_equal(fakehost_status(f), WEIR_OK);
	fakehost_session(f, "192.0.2.7", NULL);
	fakehost_message(f, "");
	fakehost_rcpt(f, "a@example.org");
	fakehost_header(f, "Subject", "s");
	fakehost_decode(f, "s", "a\r\nBcc: evil@example.org\n\n\x7f.");
	fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
	fakehost_call(f, WEIR_PHASE_ACT, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
	assert_string_equal(fakehost_edit_at(f, 0),
	    "add X: a  Bcc: evil@example.org   .");
	fakehost_destroy(&f);
}

static void
marks_join(void **state)
{
	struct mark a, b;

	(void)state;
	mark_none(&a, false);
	mark_part(&a, 1);
	mark_part(&a, 3);
	mark_none(&b, true);
	mark_and(&a, &b); /* the whole mail limits nothing */
	assert_true(a.matched && a.parts && a.bits[0] == 0xa);
	mark_none(&b, false);
	mark_part(&b, 3);
	mark_and(&a, &b);
	assert_true(a.bits[0] == 0x8);
	mark_invert(&a, 5);
	assert_true(a.matched && a.bits[0] == 0x17);
	mark_and(&a, &b);
	assert_false(a.matched);
	mark_invert(&a, 5);
	assert_true(a.matched && !a.parts);
	mark_part(&b, 1000000);
	assert_true(b.bits[15] == UINT64_C(1) << 63);
}

static void
cost(void **state)
{
	struct fakehost *f = test_rules("rule 'empty' { stage = 'rcpt', "
	    "function(mail) end }", NULL);
	uint64_t began;
	uint32_t r;

	(void)state;
	assert_int_equal(fakehost_status(f), WEIR_OK);
	fakehost_session(f, "192.0.2.7", NULL);
	fakehost_message(f, "a@example.com");
	r = fakehost_rcpt(f, "b@example.org");
	began = clock_mono_ns();
	for (int i = 0; i < 2000; i++)
		fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, r);
	print_message("an empty rule: %.2f us\n",
	    (double)(clock_mono_ns() - began) / 2000e3);
	assert_null(fakehost_failed(f));
	assert_int_equal(fakehost_command(f, "stats", true), WEIR_OK);
	assert_non_null(strstr(fakehost_output(f), "\"runs\":2000,"));
	fakehost_destroy(&f);
}

static void
every_binding_has_help(void **state)
{
	struct buf man = BUF_INIT;
	size_t n = 0;

	(void)state;
	lua_manual(&man);
	for (const struct bind_group *g = bind_groups; g->title != NULL; g++) {
		for (const struct bind_row *r = g->rows; r->name != NULL;
		     r++, n++) {
			const char *last = strrchr(r->name, '.');

			last = last != NULL ? last + 1 : r->name;
			if (r->fn == NULL || r->signature == NULL ||
			    strstr(r->signature, last) == NULL)
				fail_msg("%s: no signature", r->name);
			if (r->help == NULL || strlen(r->help) < 5 ||
			    strchr(".?", r->help[strlen(r->help) - 1]) ==
				NULL)
				fail_msg("%s: no help, or no sentence",
				    r->name);
		}
	}
	assert_true(n > 80);
	assert_non_null(strstr(man.ptr, ".B mail:disclaimer {"));
	buf_fini(&man);
}

#define TEST(fn) cmocka_unit_test_teardown(fn, test_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(slots_match),
		TEST(mistakes_are_named),
		TEST(actions_in_order),
		TEST(values_cannot_end_a_field),
		TEST(marks_join),
		TEST(every_binding_has_help),
		TEST(cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
