/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wait_test - rules that wait, and clients that go away at every point where
   they can. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "lua/test_util.h"

/* Everything that waits, and the ways to stand inside something. */
static const char *const ops[] = { "weir.dns.a('x.example')",
	"weir.dns.aaaa('x.example')", "weir.dns.mx('x.example')",
	"weir.dns.txt('x.example')", "weir.dns.ns('x.example')",
	"weir.dns.ptr('192.0.2.1')", "weir.dns.rbl('192.0.2.1', 'l.example')",
	"weir.store.get('k')", "weir.store.put('k', 'v', 60)",
	"weir.store.add('k', 'v', 60)", "weir.store.del('k')",
	"weir.sleep(1)" };
static const struct {
	const char *before, *after;
} inside[] = { { "", "" },
	{ "assert(pcall(function() return (", ") end))" },
	{ "local t = setmetatable({}, { __index = function() ",
	    " return 1 end }) assert(t.x == 1)" },
	{ "local function f(n) if n > 0 then f(n - 1) else ",
	    " end end f(50)" },
	{ "for _ in function(_, i) if not i then ",
	    " return 1 end end do end" },
	{ "local big = ('x'):rep(100000) do local c <close> = setmetatable({}, "
	  "{ __close = function() end }) ", " end assert(#big == 100000)" } };
static const int stages[] = { WEIR_STAGE_CONNECT, WEIR_STAGE_HELO,
	WEIR_STAGE_MAIL, WEIR_STAGE_RCPT, WEIR_STAGE_DATA, WEIR_STAGE_EOH,
	WEIR_STAGE_EOM };

/* cut - one operation, inside something, at a stage: it waits, and the client
   goes away; then it waits, and is answered */
static void
cut(const char *op, size_t around, int stage)
{
	char text[800], code[500];
	uint32_t rcpt = stage == WEIR_STAGE_RCPT ? 0 : WEIR_RCPT_NONE;
	int64_t memory = 0, now;
	struct fakehost *f;

	snprintf(code, sizeof(code), "%s%s%s", inside[around].before, op,
	    inside[around].after);
	snprintf(text, sizeof(text), "local done = weir.metric.counter('done')"
	    "\nrule 'w' { stage = '%s', function(m)\n%s\ndone() end }",
	    stage_name(stage), code);
	f = test_rules(text, NULL);
	if (fakehost_status(f) != WEIR_OK)
		fail_msg("rules did not load: %s", text);
	for (int i = 0; i < 30; i++) {
		test_mail(f);
		fakehost_open(f, WEIR_PHASE_DECIDE, (uint32_t)stage, rcpt);
		if (fakehost_metric(f, "waiting", NULL) != 1)
			fail_msg("%s: does not wait", text);
		fakehost_cancel(f);
		assert_int_equal(fakehost_metric(f, "waiting", NULL), 0);
		assert_int_equal(fakehost_metric(f, "site_done", NULL), 0);
		/* what ended so is garbage, and is collected */
		if (i == 9)
			memory = fakehost_metric(f, "memory_bytes", NULL);
	}
	now = fakehost_metric(f, "memory_bytes", NULL);
	if (now > memory + 1000000)
		fail_msg("%s: %lld octets after 10, %lld after 30", text,
		    (long long)memory, (long long)now);
	test_mail(f);
	fakehost_call(f, WEIR_PHASE_DECIDE, (uint32_t)stage, rcpt);
	fakehost_advance(f, 1500);
	assert_int_equal(fakehost_metric(f, "site_done", NULL), 1);
	assert_int_equal(fakehost_metric(f, "waiting", NULL), 0);
	if (fakehost_metric(f, "failures", "rule=\"w\"") != 0)
		fail_msg("%s: %s", text, fakehost_failed(f));
	fakehost_destroy(&f);
}

static void
every_wait_can_be_cut(void **state)
{
	(void)state;
	for (size_t o = 0; o < sizeof(ops) / sizeof(ops[0]); o++) {
		for (size_t s = 0; s < sizeof(stages) / sizeof(stages[0]); s++)
			cut(ops[o], 0, stages[s]);
		for (size_t i = 1; i < sizeof(inside) / sizeof(inside[0]); i++)
			cut(ops[o], i, WEIR_STAGE_RCPT);
	}
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
	struct fakehost *f = test_start(waits, NULL);
	uint32_t r = test_mail(f);

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
	struct fakehost *f = test_start(waits, NULL);

	(void)state;
	/* fifty sessions wait at once, then the client is gone */
	for (int i = 0; i < 50; i++) {
		uint32_t r = test_mail(f);

		script(f);
		for (int k = 0; k < 50; k++)
			fakehost_open(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT,
			    r);
		fakehost_cancel(f);
		assert_null(fakehost_fact_of(f, r, "rules.done"));
	}
	test_mail(f);
	fakehost_destroy(&f);
}

#define TEST(fn) cmocka_unit_test_teardown(fn, test_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_wait_can_be_cut),
		TEST(waiting_reads_straight),
		TEST(cancelled_waits_leave_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
