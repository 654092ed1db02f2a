/* SPDX-License-Identifier: GPL-2.0-or-later */
/* greylist_test - who is deferred, for how long, and everybody let through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "greylist.h"
#include "lib/fakehost.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

const struct weir_module *mod_greylist_LTX_weir_entry(void);

/* start - the module with these options */
static struct fakehost *
start(const char *conf)
{
	struct fakehost *f = fakehost_create(mod_greylist_LTX_weir_entry(),
	    conf);

	assert_int_equal(fakehost_status(f), WEIR_OK);
	fakehost_networks(f, "internal", "127.0.0.0/8, 10.0.0.0/8, ::1");
	return f;
}

/* attempt - one delivery attempt; the state of its recipient */
static const char *
attempt(struct fakehost *f, const char *addr, const char *name,
    const char *from, const char *to)
{
	uint32_t rcpt;

	fakehost_session(f, addr, name);
	fakehost_message(f, from);
	rcpt = fakehost_rcpt(f, to);
	assert_int_equal(fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT,
	    rcpt), WEIR_OK);
	return fakehost_fact_of(f, rcpt, "greylist.state");
}

/* simple - an attempt of our favourite stranger */
static const char *
simple(struct fakehost *f)
{
	return attempt(f, "203.0.113.7", NULL, "a@example.com",
	    "u@example.org");
}

static void
first_attempt_is_deferred_then_passes(void **state)
{
	struct fakehost *f = start("");
	const struct fakehost_verdict *v;
	const char *key = "t net:203.0.113.0/24 a@example.com u@example.org";
	int64_t ttl;

	(void)state;
	assert_string_equal(simple(f), "new");
	v = fakehost_verdict(f, 0);
	assert_non_null(v);
	assert_int_equal(v->action, WEIR_ACT_TEMPFAIL);
	assert_int_equal(v->scope, WEIR_SCOPE_RCPT);
	assert_int_equal(v->smtp_code, 450);
	assert_string_equal(v->enhanced, "4.7.1");
	assert_string_equal(v->text,
	    "Greylisted, please try again in 180 seconds");
	assert_string_equal(fakehost_fact_of(f, 0, "greylist.delay"), "180");
	assert_string_equal(fakehost_fact_of(f, 0, "greylist.client"),
	    "net:203.0.113.0/24");
	assert_int_equal(fakehost_finding_count(f), 1);
	assert_string_equal(fakehost_finding_at(f, 0)->symbol,
	    "GREYLIST_DEFERRED");
	assert_true(fakehost_finding_at(f, 0)->score == 0.0);
	assert_non_null(fakehost_store_get(f, key, &ttl));
	assert_int_equal(ttl, 3 * DAY);

	fakehost_advance(f, 3 * MINUTE - 1);
	assert_string_equal(simple(f), "early");
	assert_string_equal(fakehost_verdict(f, 0)->text,
	    "Greylisted, please try again in 1 second");
	fakehost_advance(f, 1);
	/* another address of the same /24, other spelling */
	assert_string_equal(attempt(f, "203.0.113.250", NULL,
	    "A+ext@Example.com", "U@Example.ORG"), "passed");
	assert_null(fakehost_verdict(f, 0));
	assert_int_equal(fakehost_finding_count(f), 0);
	assert_string_equal(fakehost_fact_of(f, 0, "greylist.delay"), "180");
	assert_non_null(fakehost_store_get(f, key, &ttl));
	assert_int_equal(ttl, 36 * DAY);
	/* a pass renews */
	fakehost_advance(f, 36 * DAY - 1);
	assert_string_equal(simple(f), "passed");
	assert_null(fakehost_fact_of(f, 0, "greylist.delay"));
	fakehost_advance(f, 36 * DAY - 1);
	assert_string_equal(simple(f), "passed");
	fakehost_advance(f, 36 * DAY);
	assert_string_equal(simple(f), "new");
	assert_int_equal(fakehost_metric(f, "deferred", "attempt=\"new\""), 2);
	assert_int_equal(fakehost_metric(f, "deferred", "attempt=\"early\""),
	    1);
	assert_int_equal(fakehost_metric(f, "passed", NULL), 3);
	assert_int_equal(fakehost_metric(f, "delay_seconds", NULL), 1);
	fakehost_destroy(&f);
}

static void
window_closes(void **state)
{
	struct fakehost *f = start("");

	(void)state;
	assert_string_equal(simple(f), "new");
	fakehost_advance(f, 2 * DAY - 1);
	assert_string_equal(simple(f), "passed");
	fakehost_destroy(&f);
	f = start("");
	assert_string_equal(simple(f), "new");
	fakehost_advance(f, 2 * DAY);
	assert_string_equal(simple(f), "new");
	fakehost_advance(f, 3 * MINUTE);
	assert_string_equal(simple(f), "passed");
	fakehost_destroy(&f);
}

static void
null_sender_ends_after_its_pass(void **state)
{
	struct fakehost *f = start("learn_after = 1\nlearn_gap = 0s");

	(void)state;
	assert_string_equal(attempt(f, "203.0.113.7", NULL, "",
	    "u@example.org"), "new");
	assert_int_equal(fakehost_store_count(f), 1);
	fakehost_advance(f, 3 * MINUTE);
	assert_string_equal(attempt(f, "203.0.113.7", NULL, "",
	    "u@example.org"), "passed");
	assert_int_equal(fakehost_store_count(f), 0);
	assert_string_equal(attempt(f, "203.0.113.7", NULL, "",
	    "u@example.org"), "new");
	fakehost_destroy(&f);
}

static void
identity_follows_the_mail_pool(void **state)
{
	struct fakehost *f = start("spf_pass = key");

	(void)state;
	/* confirmed names of one organisation, far apart */
	assert_string_equal(attempt(f, "203.0.113.7", "out1.example.com",
	    "a@example.com", "u@example.org"), "new");
	assert_string_equal(fakehost_fact_of(f, 0, "greylist.client"),
	    "dns:example.com");
	fakehost_advance(f, 3 * MINUTE);
	assert_string_equal(attempt(f, "2001:db8::1", "out2.example.com",
	    "a@example.com", "u@example.org"), "passed");
	/* the reverse name alone is a claim */
	fakehost_session(f, "198.51.100.1", NULL);
	fakehost_attr(f, WEIR_A_CLIENT_RNAME, "out3.example.com");
	fakehost_message(f, "a@example.com");
	fakehost_rcpt(f, "u@example.org");
	fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, 0);
	assert_string_equal(fakehost_fact_of(f, 0, "greylist.state"), "new");
	assert_string_equal(fakehost_fact_of(f, 0, "greylist.client"),
	    "net:198.51.100.0/24");
	/* an authenticated domain goes before the name */
	fakehost_session(f, "198.51.100.1", "out3.example.com");
	fakehost_message(f, "a@example.net");
	fakehost_fact(f, WEIR_RCPT_NONE, "spf.result", "pass");
	fakehost_fact(f, WEIR_RCPT_NONE, "spf.domain", "Example.NET");
	fakehost_rcpt(f, "u@example.org");
	fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, 0);
	assert_string_equal(fakehost_fact_of(f, 0, "greylist.client"),
	    "spf:example.net");
	assert_string_equal(fakehost_fact_of(f, 0, "greylist.state"), "new");
	fakehost_destroy(&f);
}

/* What lets a recipient through, and in which order it is looked at. */
static void
some_are_never_greylisted(void **state)
{
	static const char conf[] = "exclude_clients = 198.51.100.0/25, "
	    "2001:db8:1::/48\n"
	    "exclude_names = friend.example, .pool.example\n"
	    "exclude_senders = vip@example.com, postmaster@, @exact.example, "
	    "below.example\n"
	    "exclude_recipients = open@example.org, free.example\n";
	static const struct {
		const char *addr, *name, *from, *to, *want;
	} cases[] = {
		{ "10.1.2.3", NULL, "a@b.example", "u@example.org",
		    "internal" },
		{ "::1", NULL, "a@b.example", "u@example.org", "internal" },
		{ "198.51.100.127", NULL, "a@b.example", "u@example.org",
		    "excluded" },
		{ "198.51.100.128", NULL, "a@b.example", "u@example.org",
		    "new" },
		{ "2001:db8:1:ffff::1", NULL, "a@b.example", "u@example.org",
		    "excluded" },
		{ "2001:db8:2::1", NULL, "a@b.example", "u@example.org",
		    "new" },
		{ "203.0.113.7", "Friend.example", "a@b.example",
		    "u@example.org", "excluded" },
		{ "203.0.113.7", "mx.friend.example", "a@b.example",
		    "u@example.org", "excluded" },
		{ "203.0.113.7", "notfriend.example", "a@b.example",
		    "u@example.org", "new" },
		{ "203.0.113.7", "a.pool.example", "a@b.example",
		    "u@example.org", "excluded" },
		{ "203.0.113.7", NULL, "VIP@example.com", "u@example.org",
		    "excluded" },
		{ "203.0.113.7", NULL, "xvip@example.com", "u@example.org",
		    "new" },
		{ "203.0.113.7", NULL, "postmaster@any.example",
		    "u@example.org", "excluded" },
		{ "203.0.113.7", NULL, "a@exact.example", "u@example.org",
		    "excluded" },
		{ "203.0.113.7", NULL, "a@sub.exact.example", "u@example.org",
		    "new" },
		{ "203.0.113.7", NULL, "a@sub.below.example", "u@example.org",
		    "excluded" },
		{ "203.0.113.7", NULL, "", "u@example.org", "new" },
		{ "203.0.113.7", NULL, "a@b.example", "Open@example.org",
		    "excluded" },
		{ "203.0.113.7", NULL, "a@b.example", "x@free.example",
		    "excluded" },
		{ "", NULL, "a@b.example", "u@example.org", "no-address" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fakehost *f = start(conf);

		assert_string_equal(attempt(f, cases[i].addr, cases[i].name,
		    cases[i].from, cases[i].to), cases[i].want);
		assert_int_equal(fakehost_verdict(f, 0) != NULL,
		    strcmp(cases[i].want, "new") == 0);
		fakehost_destroy(&f);
	}
}

static void
own_people_and_spf_pass_are_let_through(void **state)
{
	struct fakehost *f = start("greylist6 = no");

	(void)state;
	assert_string_equal(attempt(f, "2001:db8::1", NULL, "a@b.example",
	    "u@example.org"), "ipv6");
	fakehost_session(f, "203.0.113.7", NULL);
	fakehost_attr(f, WEIR_A_AUTH_USER, "user");
	fakehost_message(f, "a@b.example");
	fakehost_rcpt(f, "u@example.org");
	fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, 0);
	assert_string_equal(fakehost_fact_of(f, 0, "greylist.state"),
	    "authenticated");
	fakehost_session(f, "203.0.113.7", NULL);
	fakehost_attr(f, WEIR_A_DIRECTION, "out");
	fakehost_message(f, "a@b.example");
	fakehost_rcpt(f, "u@example.org");
	fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, 0);
	assert_string_equal(fakehost_fact_of(f, 0, "greylist.state"),
	    "outbound");
	for (int i = 0; i < 2; i++) {
		fakehost_session(f, "203.0.113.7", NULL);
		fakehost_message(f, "a@b.example");
		fakehost_fact(f, WEIR_RCPT_NONE, "spf.result",
		    i == 0 ? "pass" : "softfail");
		fakehost_rcpt(f, "u@example.org");
		fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, 0);
		assert_string_equal(fakehost_fact_of(f, 0, "greylist.state"),
		    i == 0 ? "spf" : "new");
	}
	assert_int_equal(fakehost_metric(f, "excluded", "by=\"spf\""), 1);
	fakehost_destroy(&f);
}

static void
only_suspicious_looks_at_name_and_score(void **state)
{
	static const struct {
		const char *name;
		double score;
		const char *want;
	} cases[] = {
		{ NULL, 0, "new" },
		{ "mx.b.example", 0, "trusted" },
		{ "mx.b.example", 1.9, "trusted" },
		{ "mx.b.example", 2.0, "new" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fakehost *f = start("only_suspicious = yes\n"
		    "min_score = 2.0");

		fakehost_session(f, "203.0.113.7", cases[i].name);
		fakehost_message(f, "a@b.example");
		fakehost_rcpt(f, "u@example.org");
		fakehost_score(f, "RBL_CLIENT", WEIR_RCPT_NONE,
		    cases[i].score, "listed");
		fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, 0);
		assert_string_equal(fakehost_fact_of(f, 0, "greylist.state"),
		    cases[i].want);
		fakehost_destroy(&f);
	}
}

static void
own_backup_mx_is_exempt(void **state)
{
	static const struct {
		const char *addr;
		int mx_status;
		const char *mx;
		const char *want;
	} cases[] = {
		{ "203.0.113.7", WEIR_OK, "10:mx1.example.org "
		    "20:backup.example.org", "mx" },
		{ "203.0.113.8", WEIR_OK, "10:mx1.example.org "
		    "20:backup.example.org", "new" },
		{ "2001:db8::7", WEIR_OK, "20:backup.example.org", "mx" },
		{ "2001:db8::8", WEIR_OK, "20:backup.example.org", "new" },
		{ "203.0.113.7", WEIR_E_TIMEOUT, NULL, "new" },
		{ "203.0.113.7", WEIR_E_TEMP, NULL, "new" },
		{ "203.0.113.7", WEIR_E_NOTFOUND, NULL, "new" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fakehost *f = start("");

		fakehost_dns(f, "example.org", WEIR_DNS_MX,
		    cases[i].mx_status, cases[i].mx);
		fakehost_dns(f, "mx1.example.org", WEIR_DNS_A, WEIR_OK,
		    "192.0.2.1");
		fakehost_dns(f, "backup.example.org", WEIR_DNS_A, WEIR_OK,
		    "192.0.2.2 203.0.113.7");
		fakehost_dns(f, "backup.example.org", WEIR_DNS_AAAA, WEIR_OK,
		    "2001:db8:0::7");
		assert_string_equal(attempt(f, cases[i].addr, NULL,
		    "a@b.example", "u@example.org"), cases[i].want);
		/* nothing was remembered about our own host */
		assert_int_equal(fakehost_store_count(f),
		    strcmp(cases[i].want, "mx") != 0);
		fakehost_destroy(&f);
	}
}

static void
passed_tuples_cost_no_dns(void **state)
{
	struct fakehost *f = start("");
	uint32_t asked;

	(void)state;
	simple(f);
	fakehost_advance(f, 3 * MINUTE);
	asked = fakehost_dns_asked(f, NULL);
	assert_string_equal(simple(f), "passed");
	assert_int_equal(fakehost_dns_asked(f, NULL), asked);
	fakehost_destroy(&f);
	f = start("exempt_mx = no");
	assert_string_equal(simple(f), "new");
	assert_int_equal(fakehost_dns_asked(f, NULL), 0);
	fakehost_destroy(&f);
}

/* pass_once - let one more tuple of the client pass */
static void
pass_once(struct fakehost *f, int n)
{
	char from[64];

	snprintf(from, sizeof(from), "s%dx@example.com", n);
	assert_string_equal(attempt(f, "203.0.113.7", NULL, from,
	    "u@example.org"), "new");
	fakehost_advance(f, 3 * MINUTE);
	assert_string_equal(attempt(f, "203.0.113.7", NULL, from,
	    "u@example.org"), "passed");
}

static void
good_clients_are_learned(void **state)
{
	struct fakehost *f = start("learn_after = 3\nlearn_gap = 1h\n"
	    "lifetime = 36d");
	int64_t ttl;

	(void)state;
	pass_once(f, 1);
	/* within the gap: does not count */
	pass_once(f, 2);
	fakehost_advance(f, HOUR);
	pass_once(f, 3);
	assert_string_equal(attempt(f, "203.0.113.9", NULL, "new@x.example",
	    "v@example.org"), "new");
	fakehost_advance(f, HOUR);
	pass_once(f, 4);
	assert_string_equal(attempt(f, "203.0.113.9", NULL, "n2@x.example",
	    "v@example.org"), "known");
	assert_null(fakehost_verdict(f, 0));
	assert_int_equal(fakehost_metric(f, "known", NULL), 1);
	/* others are not */
	assert_string_equal(attempt(f, "203.0.114.9", NULL, "n2@x.example",
	    "v@example.org"), "new");
	/* each use renews, at a twentieth of the lifetime's precision */
	fakehost_advance(f, 30 * DAY);
	assert_string_equal(attempt(f, "203.0.113.9", NULL, "n3@x.example",
	    "v@example.org"), "known");
	assert_non_null(fakehost_store_get(f, "k net:203.0.113.0/24", &ttl));
	assert_int_equal(ttl, 36 * DAY);
	fakehost_advance(f, 36 * DAY - 1);
	assert_string_equal(attempt(f, "203.0.113.9", NULL, "n4@x.example",
	    "v@example.org"), "known");
	fakehost_advance(f, 36 * DAY);
	assert_string_equal(attempt(f, "203.0.113.9", NULL, "n5@x.example",
	    "v@example.org"), "new");
	fakehost_destroy(&f);
}

static void
learning_can_be_off(void **state)
{
	struct fakehost *f = start("learn_after = 0");

	(void)state;
	for (int i = 0; i < 10; i++) {
		pass_once(f, i);
		fakehost_advance(f, 2 * HOUR);
	}
	assert_null(fakehost_store_get(f, "k net:203.0.113.0/24", NULL));
	fakehost_destroy(&f);
}

static void
two_workers_meet(void **state)
{
	struct fakehost *f = start("");
	char value[RECORD_TEXT_SIZE];
	struct record r = { .first = FAKEHOST_EPOCH - MINUTE,
		.last = FAKEHOST_EPOCH - MINUTE, .deferred = 1 };

	(void)state;
	/* the other one was a minute earlier: its word holds */
	record_encode(&r, value, sizeof(value));
	fakehost_store_race(f, value);
	assert_string_equal(simple(f), "early");
	assert_string_equal(fakehost_verdict(f, 0)->text,
	    "Greylisted, please try again in 120 seconds");
	fakehost_destroy(&f);
	/* it wrote nonsense: begin anew */
	f = start("");
	fakehost_store_race(f, "garbage");
	assert_string_equal(simple(f), "new");
	fakehost_advance(f, 3 * MINUTE);
	assert_string_equal(simple(f), "passed");
	fakehost_destroy(&f);
	/* nonsense that was there before */
	f = start("");
	fakehost_store_put(f,
	    "t net:203.0.113.0/24 a@example.com u@example.org", "?", DAY);
	assert_string_equal(simple(f), "new");
	fakehost_advance(f, 3 * MINUTE);
	assert_string_equal(simple(f), "passed");
	fakehost_destroy(&f);
}

static void
clock_set_back_locks_nobody_out(void **state)
{
	struct fakehost *f = start("");

	(void)state;
	assert_string_equal(simple(f), "new");
	fakehost_clock_set(f, FAKEHOST_EPOCH - DAY);
	assert_string_equal(simple(f), "new");
	fakehost_advance(f, 3 * MINUTE);
	assert_string_equal(simple(f), "passed");
	fakehost_clock_set(f, FAKEHOST_EPOCH - 2 * DAY);
	assert_string_equal(simple(f), "passed");
	fakehost_destroy(&f);
}

static void
store_out_of_order_is_said(void **state)
{
	struct fakehost *f = start("");

	(void)state;
	fakehost_store_status(f, WEIR_E_TEMP);
	assert_string_equal(simple(f), "failed");
	assert_non_null(fakehost_failed(f));
	assert_null(fakehost_verdict(f, 0));
	assert_int_equal(fakehost_metric(f, "failed", NULL), 1);
	fakehost_store_status(f, WEIR_OK);
	assert_string_equal(simple(f), "new");
	fakehost_destroy(&f);
	assert_int_equal(mod_greylist_LTX_weir_entry()->on_failure,
	    WEIR_ON_FAILURE_PASS);
}

static void
client_goes_away_while_we_wait(void **state)
{
	struct fakehost *f = start("");

	(void)state;
	for (int i = 0; i < 3; i++) {
		fakehost_session(f, "203.0.113.7", NULL);
		fakehost_message(f, "a@example.com");
		fakehost_rcpt(f, "u@example.org");
		assert_int_equal(fakehost_open(f, WEIR_PHASE_DECIDE,
		    WEIR_STAGE_RCPT, 0), WEIR_OK);
		fakehost_cancel(f);
		assert_null(fakehost_verdict(f, 0));
		assert_null(fakehost_failed(f));
	}
	assert_int_equal(fakehost_store_count(f), 0);
	fakehost_destroy(&f);
}

static void
every_recipient_counts_for_itself(void **state)
{
	struct fakehost *f = start("");

	(void)state;
	assert_string_equal(simple(f), "new");
	fakehost_advance(f, 3 * MINUTE);
	fakehost_session(f, "203.0.113.7", NULL);
	fakehost_message(f, "a@example.com");
	fakehost_rcpt(f, "u@example.org");
	fakehost_rcpt(f, "v@example.org");
	fakehost_open(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, 0);
	fakehost_open(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, 1);
	fakehost_run(f);
	assert_string_equal(fakehost_fact_of(f, 0, "greylist.state"),
	    "passed");
	assert_string_equal(fakehost_fact_of(f, 1, "greylist.state"), "new");
	assert_null(fakehost_verdict(f, 0));
	assert_non_null(fakehost_verdict(f, 1));
	fakehost_destroy(&f);
}

static void
commands_show_and_forget(void **state)
{
	struct fakehost *f = start("learn_after = 2\nlearn_gap = 0s");

	(void)state;
	assert_int_equal(fakehost_command(f, "list", false), WEIR_OK);
	assert_string_equal(fakehost_output(f), "");
	assert_int_equal(fakehost_command(f, "list", true), WEIR_OK);
	assert_string_equal(fakehost_output(f),
	    "{\"entries\":[],\"next\":null}\n");
	pass_once(f, 1);
	assert_string_equal(attempt(f, "198.51.100.1", NULL, "b@example.com",
	    "u@example.org"), "new");
	fakehost_command(f, "list", false);
	assert_non_null(strstr(fakehost_output(f),
	    "passed net:203.0.113.0/24 s1x@example.com u@example.org "
	    "first=2023-11-14T22:13:20Z passed=2023-11-14T22:16:20Z "));
	assert_non_null(strstr(fakehost_output(f),
	    "waiting net:198.51.100.0/24 "));
	fakehost_command(f, "list net:203", false);
	assert_null(strstr(fakehost_output(f), "198.51"));
	fakehost_command(f, "list net:198", true);
	assert_non_null(strstr(fakehost_output(f),
	    "{\"entries\":[{\"tuple\":\"net:198.51.100.0/24 b@example.com "
	    "u@example.org\",\"state\":\"waiting\","));
	fakehost_command(f, "show 203.0.113.99 S1x+y@example.com "
	    "U@example.org", false);
	assert_non_null(strstr(fakehost_output(f), "passed net:203.0.113."));
	assert_non_null(strstr(fakehost_output(f),
	    "learning net:203.0.113.0/24 passed=1"));
	fakehost_command(f, "show 203.0.113.99 nobody@example.com "
	    "u@example.com", true);
	assert_non_null(strstr(fakehost_output(f), "{\"tuple\":null,"
	    "\"client\":{\"client\":\"net:203.0.113.0/24\",\"known\":false"));
	assert_non_null(strstr(fakehost_output(f), "}}\n"));
	fakehost_command(f, "show 203.0.113.99 s1x@example.com "
	    "u@example.org", true);
	assert_non_null(strstr(fakehost_output(f),
	    "{\"tuple\":{\"tuple\":\"net:203.0.113.0/24 s1x@"));
	assert_non_null(strstr(fakehost_output(f),
	    "},\"client\":{\"client\":\"net:203.0.113.0/24\","));
	fakehost_command(f, "show mx.example.com <> u@example.com", false);
	assert_non_null(strstr(fakehost_output(f), "nothing"));
	fakehost_command(f, "stats", false);
	assert_non_null(strstr(fakehost_output(f),
	    "cost: 1 tuples were delayed and then passed, mean 180 s"));
	fakehost_advance(f, 2 * DAY);
	fakehost_command(f, "stats", true);
	assert_non_null(strstr(fakehost_output(f), "\"never_came_back\":1"));
	assert_non_null(strstr(fakehost_output(f), "\"mean_delay_s\":180"));
	assert_non_null(strstr(fakehost_output(f), "\"complete\":true"));

	assert_true(fakehost_command(f, "delete", false) < 0);
	assert_true(fakehost_command(f, "list a b c", false) < 0);
	assert_true(fakehost_command(f, "show a b", false) < 0);
	fakehost_command(f, "delete net:203", false);
	assert_string_equal(fakehost_output(f), "2 entries deleted\n");
	assert_int_equal(fakehost_store_count(f), 1);
	fakehost_command(f, "delete --all", true);
	assert_string_equal(fakehost_output(f), "{\"deleted\":1}\n");
	assert_int_equal(fakehost_store_count(f), 0);
	fakehost_store_status(f, WEIR_E_TEMP);
	fakehost_command(f, "stats", false);
	assert_non_null(strstr(fakehost_output(f), "out of order"));
	fakehost_command(f, "delete --all", false);
	assert_non_null(strstr(fakehost_output(f), "out of order"));
	fakehost_destroy(&f);
}

static void
commands_turn_pages(void **state)
{
	struct fakehost *f = start("");
	char key[64], command[256], *more;
	uint32_t seen = 0;

	(void)state;
	for (int i = 0; i < 2500; i++) {
		snprintf(key, sizeof(key), "t net:203.0.113.0/24 a%04d@x b@y",
		    i);
		fakehost_store_put(f, key, "1 1 0 1 1 0", DAY);
	}
	snprintf(command, sizeof(command), "list");
	for (int page = 0; page < 3; page++) {
		fakehost_command(f, command, false);
		for (const char *p = fakehost_output(f);
		     (p = strstr(p, "b@y first")) != NULL; p++)
			seen++;
		more = strstr(fakehost_output(f), "more: ");
		assert_int_equal(more != NULL, page < 2);
		if (more != NULL)
			snprintf(command, sizeof(command), "%.*s",
			    (int)strcspn(more + 6, "\n"), more + 6);
	}
	assert_int_equal(seen, 2500);
	fakehost_command(f, "delete net:", false);
	assert_string_equal(fakehost_output(f), "2500 entries deleted\n");
	assert_int_equal(fakehost_store_count(f), 0);
	fakehost_destroy(&f);
}

static void
hostile_addresses_make_plain_output(void **state)
{
	struct fakehost *f = start("");

	(void)state;
	assert_string_equal(attempt(f, "203.0.113.7", NULL,
	    "a\"\\\033[2J\xff@x.example", "u \n@example.org"), "new");
	fakehost_command(f, "list", true);
	assert_null(strchr(fakehost_output(f), '\033'));
	assert_null(strchr(fakehost_output(f), '\xff'));
	assert_non_null(strstr(fakehost_output(f), "u??@example.org"));
	fakehost_destroy(&f);
}

static void
module_can_be_off(void **state)
{
	struct fakehost *f = start("enabled = no");

	(void)state;
	assert_null(simple(f));
	assert_null(fakehost_verdict(f, 0));
	fakehost_destroy(&f);
}

static void
contradictions_are_refused(void **state)
{
	struct fakehost *f = fakehost_create(mod_greylist_LTX_weir_entry(),
	    "delay = 1h\nretry_window = 1h");

	(void)state;
	assert_int_equal(fakehost_status(f), WEIR_E_INVAL);
	assert_int_equal(fakehost_logged(f, WEIR_LOG_ERROR, "retry_window"),
	    1);
	fakehost_destroy(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_attempt_is_deferred_then_passes),
		cmocka_unit_test(window_closes),
		cmocka_unit_test(null_sender_ends_after_its_pass),
		cmocka_unit_test(identity_follows_the_mail_pool),
		cmocka_unit_test(some_are_never_greylisted),
		cmocka_unit_test(own_people_and_spf_pass_are_let_through),
		cmocka_unit_test(only_suspicious_looks_at_name_and_score),
		cmocka_unit_test(own_backup_mx_is_exempt),
		cmocka_unit_test(passed_tuples_cost_no_dns),
		cmocka_unit_test(good_clients_are_learned),
		cmocka_unit_test(learning_can_be_off),
		cmocka_unit_test(two_workers_meet),
		cmocka_unit_test(clock_set_back_locks_nobody_out),
		cmocka_unit_test(store_out_of_order_is_said),
		cmocka_unit_test(client_goes_away_while_we_wait),
		cmocka_unit_test(every_recipient_counts_for_itself),
		cmocka_unit_test(commands_show_and_forget),
		cmocka_unit_test(commands_turn_pages),
		cmocka_unit_test(hostile_addresses_make_plain_output),
		cmocka_unit_test(module_can_be_off),
		cmocka_unit_test(contradictions_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
