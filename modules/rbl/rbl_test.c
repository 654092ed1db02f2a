/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rbl_test - lists that lie, die, refuse or list the world. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/fakehost.h"
#include "rbl.h"

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)

const struct weir_module *mod_rbl_LTX_weir_entry(void);

/* healthy - the test entries of a good list */
static void
healthy(struct fakehost *f, const char *zone)
{
	static const char *const listed[] = { "2.0.0.127", "test" };
	char name[NAME_SIZE];

	for (int i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "%s.%s", listed[i], zone);
		fakehost_dns(f, name, WEIR_DNS_A, WEIR_OK, "127.0.0.2");
	}
}

/* start - the module with these options; lists a, b and white are healthy */
static struct fakehost *
start(const char *conf)
{
	struct fakehost *f = fakehost_create(mod_rbl_LTX_weir_entry(), conf);

	assert_int_equal(fakehost_status(f), WEIR_OK);
	fakehost_networks(f, "internal", "127.0.0.0/8, 10.0.0.0/8");
	healthy(f, "a.example");
	healthy(f, "b.example");
	healthy(f, "white.example");
	return f;
}

/* connected - a client up to HELO, nothing said about the message */
static void
connected(struct fakehost *f, const char *addr, const char *name,
    const char *helo)
{
	fakehost_session(f, addr, name);
	assert_int_equal(fakehost_call(f, WEIR_PHASE_COLLECT,
	    WEIR_STAGE_CONNECT, WEIR_RCPT_NONE), WEIR_OK);
	if (helo == NULL)
		return;
	fakehost_attr(f, WEIR_A_HELO, helo);
	assert_int_equal(fakehost_call(f, WEIR_PHASE_COLLECT, WEIR_STAGE_HELO,
	    WEIR_RCPT_NONE), WEIR_OK);
}

/* mailed - the envelope sender */
static void
mailed(struct fakehost *f, const char *from)
{
	fakehost_message(f, from);
	assert_int_equal(fakehost_call(f, WEIR_PHASE_COLLECT, WEIR_STAGE_MAIL,
	    WEIR_RCPT_NONE), WEIR_OK);
}

/* client - a client and its message */
static void
client(struct fakehost *f, const char *addr)
{
	connected(f, addr, NULL, NULL);
	mailed(f, "a@sender.example");
}

static void
listed_client_is_found(void **state)
{
	struct fakehost *f = start("zone a.example {\n"
	    "codes = 127.0.0.2, 127.0.0.3=5, 127.0.0.10-11=0.5\n"
	    "score = 4\n}\n");
	const struct fakehost_finding *x;

	(void)state;
	fakehost_dns(f, "7.113.0.203.a.example", WEIR_DNS_A, WEIR_OK,
	    "127.0.0.10 127.0.0.3 127.0.0.2");
	client(f, "203.0.113.7");
	assert_int_equal(fakehost_finding_count(f), 1);
	x = fakehost_finding_of(f, "RBL_CLIENT");
	assert_non_null(x);
	assert_true(x->score == 5.0);
	assert_string_equal(x->reason,
	    "203.0.113.7 is listed in a.example (127.0.0.3)");
	assert_int_equal(x->rcpt, WEIR_RCPT_NONE);
	assert_string_equal(fakehost_fact_of(f, WEIR_RCPT_NONE, "rbl.listed"),
	    "a.example");
	/* the next message of the session */
	mailed(f, "b@sender.example");
	assert_int_equal(fakehost_finding_count(f), 1);
	assert_int_equal(fakehost_dns_asked(f, "7.113.0.203.a.example"), 1);
	client(f, "203.0.113.8");
	assert_int_equal(fakehost_finding_count(f), 0);
	assert_null(fakehost_failed(f));
	assert_int_equal(fakehost_metric(f, "listed", "zone=\"a.example\""),
	    1);
	assert_int_equal(fakehost_metric(f, "asked", "zone=\"a.example\""),
	    2);
	fakehost_destroy(&f);
}

static void
ipv6_client_is_found(void **state)
{
	struct fakehost *f = start("zone a.example {\n}\n");

	(void)state;
	fakehost_dns(f, "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8."
	    "b.d.0.1.0.0.2.a.example", WEIR_DNS_A, WEIR_OK, "127.0.0.2");
	client(f, "2001:db8::7");
	assert_string_equal(fakehost_finding_of(f, "RBL_CLIENT")->reason,
	    "2001:db8::7 is listed in a.example (127.0.0.2)");
	fakehost_destroy(&f);
}

/* Answers that must never be a listing. */
static void
unmapped_answers_are_unknown(void **state)
{
	static const char *const answers[] = { "127.255.255.252",
		"127.255.255.254", "127.255.255.255", "127.0.0.4",
		"127.0.0.1", "192.0.2.80", "0.0.0.0", "garbage" };

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct fakehost *f = start("zone a.example {\n"
		    "codes = 127.0.0.2-3\n}\n");

		fakehost_dns(f, "7.113.0.203.a.example", WEIR_DNS_A, WEIR_OK,
		    answers[i]);
		client(f, "203.0.113.7");
		assert_int_equal(fakehost_finding_count(f), 0);
		assert_null(fakehost_fact_of(f, WEIR_RCPT_NONE,
		    "rbl.listed"));
		/* nor is it a clean bill */
		assert_non_null(fakehost_failed(f));
		assert_int_equal(fakehost_logged(f, WEIR_LOG_ERROR,
		    answers[i]), 1);
		/* one alarm an hour */
		fakehost_advance(f, HOUR - 1);
		client(f, "203.0.113.7");
		assert_int_equal(fakehost_logged(f, WEIR_LOG_ERROR,
		    answers[i]), 1);
		fakehost_advance(f, 1);
		client(f, "203.0.113.7");
		assert_int_equal(fakehost_logged(f, WEIR_LOG_ERROR,
		    answers[i]), 2);
		assert_int_equal(fakehost_metric(f, "unknown",
		    "zone=\"a.example\""), 3);
		fakehost_destroy(&f);
	}
}

static void
names_are_asked_where_they_belong(void **state)
{
	struct fakehost *f = start(
	    "zone a.example {\nkind = helo, sender, rdns\nscore = 2\n}\n"
	    "zone b.example {\nkind = client\n}\n");

	(void)state;
	fakehost_dns(f, "helo.example.a.example", WEIR_DNS_A, WEIR_OK,
	    "127.0.0.2");
	fakehost_dns(f, "mx.host.example.a.example", WEIR_DNS_A, WEIR_OK,
	    "127.0.0.2");
	fakehost_dns(f, "sender.example.a.example", WEIR_DNS_A, WEIR_OK,
	    "127.0.0.2");
	connected(f, "203.0.113.7", "mx.host.example", "HELO.example");
	/* EHLO again after STARTTLS, and another name: the list counts once */
	fakehost_call(f, WEIR_PHASE_COLLECT, WEIR_STAGE_HELO, WEIR_RCPT_NONE);
	fakehost_attr(f, WEIR_A_HELO, "helo.example.");
	fakehost_call(f, WEIR_PHASE_COLLECT, WEIR_STAGE_HELO, WEIR_RCPT_NONE);
	mailed(f, "x@Sender.example");
	assert_int_equal(fakehost_finding_count(f), 3);
	assert_true(fakehost_finding_of(f, "RBL_HELO")->score == 2.0);
	assert_string_equal(fakehost_finding_of(f, "RBL_RDNS")->reason,
	    "mx.host.example is listed in a.example (127.0.0.2)");
	assert_string_equal(fakehost_finding_of(f, "RBL_SENDER")->reason,
	    "sender.example is listed in a.example (127.0.0.2)");
	assert_int_equal(fakehost_dns_asked(f, "helo.example.a.example"), 1);
	assert_int_equal(fakehost_dns_asked(f, "7.113.0.203.a.example"), 0);
	assert_int_equal(fakehost_dns_asked(f, "7.113.0.203.b.example"), 1);
	/* literals and single labels are no names */
	connected(f, "203.0.113.7", NULL, "[203.0.113.7]");
	mailed(f, "x@[203.0.113.7]");
	mailed(f, "");
	mailed(f, "postmaster");
	assert_int_equal(fakehost_finding_count(f), 0);
	assert_null(fakehost_failed(f));
	fakehost_destroy(&f);
}

static void
allow_list_silences_the_others(void **state)
{
	struct fakehost *f = start("zone a.example {\nscore = 4\n}\n"
	    "zone b.example {\nkind = rdns, helo, sender\n}\n"
	    "zone white.example {\ncodes = 127.0.0.0/16\nallow = yes\n"
	    "score = 3\n}\n");
	const struct fakehost_finding *x;

	(void)state;
	fakehost_dns_below(f, "113.0.203.a.example", WEIR_DNS_A, WEIR_OK,
	    "127.0.0.2");
	fakehost_dns(f, "bad.example.b.example", WEIR_DNS_A, WEIR_OK,
	    "127.0.0.2");
	fakehost_dns(f, "7.113.0.203.white.example", WEIR_DNS_A, WEIR_OK,
	    "127.0.5.1");
	connected(f, "203.0.113.7", "bad.example", "bad.example");
	mailed(f, "x@good.example");
	assert_int_equal(fakehost_finding_count(f), 1);
	x = fakehost_finding_of(f, "RBL_ALLOWED");
	assert_true(x->score == -3.0);
	assert_string_equal(x->reason,
	    "203.0.113.7 is listed in white.example (127.0.5.1)");
	assert_string_equal(fakehost_fact_of(f, WEIR_RCPT_NONE,
	    "rbl.allowed"), "white.example");
	assert_null(fakehost_fact_of(f, WEIR_RCPT_NONE, "rbl.listed"));
	/* it speaks for the client, not for a sender */
	mailed(f, "x@bad.example");
	assert_non_null(fakehost_finding_of(f, "RBL_SENDER"));
	/* the neighbour is not allowed */
	connected(f, "203.0.113.8", "bad.example", "bad.example");
	mailed(f, "x@good.example");
	assert_int_equal(fakehost_finding_count(f), 3);
	assert_string_equal(fakehost_fact_of(f, WEIR_RCPT_NONE, "rbl.listed"),
	    "a.example b.example");
	fakehost_destroy(&f);
}

static void
trust_needs_proof(void **state)
{
	struct fakehost *f = start("zone white.example {\n"
	    "kind = rdns, sender, helo\nallow = yes\n}\n");

	(void)state;
	fakehost_dns(f, "good.example.white.example", WEIR_DNS_A, WEIR_OK,
	    "127.0.0.2");
	/* reverse name not confirmed, HELO, sender without SPF: all claims */
	fakehost_session(f, "203.0.113.7", NULL);
	fakehost_attr(f, WEIR_A_CLIENT_RNAME, "good.example");
	fakehost_attr(f, WEIR_A_HELO, "good.example");
	fakehost_call(f, WEIR_PHASE_COLLECT, WEIR_STAGE_CONNECT,
	    WEIR_RCPT_NONE);
	fakehost_call(f, WEIR_PHASE_COLLECT, WEIR_STAGE_HELO, WEIR_RCPT_NONE);
	mailed(f, "x@good.example");
	assert_int_equal(fakehost_finding_count(f), 0);
	fakehost_message(f, "x@good.example");
	fakehost_fact(f, WEIR_RCPT_NONE, "spf.result", "pass");
	fakehost_call(f, WEIR_PHASE_COLLECT, WEIR_STAGE_MAIL, WEIR_RCPT_NONE);
	assert_non_null(fakehost_finding_of(f, "RBL_ALLOWED"));
	connected(f, "203.0.113.7", "good.example", NULL);
	mailed(f, "x@other.example");
	assert_non_null(fakehost_finding_of(f, "RBL_ALLOWED"));
	fakehost_destroy(&f);
}

static void
own_people_are_not_asked_about(void **state)
{
	static const char *const quiet[] = { "10.1.1.1", "127.0.0.1",
		"192.168.7.7", "fe80::1", "" };
	struct fakehost *f = start("zone a.example {\n"
	    "kind = client, sender, helo\ntest = no\n}\n");

	(void)state;
	fakehost_dns_below(f, "a.example", WEIR_DNS_A, WEIR_OK, "127.0.0.2");
	for (size_t i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++)
		connected(f, quiet[i], "mx.example.com", "mx.example.com");
	fakehost_session(f, "203.0.113.7", NULL);
	fakehost_attr(f, WEIR_A_DIRECTION, "out");
	fakehost_call(f, WEIR_PHASE_COLLECT, WEIR_STAGE_CONNECT,
	    WEIR_RCPT_NONE);
	mailed(f, "a@example.com");
	assert_int_equal(fakehost_dns_asked(f, NULL), 0);
	/* who turns out to be a user after all is not marked */
	connected(f, "203.0.113.7", NULL, "pc.example.com");
	assert_true(fakehost_dns_asked(f, NULL) > 0);
	fakehost_attr(f, WEIR_A_AUTH_USER, "user");
	mailed(f, "a@example.com");
	assert_int_equal(fakehost_finding_count(f), 0);
	fakehost_destroy(&f);
}

static void
silence_is_no_clean_bill(void **state)
{
	struct fakehost *f = start("zone a.example {\ntimeout = 2s\n}\n"
	    "zone b.example {\n}\n");

	(void)state;
	fakehost_dns(f, "7.113.0.203.a.example", WEIR_DNS_A, WEIR_E_TIMEOUT,
	    NULL);
	client(f, "203.0.113.7");
	assert_int_equal(fakehost_dns_timeout(f, "7.113.0.203.a.example"),
	    2000);
	assert_int_equal(fakehost_dns_timeout(f, "7.113.0.203.b.example"), 0);
	/* the other one has answered */
	assert_null(fakehost_failed(f));
	fakehost_dns(f, "7.113.0.203.b.example", WEIR_DNS_A, WEIR_E_TEMP,
	    NULL);
	client(f, "203.0.113.7");
	assert_non_null(fakehost_failed(f));
	assert_int_equal(fakehost_finding_count(f), 0);
	assert_int_equal(fakehost_metric(f, "silent", "zone=\"a.example\""),
	    2);
	fakehost_destroy(&f);
	assert_int_equal(mod_rbl_LTX_weir_entry()->on_failure,
	    WEIR_ON_FAILURE_PASS);
}

/* RFC 5782 section 5 and what follows from each answer. */
static void
self_test_switches_lists_off(void **state)
{
	static const struct {
		const char *kind;
		int listed_status;
		const char *listed;
		int unlisted_status;
		const char *unlisted;
		bool up;
		const char *why;
	} cases[] = {
		{ "client", 0, "127.0.0.2", WEIR_E_NOTFOUND, NULL, true, "" },
		{ "client", 0, "127.0.0.2 127.0.0.10", WEIR_E_NOTFOUND, NULL,
		    true, "" },
		{ "client", 0, "127.0.0.2", 0, "127.0.0.2", false,
		    "127.0.0.1" },
		{ "client", 0, "192.0.2.80", 0, "192.0.2.80", false,
		    "192.0.2.80" },
		{ "client", 0, "127.255.255.254", WEIR_E_NOTFOUND, NULL, false,
		    "127.255.255.254" },
		{ "client", WEIR_E_NOTFOUND, NULL, WEIR_E_NOTFOUND, NULL,
		    false, "127.0.0.2 is not listed" },
		{ "client", WEIR_E_TIMEOUT, NULL, WEIR_E_TIMEOUT, NULL, false,
		    "does not answer" },
		{ "client", 0, "127.0.0.2", WEIR_E_TEMP, NULL, false,
		    "does not answer" },
		{ "sender", 0, "127.0.1.2", WEIR_E_NOTFOUND, NULL, true, "" },
		{ "sender", WEIR_E_NOTFOUND, NULL, WEIR_E_NOTFOUND, NULL,
		    false, "TEST is not listed" },
		{ "sender", 0, "127.0.1.2", 0, "127.0.1.2", false,
		    "INVALID" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool by_addr = strcmp(cases[i].kind, "client") == 0;
		char conf[128];
		struct fakehost *f;

		snprintf(conf, sizeof(conf), "zone t.example {\nkind = %s\n"
		    "}\n", cases[i].kind);
		f = start(conf);
		fakehost_dns(f, by_addr ? "2.0.0.127.t.example"
					: "test.t.example", WEIR_DNS_A,
		    cases[i].listed_status, cases[i].listed);
		fakehost_dns(f, by_addr ? "1.0.0.127.t.example"
					: "invalid.t.example", WEIR_DNS_A,
		    cases[i].unlisted_status, cases[i].unlisted);
		fakehost_run(f);
		assert_int_equal(fakehost_metric(f, "down",
		    "zone=\"t.example\""), !cases[i].up);
		fakehost_command(f, "zones", false);
		assert_non_null(strstr(fakehost_output(f), cases[i].up
		    ? "t.example up " : "t.example failing "));
		assert_non_null(strstr(fakehost_output(f), cases[i].why));
		assert_int_equal(fakehost_logged(f, WEIR_LOG_ERROR,
		    "zone t.example is off"), !cases[i].up);
		fakehost_destroy(&f);
	}
}

static void
failing_list_is_not_asked_and_comes_back(void **state)
{
	struct fakehost *f = start("zone a.example {\n}\n");

	(void)state;
	fakehost_dns(f, "7.113.0.203.a.example", WEIR_DNS_A, WEIR_OK,
	    "127.0.0.2");
	client(f, "203.0.113.7");
	assert_int_equal(fakehost_finding_count(f), 1);
	/* the domain lapses: everything answers */
	fakehost_dns_below(f, "a.example", WEIR_DNS_A, WEIR_OK, "127.0.0.2");
	fakehost_advance(f, 6 * MINUTE);
	client(f, "203.0.113.7");
	assert_int_equal(fakehost_finding_count(f), 0);
	assert_non_null(fakehost_failed(f));
	assert_non_null(strstr(fakehost_failed(f), "127.0.0.1"));
	assert_int_equal(fakehost_dns_asked(f, "7.113.0.203.a.example"), 1);
	/* and is repaired */
	fakehost_dns_below(f, "a.example", WEIR_DNS_A, WEIR_E_NOTFOUND, NULL);
	fakehost_advance(f, 2 * MINUTE);
	client(f, "203.0.113.7");
	assert_int_equal(fakehost_finding_count(f), 1);
	assert_int_equal(fakehost_logged(f, WEIR_LOG_WARN,
	    "zone a.example is back"), 1);
	fakehost_destroy(&f);
}

static void
one_lost_test_is_no_outage(void **state)
{
	struct fakehost *f = start("zone a.example {\n}\n");

	(void)state;
	fakehost_run(f);
	fakehost_dns(f, "2.0.0.127.a.example", WEIR_DNS_A, WEIR_E_TIMEOUT,
	    NULL);
	fakehost_advance(f, 5 * MINUTE + MINUTE / 2);
	assert_int_equal(fakehost_metric(f, "down",
	    "zone=\"a.example\""), 0);
	fakehost_advance(f, 2 * MINUTE);
	assert_int_equal(fakehost_metric(f, "down",
	    "zone=\"a.example\""), 1);
	fakehost_dns(f, "2.0.0.127.a.example", WEIR_DNS_A, WEIR_OK,
	    "127.0.0.2");
	fakehost_advance(f, 2 * MINUTE);
	assert_int_equal(fakehost_metric(f, "down",
	    "zone=\"a.example\""), 0);
	fakehost_destroy(&f);
}

static void
tests_are_periodic(void **state)
{
	struct fakehost *f = start("zone a.example {\n}\n"
	    "zone b.example {\ntest = no\n}\n");

	(void)state;
	fakehost_advance(f, HOUR);
	assert_in_range(fakehost_dns_asked(f, "2.0.0.127.a.example"), 11, 13);
	assert_int_equal(fakehost_dns_asked(f, "2.0.0.127.b.example"), 0);
	fakehost_destroy(&f);
}

/* The first client is judged by a tested list, too. */
static void
untested_list_is_tested_by_the_first_call(void **state)
{
	struct fakehost *f = start("zone bad.example {\n}\n");

	(void)state;
	fakehost_dns_below(f, "bad.example", WEIR_DNS_A, WEIR_OK,
	    "127.0.0.2");
	fakehost_session(f, "203.0.113.7", NULL);
	fakehost_open(f, WEIR_PHASE_COLLECT, WEIR_STAGE_CONNECT,
	    WEIR_RCPT_NONE);
	fakehost_run(f);
	mailed(f, "a@sender.example");
	assert_int_equal(fakehost_finding_count(f), 0);
	assert_non_null(fakehost_failed(f));
	fakehost_destroy(&f);
}

/* crowd - distinct clients, of whom some are listed; where it tripped */
static int
crowd(struct fakehost *f, int n, int every)
{
	char addr[32], name[64];

	for (int i = 0; i < n; i++) {
		snprintf(addr, sizeof(addr), "198.51.%d.%d", i / 200,
		    i % 200);
		snprintf(name, sizeof(name), "%d.%d.51.198.a.example",
		    i % 200, i / 200);
		if (i % every == 0)
			fakehost_dns(f, name, WEIR_DNS_A, WEIR_OK,
			    "127.0.0.2");
		client(f, addr);
		if (fakehost_logged(f, WEIR_LOG_ERROR, "suspended") > 0)
			return i + 1;
	}
	return 0;
}

static void
breaker_trips_when_all_are_listed(void **state)
{
	struct fakehost *f = start("breaker = 50\nzone a.example {\n}\n");
	int tests;

	(void)state;
	/* one client that comes often is one client */
	fakehost_dns(f, "7.113.0.203.a.example", WEIR_DNS_A, WEIR_OK,
	    "127.0.0.2");
	for (int i = 0; i < 100; i++)
		client(f, "203.0.113.7");
	assert_int_equal(fakehost_finding_count(f), 1);
	/* 20 with the one above: tested anew at once; 100 more: suspended */
	assert_int_equal(crowd(f, 18, 1), 0);
	tests = fakehost_dns_asked(f, "2.0.0.127.a.example");
	assert_int_equal(fakehost_logged(f, WEIR_LOG_WARN, "tested anew"), 0);
	assert_int_equal(crowd(f, 200, 1), 119);
	assert_int_equal(fakehost_logged(f, WEIR_LOG_WARN, "tested anew"), 1);
	assert_int_equal(fakehost_dns_asked(f, "2.0.0.127.a.example"),
	    tests + 1);
	client(f, "203.0.113.7");
	assert_int_equal(fakehost_finding_count(f), 0);
	assert_non_null(strstr(fakehost_failed(f), "100 of 100"));
	fakehost_command(f, "zones", true);
	assert_non_null(strstr(fakehost_output(f),
	    "\"state\":\"suspended\""));
	assert_int_equal(fakehost_metric(f, "down",
	    "zone=\"a.example\""), 1);
	/* good tests do not shorten the hour */
	fakehost_advance(f, HOUR - MINUTE);
	client(f, "203.0.113.7");
	assert_int_equal(fakehost_finding_count(f), 0);
	fakehost_advance(f, 2 * MINUTE);
	client(f, "203.0.113.7");
	assert_int_equal(fakehost_finding_count(f), 1);
	fakehost_destroy(&f);
}

/* A crowd of bots first thing in a window is no reason to switch a good list
   off; a list that fails the new test is. */
static void
breaker_tests_before_it_suspends(void **state)
{
	struct fakehost *f = start("zone a.example {\n}\n");

	(void)state;
	assert_int_equal(crowd(f, 25, 1), 0);
	assert_int_equal(fakehost_logged(f, WEIR_LOG_WARN, "tested anew"), 1);
	assert_int_equal(crowd(f, 400, 2), 0);
	assert_int_equal(fakehost_logged(f, WEIR_LOG_ERROR, "is off"), 0);
	fakehost_destroy(&f);
	f = start("zone a.example {\n}\n");
	client(f, "203.0.113.8");
	fakehost_dns_below(f, "a.example", WEIR_DNS_A, WEIR_OK, "127.0.0.2");
	fakehost_dns(f, "1.0.0.127.a.example", WEIR_DNS_A, WEIR_OK,
	    "127.0.0.2");
	assert_int_equal(crowd(f, 60, 1), 0);
	assert_int_equal(fakehost_logged(f, WEIR_LOG_ERROR, "is off"), 1);
	client(f, "203.0.113.9");
	assert_int_equal(fakehost_finding_count(f), 0);
	fakehost_destroy(&f);
}

static void
breaker_knows_its_bounds(void **state)
{
	struct fakehost *f = start("breaker = 50\nzone a.example {\n}\n");

	(void)state;
	/* every second client: 50 %, not more; the first is listed */
	assert_int_equal(crowd(f, 20, 2), 0);
	assert_int_equal(fakehost_logged(f, WEIR_LOG_WARN, "tested anew"), 0);
	assert_int_equal(crowd(f, 300, 2), 0);
	assert_int_equal(fakehost_logged(f, WEIR_LOG_WARN, "tested anew"), 1);
	fakehost_destroy(&f);
	f = start("zone a.example {\n}\n");
	assert_int_equal(crowd(f, 600, 3), 0);
	fakehost_destroy(&f);
	f = start("breaker = 0\nzone a.example {\n}\n");
	assert_int_equal(crowd(f, 100, 1), 0);
	fakehost_destroy(&f);
	f = start("breaker = 90\nzone a.example {\n}\n");
	assert_int_equal(crowd(f, 100, 2), 0);
	fakehost_destroy(&f);
	/* 19 now, 19 in the next window */
	f = start("zone a.example {\n}\n");
	assert_int_equal(crowd(f, 19, 1), 0);
	fakehost_advance(f, 10 * MINUTE);
	assert_int_equal(crowd(f, 19, 1), 0);
	fakehost_destroy(&f);
}

static void
links_are_asked_about(void **state)
{
	struct fakehost *f = start("zone a.example {\nkind = uri\n"
	    "score = 3\n}\nzone white.example {\nkind = uri\nallow = yes\n"
	    "}\n");

	(void)state;
	fakehost_dns(f, "evil.co.uk.a.example", WEIR_DNS_A, WEIR_OK,
	    "127.0.0.2");
	fakehost_dns(f, "wicked.example.a.example", WEIR_DNS_A, WEIR_OK,
	    "127.0.0.2");
	fakehost_dns(f, "7.113.0.203.a.example", WEIR_DNS_A, WEIR_OK,
	    "127.0.0.2");
	fakehost_dns(f, "good.example.a.example", WEIR_DNS_A, WEIR_OK,
	    "127.0.0.2");
	fakehost_dns(f, "good.example.white.example", WEIR_DNS_A, WEIR_OK,
	    "127.0.0.2");
	client(f, "203.0.113.99");
	fakehost_link(f, "http://www.good.example/");
	fakehost_link(f, "http://a.b.EVIL.co.uk/x");
	fakehost_link(f, "http://evil.co.uk/y");
	fakehost_link(f, "http://wicked.example");
	fakehost_link(f, "http://203.0.113.7/z");
	fakehost_link(f, "http://10.0.0.1/z");
	fakehost_link(f, "http://co.uk/");
	assert_int_equal(fakehost_call(f, WEIR_PHASE_COLLECT, WEIR_STAGE_EOM,
	    WEIR_RCPT_NONE), WEIR_OK);
	assert_int_equal(fakehost_finding_count(f), 2);
	assert_string_equal(fakehost_finding_of(f, "RBL_URI")->reason,
	    "evil.co.uk is listed in a.example (127.0.0.2)");
	assert_true(fakehost_finding_of(f, "RBL_URI")->score == 3.0);
	assert_non_null(fakehost_finding_of(f, "RBL_ALLOWED"));
	assert_int_equal(fakehost_dns_asked(f, "evil.co.uk.a.example"), 1);
	assert_int_equal(fakehost_dns_asked(f, "7.113.0.203.a.example"), 1);
	assert_null(fakehost_fact_of(f, WEIR_RCPT_NONE, "rbl.links"));
	fakehost_destroy(&f);
}

static void
links_have_a_limit(void **state)
{
	struct fakehost *f = start("zone a.example {\nkind = uri\n}\n");
	char url[64];
	uint32_t before;

	(void)state;
	client(f, "203.0.113.99");
	for (int i = 0; i < 2000; i++) {
		snprintf(url, sizeof(url), "http://d%d.example/", i);
		fakehost_link(f, url);
	}
	before = fakehost_dns_asked(f, NULL);
	fakehost_call(f, WEIR_PHASE_COLLECT, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
	assert_int_equal(fakehost_dns_asked(f, NULL) - before,
	    BATCH_SUBJECTS);
	assert_string_equal(fakehost_fact_of(f, WEIR_RCPT_NONE, "rbl.links"),
	    "partial");
	fakehost_destroy(&f);
}

static void
no_body_without_uri_zone(void **state)
{
	struct fakehost *f = start("zone a.example {\n}\n");

	(void)state;
	/* the fake mime table refuses a module that did not want the body */
	client(f, "203.0.113.99");
	assert_int_equal(fakehost_call(f, WEIR_PHASE_COLLECT, WEIR_STAGE_EOM,
	    WEIR_RCPT_NONE), WEIR_OK);
	assert_int_equal(mod_rbl_LTX_weir_entry()->flags, 0);
	fakehost_destroy(&f);
}

static void
commands_tell(void **state)
{
	struct fakehost *f = start("zone a.example {\nscore = 4\n}\n"
	    "zone b.example {\nkind = sender, uri\n}\n"
	    "zone off.example {\nenabled = no\n}\n");

	(void)state;
	fakehost_dns(f, "7.113.0.203.a.example", WEIR_DNS_A, WEIR_OK,
	    "127.0.0.2");
	fakehost_run(f);
	fakehost_command(f, "zones", false);
	assert_non_null(strstr(fakehost_output(f), "a.example up client "
	    "asked=0 listed=0 unknown=0 silent=0 tested=2023-11-14T22:13:20Z"
	    "\n"));
	assert_non_null(strstr(fakehost_output(f),
	    "b.example up sender,uri "));
	assert_non_null(strstr(fakehost_output(f), "off.example disabled "));
	fakehost_command(f, "check 203.0.113.7", false);
	assert_string_equal(fakehost_output(f), "a.example up: 203.0.113.7 "
	    "is listed (127.0.0.2), score 4.00\n");
	fakehost_command(f, "check Nice.example", true);
	assert_non_null(strstr(fakehost_output(f),
	    "[{\"zone\":\"b.example\",\"state\":\"up\",\"listed\":false,"));
	assert_true(fakehost_command(f, "check nonsense", false) < 0);
	assert_true(fakehost_command(f, "check", false) < 0);
	assert_int_equal(fakehost_dns_asked(f, "7.113.0.203.off.example"), 0);
	fakehost_destroy(&f);
}

static void
module_can_be_off(void **state)
{
	struct fakehost *f = start("enabled = no\nzone a.example {\n}\n");

	(void)state;
	fakehost_dns_below(f, "a.example", WEIR_DNS_A, WEIR_OK, "127.0.0.2");
	fakehost_advance(f, HOUR);
	client(f, "203.0.113.7");
	assert_int_equal(fakehost_dns_asked(f, NULL), 0);
	assert_int_equal(fakehost_finding_count(f), 0);
	fakehost_destroy(&f);
}

static void
client_goes_away_while_we_wait(void **state)
{
	struct fakehost *f = start("zone a.example {\n"
	    "kind = client, helo, sender, uri\n}\n");

	(void)state;
	fakehost_session(f, "203.0.113.7", "mx.example.com");
	fakehost_attr(f, WEIR_A_HELO, "mx.example.com");
	fakehost_message(f, "a@example.com");
	fakehost_link(f, "http://x.example/");
	for (uint32_t stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
		if (stage == WEIR_STAGE_HEADER || stage == WEIR_STAGE_BODY)
			continue;
		fakehost_open(f, WEIR_PHASE_COLLECT, stage, WEIR_RCPT_NONE);
		fakehost_cancel(f);
	}
	assert_int_equal(fakehost_finding_count(f), 0);
	assert_null(fakehost_failed(f));
	assert_int_equal(fakehost_metric(f, "silent", "zone=\"a.example\""),
	    0);
	fakehost_destroy(&f);
}

static void
mistakes_are_refused(void **state)
{
	static const char *const bad[] = {
		"zone single {\n}\n",
		"zone a.example {\n}\nzone A.example {\n}\n",
		"zone a.example {\nkind = client, clown\n}\n",
		"zone a.example {\nkind =\n}\n",
		"zone a.example {\ncodes =\n}\n",
		"zone a.example {\ncodes = 127.0.0.2, 10.0.0.1\n}\n",
		"zone a.example {\ncodes = 127.255.255.254\n}\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct fakehost *f = fakehost_create(mod_rbl_LTX_weir_entry(),
		    bad[i]);

		assert_true(fakehost_status(f) < 0);
		assert_int_equal(fakehost_logged(f, WEIR_LOG_ERROR, "zone"),
		    1);
		fakehost_destroy(&f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listed_client_is_found),
		cmocka_unit_test(ipv6_client_is_found),
		cmocka_unit_test(unmapped_answers_are_unknown),
		cmocka_unit_test(names_are_asked_where_they_belong),
		cmocka_unit_test(allow_list_silences_the_others),
		cmocka_unit_test(trust_needs_proof),
		cmocka_unit_test(own_people_are_not_asked_about),
		cmocka_unit_test(silence_is_no_clean_bill),
		cmocka_unit_test(self_test_switches_lists_off),
		cmocka_unit_test(failing_list_is_not_asked_and_comes_back),
		cmocka_unit_test(one_lost_test_is_no_outage),
		cmocka_unit_test(tests_are_periodic),
		cmocka_unit_test(untested_list_is_tested_by_the_first_call),
		cmocka_unit_test(breaker_trips_when_all_are_listed),
		cmocka_unit_test(breaker_tests_before_it_suspends),
		cmocka_unit_test(breaker_knows_its_bounds),
		cmocka_unit_test(links_are_asked_about),
		cmocka_unit_test(links_have_a_limit),
		cmocka_unit_test(no_body_without_uri_zone),
		cmocka_unit_test(commands_tell),
		cmocka_unit_test(module_can_be_off),
		cmocka_unit_test(client_goes_away_while_we_wait),
		cmocka_unit_test(mistakes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
