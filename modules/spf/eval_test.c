/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of the evaluation: a small suite in the manner of RFC 7208, always
   there, and what hostile zones may try. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define ZONE_RECORDS 64

/* One RRset; records are separated by line feeds. */
struct zone_line {
	const char *name;
	uint16_t type;
	const char *data; /* NULL: no answer in time */
};

static const struct zone_line zone[] = {
	{ "all.example", WEIR_DNS_TXT, "v=spf1 all" },
	{ "deny.example", WEIR_DNS_TXT, "other\nv=spf1 -all" },
	{ "soft.example", WEIR_DNS_TXT, "v=spf1 ~all" },
	{ "neutral.example", WEIR_DNS_TXT, "v=spf1 ?all" },
	{ "empty.example", WEIR_DNS_TXT, "v=spf1" },
	{ "two.example", WEIR_DNS_TXT, "v=spf1 all\nv=spf1 -all" },
	{ "other.example", WEIR_DNS_TXT, "v=spf10 all\nspf" },
	{ "bad.example", WEIR_DNS_TXT, "v=spf1 all bogus" },
	{ "slow.example", WEIR_DNS_TXT, NULL },
	{ "ip.example", WEIR_DNS_TXT, "v=spf1 ip4:192.0.2.0/25 "
	    "ip6:2001:db8::/33 -all" },
	{ "a.example", WEIR_DNS_TXT, "v=spf1 a a:b.example/24//64 -all" },
	{ "a.example", WEIR_DNS_A, "203.0.113.9\n192.0.2.1" },
	{ "b.example", WEIR_DNS_A, "198.51.100.77" },
	{ "b.example", WEIR_DNS_AAAA, "2001:db8:1::1" },
	{ "mx.example", WEIR_DNS_TXT, "v=spf1 mx -all" },
	{ "mx.example", WEIR_DNS_MX, "a.example\nb.example\n" },
	{ "nullmx.example", WEIR_DNS_TXT, "v=spf1 mx -all" },
	{ "nullmx.example", WEIR_DNS_MX, "" },
	{ "inc.example", WEIR_DNS_TXT, "v=spf1 include:ip.example ?all" },
	{ "incnone.example", WEIR_DNS_TXT, "v=spf1 include:other.example" },
	{ "incslow.example", WEIR_DNS_TXT, "v=spf1 include:slow.example" },
	{ "incbad.example", WEIR_DNS_TXT, "v=spf1 include:bad.example" },
	{ "red.example", WEIR_DNS_TXT, "v=spf1 redirect=exp.example "
	    "exp=no.example" },
	{ "rednone.example", WEIR_DNS_TXT, "v=spf1 redirect=no.example" },
	{ "exp.example", WEIR_DNS_TXT, "v=spf1 -all exp=why.%{d}" },
	{ "why.exp.example", WEIR_DNS_TXT, "%{i} is not %{p} of %{d}: %{l}" },
	{ "exists.example", WEIR_DNS_TXT,
	    "v=spf1 exists:%{ir}.%{l}.x.%{d} -all" },
	{ "1.2.0.192.me.x.exists.example", WEIR_DNS_A, "127.0.0.2" },
	{ "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2."
	    "me.x.exists.example", WEIR_DNS_A, "127.0.0.2" },
	{ "ptr.example", WEIR_DNS_TXT, "v=spf1 ptr -all" },
	{ "p.example", WEIR_DNS_TXT, "v=spf1 -exists:%{p}.no.example "
	    "exists:%{p}.p.example ?all" },
	{ "h.ptr.example.p.example", WEIR_DNS_A, "127.0.0.2" },
	{ "1.2.0.192.in-addr.arpa", WEIR_DNS_PTR,
	    "liar.ptr.example\nh.ptr.example" },
	{ "h.ptr.example", WEIR_DNS_A, "192.0.2.1" },
	{ "liar.ptr.example", WEIR_DNS_A, "192.0.2.2" },
	{ "loop.example", WEIR_DNS_TXT, "v=spf1 include:loop.example" },
	{ "redloop.example", WEIR_DNS_TXT, "v=spf1 redirect=redloop.example" },
	{ "ten.example", WEIR_DNS_TXT, "v=spf1 a a a a a a a a a a ?all" },
	{ "ten.example", WEIR_DNS_A, "203.0.113.1" },
	{ "eleven.example", WEIR_DNS_TXT,
	    "v=spf1 a a a a a a a a a a a ?all" },
	{ "eleven.example", WEIR_DNS_A, "203.0.113.1" },
	{ "void2.example", WEIR_DNS_TXT, "v=spf1 a:x.no.example mx ?all" },
	{ "void3.example", WEIR_DNS_TXT,
	    "v=spf1 a:x.no.example mx exists:y.no.example ?all" },
	{ "hosts.example", WEIR_DNS_TXT, "v=spf1 mx all" },
	{ "hosts.example", WEIR_DNS_MX, "a.b\na.b\na.b\na.b\na.b\na.b\na.b\n"
	    "a.b\na.b\na.b\na.example" },
	{ "odd.example", WEIR_DNS_TXT,
	    "v=spf1 a:%{d2147483648} a:%{d4294967296r} a:a..b.c "
	    "a:%{l}.b.c -all" },
	{ "odd.example", WEIR_DNS_A, "203.0.113.1" },
	{ "example.odd", WEIR_DNS_A, "203.0.113.1" },
	{ "slowmx.example", WEIR_DNS_TXT, "v=spf1 mx all" },
	{ "slowmx.example", WEIR_DNS_MX, "slow.example" },
	{ "slow.example", WEIR_DNS_A, NULL },
	{ "slowexp.example", WEIR_DNS_TXT, "v=spf1 -all exp=slow.example" },
	{ "twoexp.example", WEIR_DNS_TXT, "v=spf1 -all exp=two.example" }
};

/* zone_find - the RRset, or NULL */
static const struct zone_line *
zone_find(const char *name, uint16_t type)
{
	for (size_t i = 0; i < N(zone); i++)
		if (zone[i].type == type &&
		    strcasecmp(zone[i].name, name) == 0)
			return &zone[i];
	return NULL;
}

/* zone_answer - answer one question */
static void
zone_answer(struct spf_eval *e, const struct spf_question *q)
{
	const struct zone_line *l = zone_find(q->name, q->type);
	struct weir_dns_rr rr[ZONE_RECORDS] = { 0 };
	struct weir_dns_answer a = { .stride = sizeof(rr[0]), .rr = rr };
	const char *p = l != NULL ? l->data : NULL;

	a.status = l == NULL ? WEIR_E_NOTFOUND : p == NULL ? WEIR_E_TIMEOUT
							    : WEIR_OK;
	while (p != NULL) {
		size_t n = strcspn(p, "\n");

		rr[a.count].type = q->type;
		rr[a.count++].data = (weir_str){ p, n };
		p = p[n] != '\0' ? p + n + 1 : NULL;
	}
	spf_eval_answer(e, &a);
}

/* start - an evaluation */
static struct spf_eval *
start(const char *ip, const char *sender, const char *helo)
{
	struct spf_input in = { .now_ms = 1700000000000,
		.receiver = weir_str_of("mx.example.net") };
	bool four = strchr(ip, ':') == NULL;

	assert_int_equal(inet_pton(four ? AF_INET : AF_INET6, ip, in.ip), 1);
	in.ip_len = four ? 4 : 16;
	in.sender = weir_str_of(sender);
	in.helo = weir_str_of(helo);
	return spf_eval_create(&in);
}

/* run - to its end; at most that many questions */
static uint32_t
run(struct spf_eval *e)
{
	struct spf_question q;
	uint32_t n = 0;

	for (; spf_eval_next(e, &q); n++) {
		assert_true(n < 130);
		assert_true(q.type == WEIR_DNS_A || q.type == WEIR_DNS_AAAA ||
		    q.type == WEIR_DNS_MX || q.type == WEIR_DNS_PTR ||
		    q.type == WEIR_DNS_TXT);
		zone_answer(e, &q);
	}
	assert_int_equal(spf_eval_outcome(e)->lookup_count, n);
	return n;
}

static const struct {
	const char *ip, *sender, *result, *mechanism;
} cases[] = {
	{ "192.0.2.1", "me@all.example", "pass", "all" },
	{ "192.0.2.1", "me@all.example.", "pass", "all" },
	{ "192.0.2.1", "a@b@ALL.example", "pass", "all" },
	{ "192.0.2.1", "me@deny.example", "fail", "-all" },
	{ "192.0.2.1", "me@soft.example", "softfail", "~all" },
	{ "192.0.2.1", "me@neutral.example", "neutral", "?all" },
	{ "192.0.2.1", "me@empty.example", "neutral", "default" },
	{ "192.0.2.1", "me@two.example", "permerror", "" },
	{ "192.0.2.1", "me@other.example", "none", "" },
	{ "192.0.2.1", "me@no.example", "none", "" },
	{ "192.0.2.1", "me@bad.example", "permerror", "" },
	{ "192.0.2.1", "me@slow.example", "temperror", "" },
	{ "192.0.2.1", "me", "none", "" },
	{ "192.0.2.1", "me@", "none", "" },
	{ "192.0.2.1", "me@example", "none", "" },
	{ "192.0.2.1", "me@a..example", "none", "" },
	{ "192.0.2.1", "me@[192.0.2.1]", "none", "" },
	{ "192.0.2.1", "me@b\xc3\xbc.example", "none", "" },
	{ "192.0.2.1", "", "fail", "-all" }, /* HELO deny.example */
	{ "192.0.2.127", "me@ip.example", "pass", "ip4:192.0.2.0/25" },
	{ "192.0.2.128", "me@ip.example", "fail", "-all" },
	{ "2001:db8:7fff::1", "me@ip.example", "pass", "ip6:2001:db8::/33" },
	{ "2001:db8:8000::1", "me@ip.example", "fail", "-all" },
	{ "192.0.2.1", "me@a.example", "pass", "a" },
	{ "198.51.100.1", "me@a.example", "pass", "a:b.example/24//64" },
	{ "2001:db8:1::9", "me@a.example", "pass", "a:b.example/24//64" },
	{ "192.0.2.9", "me@a.example", "fail", "-all" },
	{ "198.51.100.77", "me@mx.example", "pass", "mx" },
	{ "198.51.100.78", "me@mx.example", "fail", "-all" },
	{ "192.0.2.1", "me@nullmx.example", "fail", "-all" },
	{ "192.0.2.1", "me@inc.example", "pass", "include:ip.example" },
	{ "192.0.2.200", "me@inc.example", "neutral", "?all" },
	{ "192.0.2.1", "me@incnone.example", "permerror", "" },
	{ "192.0.2.1", "me@incslow.example", "temperror", "" },
	{ "192.0.2.1", "me@incbad.example", "permerror", "" },
	{ "192.0.2.1", "me@red.example", "fail", "-all" },
	{ "192.0.2.1", "me@rednone.example", "permerror", "" },
	{ "192.0.2.1", "me@exists.example", "pass",
	    "exists:%{ir}.%{l}.x.%{d}" },
	{ "192.0.2.2", "me@exists.example", "fail", "-all" },
	{ "2001:db8::1", "me@exists.example", "pass",
	    "exists:%{ir}.%{l}.x.%{d}" },
	{ "192.0.2.1", "me@ptr.example", "pass", "ptr" },
	{ "192.0.2.2", "me@ptr.example", "fail", "-all" },
	{ "192.0.2.1", "me@p.example", "pass", "exists:%{p}.p.example" },
	{ "192.0.2.3", "me@p.example", "neutral", "?all" },
	{ "192.0.2.1", "me@loop.example", "permerror", "" },
	{ "192.0.2.1", "me@redloop.example", "permerror", "" },
	{ "192.0.2.1", "me@ten.example", "neutral", "?all" },
	{ "192.0.2.1", "me@eleven.example", "permerror", "" },
	{ "192.0.2.1", "me@void2.example", "neutral", "?all" },
	{ "192.0.2.1", "me@void3.example", "permerror", "" },
	{ "192.0.2.1", "me@hosts.example", "permerror", "" },
	{ "192.0.2.1", "me@slowmx.example", "temperror", "" },
	{ "192.0.2.1", "m\xc3\xbc@odd.example", "fail", "-all" },
	{ "192.0.2.1", "me@slowexp.example", "fail", "-all" },
	{ "192.0.2.1", "me@twoexp.example", "fail", "-all" }
};

/* cases_have_their_result - the table */
static void
cases_have_their_result(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct spf_eval *e = start(cases[i].ip, cases[i].sender,
		    "deny.example");
		const struct spf_outcome *o;

		run(e);
		o = spf_eval_outcome(e);
		if (strcmp(spf_result_name(o->result), cases[i].result) != 0 ||
		    strcmp(o->mechanism, cases[i].mechanism) != 0)
			fail_msg("%s from %s: %s by \"%s\" (%s)",
			    cases[i].sender, cases[i].ip,
			    spf_result_name(o->result), o->mechanism,
			    o->problem);
		/* errors say why, others need not */
		assert_int_equal(o->problem[0] != '\0',
		    o->mechanism[0] == '\0');
		spf_eval_destroy(&e);
		assert_null(e);
	}
}

/* explanations_are_expanded - of the domain that was redirected to */
static void
explanations_are_expanded(void **state)
{
	struct spf_eval *e = start("192.0.2.1", "me@red.example", "x");

	(void)state;
	run(e);
	assert_string_equal(spf_eval_outcome(e)->explanation,
	    "192.0.2.1 is not h.ptr.example of exp.example: me");
	spf_eval_destroy(&e);
	e = start("192.0.2.3", "m\r\ne@exp.example", "x");
	run(e);
	assert_string_equal(spf_eval_outcome(e)->explanation,
	    "192.0.2.3 is not unknown of exp.example: m??e");
	spf_eval_destroy(&e);
	e = start("192.0.2.1", "me@twoexp.example", "x");
	run(e);
	assert_string_equal(spf_eval_outcome(e)->explanation, "");
	spf_eval_destroy(&e);
}

/* evidence_is_kept - what was asked, what matched and where */
static void
evidence_is_kept(void **state)
{
	struct spf_eval *e = start("192.0.2.1", "me@inc.example", "x");
	const struct spf_outcome *o = spf_eval_outcome(e);
	const struct spf_lookup *l;

	(void)state;
	assert_int_equal(run(e), 2);
	assert_string_equal(o->record, "v=spf1 include:ip.example ?all");
	assert_string_equal(o->inner, "ip4:192.0.2.0/25");
	assert_string_equal(o->inner_domain, "ip.example");
	assert_string_equal(o->domain, "inc.example");
	assert_false(o->helo);
	assert_int_equal(o->terms, 1);
	l = o->lookups;
	assert_string_equal(l->name, "inc.example");
	assert_int_equal(l->type, WEIR_DNS_TXT);
	assert_string_equal(l->data, o->record);
	assert_string_equal(l->next->name, "ip.example");
	assert_null(l->next->next);
	spf_eval_destroy(&e);
	e = start("192.0.2.1", "", "slow.example");
	o = spf_eval_outcome(e);
	run(e);
	assert_true(o->helo);
	assert_string_equal(o->problem,
	    "TXT of slow.example: no answer in time");
	assert_string_equal(spf_lookup_text(o->lookups), "no answer in time");
	spf_eval_destroy(&e);
}

/* the_client_is_asked_about_once - for ptr and every p */
static void
the_client_is_asked_about_once(void **state)
{
	struct spf_eval *e = start("192.0.2.1", "me@p.example", "x");

	(void)state;
	/* TXT, PTR, two hosts, two exists */
	assert_int_equal(run(e), 6);
	spf_eval_destroy(&e);
}

/* time_may_end - before it is decided, and on the way to the explanation */
static void
time_may_end(void **state)
{
	struct spf_eval *e = start("192.0.2.1", "me@a.example", "x");
	struct spf_question q;

	(void)state;
	assert_true(spf_eval_next(e, &q));
	zone_answer(e, &q);
	assert_true(spf_eval_next(e, &q));
	spf_eval_expire(e, "enough");
	assert_false(spf_eval_next(e, &q));
	assert_int_equal(spf_eval_outcome(e)->result, SPF_RESULT_TEMPERROR);
	assert_string_equal(spf_eval_outcome(e)->problem, "enough");
	spf_eval_destroy(&e);
	e = start("192.0.2.1", "me@exp.example", "x");
	assert_true(spf_eval_next(e, &q));
	zone_answer(e, &q);
	assert_true(spf_eval_next(e, &q));
	spf_eval_expire(e, "enough");
	assert_false(spf_eval_next(e, &q));
	assert_int_equal(spf_eval_outcome(e)->result, SPF_RESULT_FAIL);
	spf_eval_destroy(&e);
	/* given up with a question out */
	e = start("192.0.2.1", "me@inc.example", "x");
	assert_true(spf_eval_next(e, &q));
	spf_eval_destroy(&e);
	spf_eval_destroy(&e);
}

/* answer_text - one TXT of any size */
static void
answer_text(struct spf_eval *e, const char *p, size_t n)
{
	struct weir_dns_rr rr = { .type = WEIR_DNS_TXT, .data = { p, n } };
	struct weir_dns_answer a = { .status = WEIR_OK, .count = 1,
		.stride = sizeof(rr), .rr = &rr };

	spf_eval_answer(e, &a);
}

/* huge_answers_are_harmless - 64 KiB, many records, endless macros */
static void
huge_answers_are_harmless(void **state)
{
	static char text[65536];
	struct spf_eval *e = start("192.0.2.1", "me@a.example", "x");
	struct spf_question q;
	size_t n;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "v=spf1 ", 7);
	assert_true(spf_eval_next(e, &q));
	answer_text(e, text, sizeof(text));
	assert_false(spf_eval_next(e, &q));
	assert_int_equal(spf_eval_outcome(e)->result, SPF_RESULT_PERMERROR);
	spf_eval_destroy(&e);
	/* a name out of as many macros as a record can hold */
	memcpy(text, "v=spf1 a:", 9);
	for (n = 9; n + 12 < SPF_RECORD_MAX; n += 4)
		memcpy(text + n, "%{S}", 4);
	memcpy(text + n, ".x.y", 4);
	e = start("192.0.2.1", "a_long_local_part_of_a_sender@a.example", "x");
	assert_true(spf_eval_next(e, &q));
	answer_text(e, text, n + 4);
	assert_true(spf_eval_next(e, &q));
	assert_true(strlen(q.name) <= 253);
	assert_string_equal(q.name + strlen(q.name) - 4, ".x.y");
	zone_answer(e, &q);
	assert_false(spf_eval_next(e, &q));
	assert_int_equal(spf_eval_outcome(e)->result, SPF_RESULT_NEUTRAL);
	spf_eval_destroy(&e);
	/* the same as an explanation */
	e = start("192.0.2.1", "me@exp.example", "x");
	assert_true(spf_eval_next(e, &q));
	zone_answer(e, &q);
	assert_true(spf_eval_next(e, &q));
	for (n = 0; n + 4 <= SPF_RECORD_MAX; n += 4)
		memcpy(text + n, "%{s}", 4);
	answer_text(e, text, n);
	assert_false(spf_eval_next(e, &q));
	assert_int_equal(strlen(spf_eval_outcome(e)->explanation),
	    SPF_EXPLANATION_SIZE - 1);
	spf_eval_destroy(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cases_have_their_result),
		cmocka_unit_test(explanations_are_expanded),
		cmocka_unit_test(evidence_is_kept),
		cmocka_unit_test(the_client_is_asked_about_once),
		cmocka_unit_test(time_may_end),
		cmocka_unit_test(huge_answers_are_harmless)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
