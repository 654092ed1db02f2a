/* SPDX-License-Identifier: GPL-2.0-or-later */
/* resolver_test - the resolver against the servers of dns/test_server.h. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "dns/resolver.h"
#include "dns/test_server.h"
#include "loop/loop.h"

static struct server servers[2];

struct seen {
	int calls, status;
	unsigned rcode, count;
	uint32_t ttl;
	size_t len;
	char data[64];
};

static struct loop_timer guard;

static void
note(const struct weir_dns_answer *a, void *arg)
{
	struct seen *s = arg;

	s->calls++;
	s->status = a->status;
	s->rcode = a->rcode;
	s->count = a->count;
	s->data[0] = '\0';
	if (a->count == 0)
		return;
	s->ttl = a->rr[0].ttl;
	s->len = a->rr[0].data.len;
	snprintf(s->data, sizeof(s->data), "%s", a->rr[0].data.ptr);
}

static void
on_guard(struct loop_timer *t)
{
	(void)t;
	fail_msg("no answer within ten seconds");
}

static void
wait_for(const struct seen *s)
{
	loop_timer_start(&guard, 10000);
	/* what is ready first: loop_once(true) sleeps also after it has run a
	   completion */
	for (loop_once(false); s->calls == 0;)
		loop_once(true);
	loop_timer_stop(&guard);
	assert_int_equal(s->calls, 1);
}

static struct seen
ask(const char *name, uint16_t type, int64_t timeout_ms)
{
	struct seen s = { 0 };

	assert_non_null(dns_start(name, type, timeout_ms, note, &s));
	assert_int_equal(s.calls, 0);
	wait_for(&s);
	return s;
}

/* start - two servers up, the resolver on the first n of them */
static void
start_with(struct dns_config *c, size_t n)
{
	static const char *names[2];
	struct err err;

	loop_timer_init(&guard, on_guard);
	server_open(&servers[0]);
	server_open(&servers[1]);
	names[0] = servers[0].text;
	names[1] = servers[1].text;
	c->servers = names;
	c->nservers = n;
	if (dns_init(c, &err) < 0)
		fail_msg("%s", err.text);
}

static int
start(void **state)
{
	struct dns_config c = { 0 };

	(void)state;
	loop_init();
	start_with(&c, 1);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	dns_fini();
	dns_fini();
	server_close(&servers[0]);
	server_close(&servers[1]);
	loop_fini(false);
	return 0;
}

static void
outcomes_have_their_status(void **state)
{
	static const struct {
		const char *name;
		int status;
		unsigned rcode;
		unsigned asked; /* UDP questions that it took */
	} rows[] = {
		{ "ok.example", WEIR_OK, 0, 1 },
		{ "nx.example", WEIR_E_NOTFOUND, 3, 1 },
		{ "nodata.example", WEIR_E_NOTFOUND, 0, 1 },
		{ "fail.example", WEIR_E_TEMP, 2, 1 },
		{ "refuse.example", WEIR_E_TEMP, 5, 1 },
		{ "garbage.example", WEIR_E_TEMP, 0, 1 },
		{ "lie.example", WEIR_OK, 0, 1 },
		{ "a..b", WEIR_E_INVAL, 0, 0 }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct seen s = ask(rows[i].name, WEIR_DNS_A, 0);

		assert_int_equal(s.status, rows[i].status);
		assert_int_equal(s.rcode, rows[i].rcode);
		assert_int_equal(servers[0].udp_seen, rows[i].asked);
		if (s.status == WEIR_OK)
			assert_string_equal(s.data, "192.0.2.1");
		servers[0].udp_seen = 0;
	}
	assert_int_equal(dns_stats()->queries, 8);
	assert_int_equal(dns_stats()->upstream, 7);
	assert_int_equal(dns_stats()->servfail, 2);
	assert_int_equal(dns_stats()->bad_answers, 1);
	assert_int_equal(dns_stats()->in_flight, 0);
	assert_string_equal(dns_server_text(), servers[0].text);
}

static void
answers_are_cached_for_their_time(void **state)
{
	static const char *const names[] = { "ok.example", "nx.example" };
	struct seen s;

	(void)state;
	for (int i = 0; i < 2; i++) {
		servers[0].udp_seen = 0;
		ask(names[i], WEIR_DNS_A, 0);
		clock_advance(20000);
		s = ask(names[i], WEIR_DNS_A, 0);
		assert_int_equal(servers[0].udp_seen, 1);
		if (i == 0)
			assert_in_range(s.ttl, 39, 40);
		else
			assert_int_equal(s.rcode, 3);
		/* another type is another question */
		ask(names[i], WEIR_DNS_AAAA, 0);
		assert_int_equal(servers[0].udp_seen, 2);
		clock_advance(40000);
		ask(names[i], WEIR_DNS_A, 0);
		assert_int_equal(servers[0].udp_seen, 3);
	}
	assert_int_equal(dns_stats()->cache_hits, 2);
	/* failures are asked for anew */
	servers[0].udp_seen = 0;
	ask("fail.example", WEIR_DNS_A, 0);
	ask("fail.example", WEIR_DNS_A, 0);
	assert_int_equal(servers[0].udp_seen, 2);
}

static void
a_silent_server_costs_the_deadline(void **state)
{
	int64_t begun = clock_mono_ms(), took;
	struct seen s;

	(void)state;
	s = ask("drop.example", WEIR_DNS_A, 60);
	took = clock_mono_ms() - begun;
	assert_int_equal(s.status, WEIR_E_TIMEOUT);
	assert_in_range(took, 59, 2500);
	assert_int_equal(dns_stats()->timeouts, 1);
	assert_int_equal(dns_stats()->in_flight, 1);
}

static void
upstream_gives_up_by_itself(void **state)
{
	struct dns_config c = { .timeout_ms = 200 };
	struct seen s;

	(void)state;
	stop(NULL);
	loop_init();
	start_with(&c, 2);
	s = ask("drop.example", WEIR_DNS_A, 8000);
	assert_int_equal(s.status, WEIR_E_TIMEOUT);
	/* both servers, twice each */
	assert_int_equal(servers[0].udp_seen, 2);
	assert_int_equal(servers[1].udp_seen, 2);
	assert_int_equal(dns_stats()->in_flight, 0);
	/* a lost packet is made up for */
	servers[0].udp_seen = 0;
	servers[1].udp_seen = 1;
	s = ask("second.example", WEIR_DNS_A, 8000);
	assert_int_equal(s.status, WEIR_OK);
	assert_int_equal(servers[1].udp_seen, 2);
}

static void
another_server_takes_over(void **state)
{
	struct dns_config c = { 0 };
	struct seen s;

	(void)state;
	stop(NULL);
	loop_init();
	start_with(&c, 2);
	servers[0].failing = true;
	s = ask("ok.example", WEIR_DNS_A, 0);
	assert_int_equal(s.status, WEIR_OK);
	assert_int_equal(servers[0].udp_seen, 1);
	assert_int_equal(servers[1].udp_seen, 1);
	servers[1].failing = true;
	s = ask("ok2.example", WEIR_DNS_A, 0);
	assert_int_equal(s.status, WEIR_E_TEMP);
	assert_int_equal(s.rcode, 2);
}

static void
nobody_listens(void **state)
{
	struct seen s;

	(void)state;
	loop_io_stop(&servers[0].udp);
	close(servers[0].udp_fd);
	servers[0].udp_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	s = ask("ok.example", WEIR_DNS_A, 0);
	assert_int_equal(s.status, WEIR_E_TEMP);
	assert_int_equal(dns_stats()->servfail, 1);
}

static void
truncated_answers_come_by_tcp(void **state)
{
	struct seen s;

	(void)state;
	s = ask("big.example", WEIR_DNS_TXT, 0);
	assert_int_equal(s.status, WEIR_OK);
	assert_int_equal(s.len, SERVER_BIG);
	assert_int_equal(servers[0].udp_seen, 1);
	assert_int_equal(servers[0].tcp_seen, 1);
}

static void
servers_without_edns_are_understood(void **state)
{
	struct seen s;

	(void)state;
	for (unsigned i = 1; i <= 3; i++) {
		char name[32];

		snprintf(name, sizeof(name), "old.x%u.example", i);
		s = ask(name, WEIR_DNS_A, 0);
		assert_int_equal(s.status, WEIR_OK);
		assert_int_equal(servers[0].udp_seen, 2 * i);
	}
}

static void
equal_questions_are_asked_once(void **state)
{
	struct seen a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };

	(void)state;
	dns_start("late.example", WEIR_DNS_A, 0, note, &a);
	dns_start("LATE.example.", WEIR_DNS_A, 0, note, &b);
	dns_start("late.example", WEIR_DNS_A, 40, note, &c);
	assert_int_equal(dns_stats()->coalesced, 2);
	assert_int_equal(dns_stats()->in_flight, 1);
	/* the impatient one leaves alone */
	wait_for(&c);
	assert_int_equal(c.status, WEIR_E_TIMEOUT);
	assert_int_equal(a.calls + b.calls, 0);
	assert_int_equal(servers[0].udp_seen, 1);
	server_release(&servers[0]);
	wait_for(&a);
	wait_for(&b);
	assert_int_equal(a.status, WEIR_OK);
	assert_string_equal(b.data, "192.0.2.1");
	assert_int_equal(c.calls, 1);
	dns_start("late.example", WEIR_DNS_A, 0, note, &d);
	wait_for(&d);
	assert_int_equal(dns_stats()->cache_hits, 1);
	assert_int_equal(servers[0].udp_seen, 1);
}

static void
cancelled_ones_hear_nothing(void **state)
{
	struct seen a = { 0 }, b = { 0 }, hit = { 0 };
	struct dns_query *q, *none = NULL;

	(void)state;
	dns_cancel(&none);
	/* waiting for an answer, which still feeds the cache */
	q = dns_start("late.example", WEIR_DNS_A, 0, note, &a);
	while (servers[0].udp_seen == 0)
		loop_once(true);
	dns_cancel(&q);
	assert_null(q);
	server_release(&servers[0]);
	while (dns_stats()->in_flight > 0)
		loop_once(true);
	/* found in the cache, not yet delivered */
	q = dns_start("late.example", WEIR_DNS_A, 0, note, &b);
	assert_int_equal(dns_stats()->cache_hits, 1);
	dns_cancel(&q);
	/* refused, not yet delivered */
	q = dns_start("", WEIR_DNS_A, 0, note, &b);
	dns_cancel(&q);
	dns_start("late.example", WEIR_DNS_A, 0, note, &hit);
	wait_for(&hit);
	assert_int_equal(a.calls + b.calls, 0);
}

static void
the_number_in_flight_is_limited(void **state)
{
	struct dns_config c = { .max_in_flight = 2 };
	struct seen s[4] = { { 0 } };

	(void)state;
	stop(NULL);
	loop_init();
	start_with(&c, 1);
	dns_start("drop.a", WEIR_DNS_A, 0, note, &s[0]);
	dns_start("drop.b", WEIR_DNS_A, 0, note, &s[1]);
	dns_start("drop.c", WEIR_DNS_A, 0, note, &s[2]);
	dns_start("drop.a", WEIR_DNS_A, 0, note, &s[3]); /* joins */
	wait_for(&s[2]);
	assert_int_equal(s[2].status, WEIR_E_LIMIT);
	assert_int_equal(s[0].calls + s[1].calls + s[3].calls, 0);
	dns_fini();
	for (int i = 0; i < 4; i++)
		assert_int_equal(s[i].calls, 1);
	assert_int_equal(s[3].status, WEIR_E_CANCELLED);
}

static struct seen after;

/* note_and_ask - a callback that does not know when to stop */
static void
note_and_ask(const struct weir_dns_answer *a, void *arg)
{
	note(a, arg);
	dns_start("ok.example", WEIR_DNS_A, 0, note, &after);
}

static void
stopping_ends_open_queries(void **state)
{
	struct seen a = { 0 }, b = { 0 }, hit = { 0 }, bad = { 0 };

	(void)state;
	after.calls = 0;
	ask("ok.example", WEIR_DNS_A, 0);
	dns_start("drop.example", WEIR_DNS_A, 0, note_and_ask, &a);
	dns_start("drop.example", WEIR_DNS_A, 0, note, &b);
	dns_start("ok.example", WEIR_DNS_A, 0, note, &hit);
	dns_start("..", WEIR_DNS_A, 0, note, &bad);
	dns_fini();
	assert_int_equal(a.calls + b.calls + hit.calls + bad.calls, 4);
	assert_int_equal(a.status, WEIR_E_CANCELLED);
	assert_int_equal(b.status, WEIR_E_CANCELLED);
	assert_int_equal(hit.status, WEIR_OK);
	assert_int_equal(bad.status, WEIR_E_INVAL);
	assert_int_equal(after.calls, 0);
	wait_for(&after);
	assert_int_equal(after.status, WEIR_E_CANCELLED);
}

/* All at once: nothing is lost or doubled. */
static void
hundreds_at_once(void **state)
{
	static struct seen s[400];
	char name[32];
	struct dns_query *q;

	(void)state;
	memset(s, 0, sizeof(s));
	for (int i = 0; i < 400; i++) {
		snprintf(name, sizeof(name), "%s.n%d.example",
		    i % 3 == 0 ? "nx" : i % 3 == 1 ? "ok" : "fail", i);
		q = dns_start(name, WEIR_DNS_A, 0, note, &s[i]);
		if (i % 7 == 0)
			dns_cancel(&q);
	}
	for (int i = 0; i < 400; i++) {
		if (i % 7 == 0)
			continue;
		wait_for(&s[i]);
		assert_int_equal(s[i].status, i % 3 == 0 ? WEIR_E_NOTFOUND :
			i % 3 == 1 ? WEIR_OK : WEIR_E_TEMP);
	}
	for (int i = 0; i < 400; i++)
		assert_int_equal(s[i].calls, i % 7 != 0);
}

static void
servers_are_spelled_right(void **state)
{
	static const struct {
		const char *in, *out; /* out NULL: refused */
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1:53" },
		{ "192.0.2.1:5353", "192.0.2.1:5353" },
		{ "2001:db8::1", "[2001:db8::1]:53" },
		{ "[2001:db8::1]", "[2001:db8::1]:53" },
		{ "[2001:db8::1]:5353", "[2001:db8::1]:5353" },
		{ "", NULL },
		{ "localhost", NULL },
		{ "192.0.2.1:", NULL },
		{ "192.0.2.1:0", NULL },
		{ "192.0.2.1:65536", NULL },
		{ "192.0.2.1:53x", NULL },
		{ "[2001:db8::1", NULL },
		{ "[2001:db8::1]53", NULL },
		{ "192.0.2.1 ", NULL }
	};
	struct dns_config systems = { 0 };
	struct err err;

	(void)state;
	dns_fini();
	assert_int_equal(dns_init(&systems, &err), WEIR_OK);
	assert_non_null(strchr(dns_server_text(), ':'));
	dns_fini();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dns_config c = { .servers = &rows[i].in,
			.nservers = 1 };

		if (rows[i].out == NULL) {
			assert_int_equal(dns_init(&c, &err), WEIR_E_INVAL);
			assert_non_null(strstr(err.text, rows[i].in));
			continue;
		}
		assert_int_equal(dns_init(&c, &err), WEIR_OK);
		assert_string_equal(dns_server_text(), rows[i].out);
		dns_fini();
	}
}

#define with_server(fn) cmocka_unit_test_setup_teardown(fn, start, stop)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_server(outcomes_have_their_status),
		with_server(answers_are_cached_for_their_time),
		with_server(a_silent_server_costs_the_deadline),
		with_server(upstream_gives_up_by_itself),
		with_server(another_server_takes_over),
		with_server(nobody_listens),
		with_server(truncated_answers_come_by_tcp),
		with_server(servers_without_edns_are_understood),
		with_server(equal_questions_are_asked_once),
		with_server(cancelled_ones_hear_nothing),
		with_server(the_number_in_flight_is_limited),
		with_server(stopping_ends_open_queries),
		with_server(hundreds_at_once),
		with_server(servers_are_spelled_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
