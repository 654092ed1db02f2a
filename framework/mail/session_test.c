/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session_test - sessions, macros, messages and who keeps their memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/budget.h"
#include "base/pool.h"
#include "base/text.h"
#include "pipe/test_fake.h"

/* set_macro - by strings */
static int
set_macro(struct session *s, int stage, const char *name, const char *value)
{
	return session_macro_set(s, stage, text_slice(name),
	    text_slice(value));
}

static void
test_macros(void **state)
{
	struct session *s = fake_session("in");
	char big[9000];

	(void)state;
	assert_null(session_macro(s, "i").ptr);
	set_macro(s, WEIR_STAGE_CONNECT, "{daemon_name}", "smtpd");
	assert_string_equal(session_macro(s, "daemon_name").ptr, "smtpd");
	assert_string_equal(session_macro(s, "{daemon_name}").ptr, "smtpd");
	/* longer, shorter, longer again, empty */
	set_macro(s, WEIR_STAGE_MAIL, "i", "4AB");
	set_macro(s, WEIR_STAGE_MAIL, "i", "a-much-longer-queue-id-than-that");
	assert_string_equal(session_macro(s, "i").ptr,
	    "a-much-longer-queue-id-than-that");
	set_macro(s, WEIR_STAGE_MAIL, "i", "x");
	assert_string_equal(session_macro(s, "i").ptr, "x");
	set_macro(s, WEIR_STAGE_MAIL, "i", "");
	assert_non_null(session_macro(s, "i").ptr);
	assert_int_equal(session_macro(s, "i").len, 0);
	/* those of a stage and later ones go */
	set_macro(s, WEIR_STAGE_RCPT, "{rcpt_addr}", "r");
	session_macros_clear(s, WEIR_STAGE_RCPT);
	assert_null(session_macro(s, "{rcpt_addr}").ptr);
	assert_non_null(session_macro(s, "i").ptr);
	session_macros_clear(s, WEIR_STAGE_MAIL);
	assert_null(session_macro(s, "i").ptr);
	assert_non_null(session_macro(s, "{daemon_name}").ptr);
	/* limits */
	assert_int_equal(set_macro(s, 0, "", "x"), WEIR_E_LIMIT);
	memset(big, 'x', sizeof(big));
	big[8192] = '\0';
	assert_int_equal(set_macro(s, 0, "big", big), WEIR_OK);
	big[8192] = 'x';
	big[8193] = '\0';
	assert_int_equal(set_macro(s, 0, "big", big), WEIR_E_LIMIT);
	assert_int_equal(set_macro(s, 0, big, "x"), WEIR_E_LIMIT);
	for (int i = 0; i < SESSION_MACROS - 4; i++) {
		char name[16];

		snprintf(name, sizeof(name), "m%d", i);
		assert_int_equal(set_macro(s, 0, name, "v"), WEIR_OK);
	}
	assert_int_equal(set_macro(s, 0, "more", "v"), WEIR_E_LIMIT);
	assert_int_equal(set_macro(s, 0, "i", "again"), WEIR_OK);
	assert_string_equal(session_macro(s, "i").ptr, "again");
	session_close(&s);
	assert_null(s);
}

/* A connection that lasts for days takes no memory for what comes again. */
static void
test_no_growth(void **state)
{
	struct session *s = fake_session("in");
	size_t begin = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		char value[64];

		snprintf(value, sizeof(value), "%.*s", i % 50 + 1,
		    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz");
		set_macro(s, WEIR_STAGE_MAIL, "i", value);
		session_set(s, &s->helo, text_slice(value));
		assert_string_equal(s->helo, value);
		session_set(s, &s->client_name, text_slice("same"));
		if (i == 100)
			begin = pool_used(s->pool);
	}
	assert_int_equal(pool_used(s->pool), begin);
	session_close(&s);
}

static void
test_attributes(void **state)
{
	struct session *s = fake_session("in");
	char big[3000];
	weir_str v = { "ab\0cd", 5 };

	(void)state;
	session_set(s, &s->helo, v);
	assert_string_equal(s->helo, "ab");
	session_set(s, &s->helo, v);
	assert_string_equal(s->helo, "ab");
	memset(big, 'h', sizeof(big));
	v.ptr = big;
	v.len = sizeof(big);
	session_set(s, &s->helo, v);
	assert_int_equal(strlen(s->helo), 1024);
	v.ptr = NULL;
	v.len = 0;
	session_set(s, &s->helo, v);
	assert_string_equal(s->helo, "");
	session_set(s, &s->tls_version, v);
	assert_string_equal(s->tls_version, "");
	session_close(&s);
}

static bool
is_internal(const struct ip *ip)
{
	return ip->len == 4 && ip->octets[0] == 10;
}

static void
test_direction(void **state)
{
	static const struct {
		const char *direction, *client, *user;
		bool out;
	} cases[] = {
		{ "in", "10.0.0.1", NULL, false },
		{ "in", "10.0.0.1", "u", false },
		{ "out", "192.0.2.1", NULL, true },
		{ "auto", "192.0.2.1", NULL, false },
		{ "auto", "10.0.0.1", NULL, true },
		{ "auto", "192.0.2.1", "u", true },
		{ "auto", "192.0.2.1", "", false },
		{ "auto", NULL, NULL, false },
		{ "auto", NULL, "u", true },
	};

	(void)state;
	session_internal(is_internal);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct session_front front = { "drive", "test",
			cases[i].direction };
		struct session *s = session_open(&front);
		struct ip ip;

		if (cases[i].client != NULL) {
			assert_true(ip_parse(cases[i].client, &ip));
			session_set_client(s, &ip, 1);
		}
		if (cases[i].user != NULL)
			session_set_auth(s, text_slice(cases[i].user));
		assert_int_equal(s->is_out, cases[i].out);
		session_close(&s);
	}
	session_internal(NULL);
	assert_int_equal(session_count(), 0);
}

static void
test_header_limits(void **state)
{
	struct message_limits limits = { .recipients = 2, .header_lines = 3,
		.header_octets = 100 };
	struct message_limits usual = { .recipients = 1000,
		.header_lines = 2000, .header_octets = 256 * 1024 };
	struct session *s = fake_session("in");
	struct message *m;
	weir_str raw;
	uint32_t i;

	(void)state;
	message_limits(&limits);
	m = fake_message(s, 2);
	assert_int_equal(message_rcpt_add(m, text_slice("r"), text_slice(""),
	    &i), WEIR_E_LIMIT);
	for (int k = 0; k < 5; k++)
		message_header_add(m, text_slice("X"), text_slice(" 1"), true,
		    true);
	message_header_add(m, text_slice("Content-Type"), text_slice(" a\n\tb"),
	    true, true);
	assert_true(m->headers_cut);
	assert_int_equal(message_header_count(m, NULL), 3);
	assert_int_equal(message_header_count(m, "x"), 3);
	assert_null(message_header(m, "content-type", 0));
	assert_null(message_header(m, "x", 3));
	/* but whoever reads the raw message sees all of it */
	message_body_add(m, text_slice("body\r\n"), true);
	assert_int_equal(message_raw(m, &raw), WEIR_OK);
	assert_string_equal(raw.ptr, "X: 1\r\nX: 1\r\nX: 1\r\nX: 1\r\nX: 1\r\n"
	    "Content-Type: a\r\n\tb\r\n\r\nbody\r\n");
	message_finish(&s->message, MESSAGE_DONE);
	/* by octets; a short field behind a long one is cut, too: what is kept
	   is a beginning, not a selection */
	m = fake_message(s, 0);
	message_header_add(m, text_slice("A"), text_slice(" 1"), true, true);
	message_header_add(m, text_slice("B"), text_slice(
	    " 0123456789012345678901234567890123456789012345678901234567890123"
	    "4567890123456789012345678901234567890123456789"), true, true);
	message_header_add(m, text_slice("C"), text_slice(" 1"), true, true);
	assert_int_equal(message_header_count(m, NULL), 1);
	message_limits(&usual);
	session_close(&s);
}

/* What a client makes us keep besides the content is of the same budget. */
static void
test_budget(void **state)
{
	char address[1000];
	weir_str text = { address, sizeof(address) };
	struct session *s = fake_session("in");
	struct message *m;
	uint32_t i, n = 0;

	(void)state;
	memset(address, 'a', sizeof(address));
	budget_limit(20000);
	m = fake_message(s, 0);
	while (n < 100 && message_rcpt_add(m, text, text_slice(""), &i) == 0)
		n++;
	assert_true(n > 10 && n < 20);
	assert_int_equal(m->nrcpts, n);
	assert_int_equal(m->spool_status, WEIR_OK);
	message_header_add(m, text_slice("X"), text, true, false);
	message_header_add(m, text_slice("X"), text, true, false);
	assert_true(message_header_count(m, NULL) < 2);
	assert_int_equal(m->spool_status, WEIR_E_NOMEM);
	message_finish(&s->message, MESSAGE_DONE);
	session_close(&s);
	assert_int_equal(budget_used(), 0);
	budget_limit(0);
}

static void
test_raw(void **state)
{
	static const struct {
		const char *value, *spooled;
	} cases[] = {
		{ " x", "N: x\r\n" },
		{ "", "N:\r\n" },
		{ " a\n b", "N: a\r\n b\r\n" },
		{ " a\r\n b", "N: a\r\n b\r\n" },
		{ " a\n\n b\n", "N: a\r\n\r\n b\r\n\r\n" },
		{ "\n", "N:\r\n\r\n" },
		{ " a\rb", "N: a\rb\r\n" },
	};
	struct session *s = fake_session("in");
	weir_str raw, again;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct message *m = fake_message(s, 1);
		char want[64];

		message_header_add(m, text_slice("N"),
		    text_slice(cases[i].value), false, true);
		snprintf(want, sizeof(want), "%s\r\n", cases[i].spooled);
		assert_int_equal(message_raw(m, &raw), WEIR_OK);
		assert_string_equal(raw.ptr, want);
		message_finish(&s->message, MESSAGE_ABORTED);
	}
	/* asking twice changes nothing, not even after it was sealed */
	fake_message(s, 1);
	for (int i = 0; i < 100; i++) {
		char chunk[10000];
		weir_str c = { chunk, sizeof(chunk) };

		memset(chunk, 'a' + i % 26, sizeof(chunk));
		message_body_add(s->message, c, true);
	}
	assert_int_equal(message_raw(s->message, &raw), WEIR_OK);
	assert_int_equal(message_raw(s->message, &again), WEIR_OK);
	assert_ptr_equal(raw.ptr, again.ptr);
	for (int i = 0; i < 2; i++) {
		int fd = spool_fd(&s->message->spool);

		assert_true(fd >= 0);
		close(fd);
		assert_int_equal(message_raw(s->message, &again), WEIR_OK);
		assert_ptr_equal(raw.ptr, again.ptr);
		assert_int_equal(again.len, 1000002);
	}
	session_close(&s);
}

static int drops;

static void
count_drop(void *data)
{
	(void)data;
	drops++;
}

static int
keep_slots(struct fake *f, weir_call *call, int stage, int phase)
{
	int *n = f->arg;

	(void)phase;
	if (stage == WEIR_STAGE_CONNECT)
		fake_host->data_set(call, WEIR_SCOPE_SESSION, WEIR_RCPT_NONE, n,
		    count_drop);
	if (stage == WEIR_STAGE_MAIL) {
		fake_host->data_set(call, WEIR_SCOPE_MESSAGE, WEIR_RCPT_NONE, n,
		    count_drop);
		/* anew: the old one is dropped now; the same again is not */
		fake_host->data_set(call, WEIR_SCOPE_MESSAGE, WEIR_RCPT_NONE,
		    n + 1, count_drop);
		assert_int_equal(drops, 1);
		fake_host->data_set(call, WEIR_SCOPE_MESSAGE, WEIR_RCPT_NONE,
		    n + 1, count_drop);
		assert_int_equal(drops, 1);
	}
	if (stage == WEIR_STAGE_RCPT)
		fake_host->data_set(call, WEIR_SCOPE_RCPT, f->rcpt, n,
		    count_drop);
	return WEIR_OK;
}

static void
test_slots_and_refs(void **state)
{
	struct fake f;
	struct fake *all[] = { &f };
	struct session *s, *still;
	struct message *m;
	int n[2];

	(void)state;
	drops = 0;
	fake_init(&f, "one", BIT(CONNECT) | BIT(MAIL) | BIT(RCPT), 0, 0,
	    keep_slots);
	f.arg = n;
	fake_plan(all, 1);
	s = fake_session("in");
	fake_stage(s, WEIR_STAGE_CONNECT, WEIR_RCPT_NONE);
	m = fake_message(s, 3);
	fake_stage(s, WEIR_STAGE_MAIL, WEIR_RCPT_NONE);
	for (uint32_t i = 0; i < 3; i++)
		fake_stage(s, WEIR_STAGE_RCPT, i);
	assert_int_equal(drops, 1);
	/* somebody still uses it */
	message_ref(m);
	still = s;
	session_close(&s);
	assert_int_equal(session_count(), 0);
	assert_int_equal(f.message_ends, 1);
	assert_int_equal(f.session_ends, 1);
	assert_int_equal(drops, 1);
	assert_true(m->ended);
	assert_true(still->closed);
	assert_string_equal(m->sender.ptr, "a@example.org");
	message_unref(m);
	assert_int_equal(drops, 6);
	/* a message that ends before its session */
	s = fake_session("in");
	fake_message(s, 1);
	fake_stage(s, WEIR_STAGE_RCPT, 0);
	s->dns_queries = 50;
	message_finish(&s->message, MESSAGE_ABORTED);
	assert_int_equal(drops, 7);
	assert_int_equal(s->dns_queries, 0);
	assert_null(s->message);
	session_close(&s);
	assert_int_equal(drops, 7);
}

static void
test_memory_cap(void **state)
{
	struct session *s;

	(void)state;
	fake_plan(NULL, 0);
	s = fake_session("in");
	budget_limit(100000);
	assert_true(budget_take(95000));
	assert_null(message_begin(s, text_slice(""), text_slice("")));
	budget_give(95000);
	assert_non_null(message_begin(s, text_slice(""), text_slice("")));
	budget_limit(0);
	session_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_macros),
		cmocka_unit_test(test_no_growth),
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_direction),
		cmocka_unit_test(test_header_limits),
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_slots_and_refs),
		cmocka_unit_test(test_memory_cap),
		cmocka_unit_test(test_budget),
	};

	return cmocka_run_group_tests(tests, fake_world_start,
	    fake_world_stop);
}
