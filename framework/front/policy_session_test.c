/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/budget.h"
#include "base/pool.h"
#include "base/text.h"
#include "front/policy_session.h"
#include "front/test_run.h"
#include "loop/loop.h"

static struct buf said = BUF_INIT;

static int
setup(void **state)
{
	(void)state;
	test_run_reset();
	front_limits_set(NULL);
	buf_clear(&said);
	conn_sink = &said;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	front_close_all();
	assert_int_equal(front_count(), 0);
	assert_int_equal(session_count(), 0);
	assert_int_equal(test_run_waiting(), 0);
	assert_int_equal(test_run.begun,
	    test_run.ended[0] + test_run.ended[1] + test_run.ended[2]);
	buf_fini(&said);
	buf_fini(&test_run.seen);
	conn_sink = NULL;
	return 0;
}

/* put - one request; more: further lines */
static void
put(struct buf *b, const char *at, const char *instance, const char *sender,
    const char *rcpt, const char *more)
{
	buf_printf(b,
	    "request=smtpd_access_policy\nprotocol_state=%s\n"
	    "protocol_name=ESMTP\nhelo_name=mx.example\nsender=%s\n"
	    "recipient=%s\nclient_address=192.0.2.1\n"
	    "client_name=client.example\nreverse_client_name=ptr.example\n"
	    "client_port=2500\nsize=1234\n"
	    "instance=%s\n%s\n",
	    at, sender, rcpt, instance, more);
}

static bool
ask(struct conn *c, const char *at, const char *instance, const char *rcpt)
{
	struct buf b = BUF_INIT;
	bool open;

	put(&b, at, instance, "a@example", rcpt, "");
	open = conn_feed(c, b.ptr, b.len);
	buf_fini(&b);
	return open;
}

/* expect_said - with each decision id written as ID */
static void
expect_said(const char *want)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < said.len; i++) {
		if (said.ptr[i] == '[' && i + 13 < said.len &&
		    said.ptr[i + 13] == ']') {
			buf_add_str(&b, "[ID]");
			i += 13;
		} else {
			buf_add_char(&b, said.ptr[i]);
		}
	}
	assert_string_equal(b.ptr != NULL ? b.ptr : "", want);
	buf_fini(&b);
	buf_clear(&said);
}

static void
expect_seen(const char *want)
{
	assert_string_equal(test_run.seen.ptr != NULL ? test_run.seen.ptr : "",
	    want);
	buf_clear(&test_run.seen);
}

static void
test_stages(void **state)
{
	static const struct {
		const char *at, *seen;
	} rows[] = {
		{ "CONNECT", "connect " },
		{ "HELO", "connect helo=mx.example " },
		{ "EHLO", "connect helo=mx.example " },
		{ "MAIL", "connect helo=mx.example mail=a@example " },
		{ "RCPT",
		    "connect helo=mx.example mail=a@example rcpt=r@x " },
		{ "DATA",
		    "connect helo=mx.example mail=a@example rcpt=r@x data " },
		{ "BDAT",
		    "connect helo=mx.example mail=a@example rcpt=r@x data " },
		{ "END-OF-MESSAGE",
		    "connect helo=mx.example mail=a@example rcpt=r@x data "
		    "eom " },
		{ "VRFY", "" },
		{ "ETRN", "" },
		{ "NOSUCH", "" },
		{ "", "" }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct conn *c = policy_session_open(-1, &test_listener);

		assert_true(ask(c, rows[i].at, "i1", "r@x"));
		expect_said("action=DUNNO\n\n");
		expect_seen(rows[i].seen);
		front_close_all();
		buf_clear(&test_run.seen);
	}
}

static void
test_instance(void **state)
{
	struct conn *c = policy_session_open(-1, &test_listener);

	(void)state;
	test_run.step[WEIR_STAGE_RCPT] = (struct test_step){
		.action = WEIR_ACT_TEMPFAIL, .scope = WEIR_SCOPE_RCPT };
	assert_true(ask(c, "CONNECT", "i1", ""));
	assert_true(ask(c, "HELO", "i1", ""));
	assert_true(ask(c, "MAIL", "i1", ""));
	expect_seen("connect helo=mx.example mail=a@example ");
	assert_true(ask(c, "RCPT", "i1", "r@x"));
	test_run.step[WEIR_STAGE_RCPT].action = 0;
	assert_true(ask(c, "RCPT", "i1", "s@x"));
	expect_seen("rcpt=r@x rcpt=s@x ");
	/* the same once more: from memory */
	buf_clear(&said);
	assert_true(ask(c, "RCPT", "i1", "r@x"));
	assert_true(ask(c, "RCPT", "i1", "s@x"));
	expect_said("action=DEFER_IF_PERMIT 4.7.1 Please try again later "
		    "[ID]\n\naction=DUNNO\n\n");
	expect_seen("");
	/* the next message */
	assert_true(ask(c, "RCPT", "i2", "r@x"));
	expect_seen("end=0 close connect helo=mx.example mail=a@example "
		    "rcpt=r@x ");
	/* without an instance nothing is kept */
	assert_true(ask(c, "RCPT", "", "r@x"));
	assert_true(ask(c, "RCPT", "", "r@x"));
	expect_seen("end=0 close connect helo=mx.example mail=a@example "
		    "rcpt=r@x end=0 close connect helo=mx.example "
		    "mail=a@example rcpt=r@x end=0 close ");
	assert_int_equal(session_count(), 0);
}

static void
test_same_instance_other_mail(void **state)
{
	struct conn *c = policy_session_open(-1, &test_listener);
	struct buf b = BUF_INIT;

	(void)state;
	put(&b, "RCPT", "i1", "a@example", "r@x", "");
	put(&b, "RCPT", "i1", "b@example", "r@x", "");
	put(&b, "RCPT", "i1", "b@example", "r@x", "client_address=192.0.2.9\n");
	assert_true(conn_feed(c, b.ptr, b.len));
	/* an attribute that comes twice counts once */
	expect_seen("connect helo=mx.example mail=a@example rcpt=r@x end=0 "
		    "mail=b@example rcpt=r@x ");
	buf_clear(&b);
	buf_add_str(&b, "request=smtpd_access_policy\nprotocol_state=RCPT\n"
			"client_address=192.0.2.9\ninstance=i1\n"
			"recipient=r@x\nsender=\n\n");
	assert_true(conn_feed(c, b.ptr, b.len));
	expect_seen("end=0 close connect mail= rcpt=r@x ");
	buf_fini(&b);
}

static void
test_answers(void **state)
{
	enum { SES = WEIR_SCOPE_SESSION, MSG = WEIR_SCOPE_MESSAGE,
		RCP = WEIR_SCOPE_RCPT };
	static const struct {
		int stage;
		struct test_step step;
		const char *at, *said;
	} rows[] = {
		{ WEIR_STAGE_RCPT, { WEIR_ACT_REJECT, RCP, 0, NULL, NULL, 0 },
		    "RCPT", "REJECT 5.7.1 Message refused [ID]" },
		{ WEIR_STAGE_RCPT,
		    { WEIR_ACT_REJECT, RCP, 554, "5.1.1", "no\nsuch", 0 },
		    "RCPT", "554 5.1.1 no / such [ID]" },
		{ WEIR_STAGE_RCPT,
		    { WEIR_ACT_TEMPFAIL, RCP, 450, "4.2.0", "Greylisted", 0 },
		    "RCPT", "DEFER_IF_PERMIT 4.2.0 Greylisted [ID]" },
		{ WEIR_STAGE_RCPT,
		    { WEIR_ACT_TEMPFAIL, RCP, 421, NULL, "Bye", 0 }, "RCPT",
		    "421 4.7.1 Bye [ID]" },
		{ WEIR_STAGE_RCPT,
		    { WEIR_ACT_QUARANTINE, MSG, 0, NULL, "odd\x01", 0 },
		    "RCPT", "HOLD odd\\x01 [ID]" },
		{ WEIR_STAGE_RCPT, { WEIR_ACT_DISCARD, MSG, 0, NULL, NULL, 0 },
		    "RCPT", "DISCARD discarded [ID]" },
		{ WEIR_STAGE_RCPT, { WEIR_ACT_DISCARD, RCP, 0, NULL, NULL, 0 },
		    "RCPT", "DUNNO" },
		{ WEIR_STAGE_RCPT, { WEIR_ACT_ACCEPT, MSG, 0, NULL, NULL, 0 },
		    "RCPT", "DUNNO" },
		{ WEIR_STAGE_CONNECT,
		    { WEIR_ACT_REJECT, SES, 0, NULL, NULL, 0 },
		    "RCPT", "REJECT 5.7.1 Message refused [ID]" },
		{ WEIR_STAGE_MAIL, { WEIR_ACT_TEMPFAIL, MSG, 0, NULL, NULL, 0 },
		    "END-OF-MESSAGE",
		    "DEFER_IF_PERMIT 4.7.1 Please try again later [ID]" },
		{ WEIR_STAGE_EOM, { WEIR_ACT_REJECT, MSG, 0, NULL, "spam", 0 },
		    "END-OF-MESSAGE", "REJECT 5.7.1 spam [ID]" },
		{ WEIR_STAGE_EOM,
		    { WEIR_ACT_QUARANTINE, MSG, 0, NULL, "held", 0 },
		    "END-OF-MESSAGE", "HOLD held [ID]" },
		{ WEIR_STAGE_EOM, { WEIR_ACT_DISCARD, MSG, 0, NULL, NULL, 0 },
		    "END-OF-MESSAGE", "DISCARD discarded [ID]" }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (int wait = 0; wait < 2; wait++) {
			struct conn *c;
			char want[256];

			print_message("row %zu wait %d\n", i, wait);
			setup(NULL);
			test_run.step[rows[i].stage] = rows[i].step;
			test_run.step[rows[i].stage].wait = wait != 0;
			c = policy_session_open(-1, &test_listener);
			assert_true(ask(c, rows[i].at, "i1", "r@x"));
			while (test_run_finish())
				loop_once(false);
			snprintf(want, sizeof(want), "action=%s\n\n",
			    rows[i].said);
			expect_said(want);
			/* asked again: the same, and nothing runs twice */
			buf_clear(&test_run.seen);
			assert_true(ask(c, rows[i].at, "i1", "r@x"));
			expect_said(want);
			expect_seen("");
			front_close_all();
			if (rows[i].step.action >= WEIR_ACT_TEMPFAIL &&
			    rows[i].stage != WEIR_STAGE_CONNECT)
				assert_int_equal(
				    test_run.ended[MESSAGE_REFUSED], 1);
			teardown(NULL);
		}
	}
}

static void
test_accept_ok(void **state)
{
	struct conn *c = policy_session_open(-1, &test_listener);

	(void)state;
	test_listener.accept_ok = true;
	test_run.step[WEIR_STAGE_CONNECT] = (struct test_step){
		.action = WEIR_ACT_ACCEPT, .scope = WEIR_SCOPE_SESSION };
	assert_true(ask(c, "RCPT", "i1", "r@x"));
	expect_said("action=OK\n\n");
}

static struct test_step
add_headers(struct session *s, int stage, uint32_t rcpt)
{
	struct test_step none = { .action = WEIR_ACT_NONE };
	struct edit e = { .kind = EDIT_HEADER_ADD, .name = { "X-A", 3 },
		.value = { " one\n\ttwo", 9 } };

	(void)rcpt;
	if (stage == WEIR_STAGE_MAIL || stage == WEIR_STAGE_EOM) {
		edits_add(&s->message->edits, s->message->pool, &e);
		e.kind = EDIT_HEADER_INSERT;
		e.value = text_slice("2");
		edits_add(&s->message->edits, s->message->pool, &e);
	}
	return none;
}

static void
test_prepend(void **state)
{
	struct conn *c = policy_session_open(-1, &test_listener);

	(void)state;
	test_run.ask = add_headers;
	assert_true(ask(c, "RCPT", "i1", "r@x"));
	expect_said("action=PREPEND X-A: one two\n\n");
	assert_true(ask(c, "RCPT", "i1", "s@x"));
	expect_said("action=PREPEND X-A: 2\n\n");
	assert_true(ask(c, "RCPT", "i1", "s@x"));
	assert_true(ask(c, "END-OF-MESSAGE", "i1", ""));
	expect_said("action=DUNNO\n\naction=DUNNO\n\n");
}

static struct test_step
check_attributes(struct session *s, int stage, uint32_t rcpt)
{
	struct test_step none = { .action = WEIR_ACT_NONE };

	(void)rcpt;
	if (stage != WEIR_STAGE_RCPT)
		return none;
	assert_string_equal(s->client_text, "192.0.2.1");
	assert_int_equal(s->client_port, 2500);
	assert_null(s->client_name);
	assert_string_equal(s->client_rname, "ptr.example");
	assert_string_equal(s->tls_version, "TLSv1.2");
	assert_string_equal(s->auth_user, "me");
	assert_string_equal(s->helo, "mx.example");
	assert_int_equal(s->message->declared_size, 1234);
	assert_string_equal(s->message->queue_id.ptr, "8045F2AB23");
	assert_true(text_equals(session_macro(s, "policy_context"),
	    "submission"));
	assert_true(text_equals(session_macro(s, "{cipher}"), "X-SHA"));
	assert_true(text_equals(session_macro(s, "cert_issuer"),
	    "Wietse+20Venema"));
	return none;
}

static void
test_what_modules_see(void **state)
{
	struct conn *c = policy_session_open(-1, &test_listener);
	struct buf b = BUF_INIT;

	(void)state;
	test_run.ask = check_attributes;
	buf_add_str(&b, "client_name=unknown\n");
	put(&b, "RCPT", "i1", "a@example", "r@x",
	    "sasl_username=me\nencryption_protocol=TLSv1.2\n"
	    "encryption_cipher=X-SHA\nqueue_id=8045F2AB23\n"
	    "ccert_issuer=Wietse+20Venema\npolicy_context=submission\n"
	    "new_attribute=ignored\n");
	assert_true(conn_feed(c, b.ptr, b.len));
	assert_int_equal(test_run.ran[WEIR_STAGE_RCPT], 1);
	buf_fini(&b);
}

static void
test_incomplete_and_odd(void **state)
{
	static const struct {
		const char *text, *said;
		bool open;
	} rows[] = {
		{ "\n\n\n", "", true },
		{ "sender=a\n\n", "action=DUNNO\n\n", true },
		{ "request=other\nprotocol_state=RCPT\n\n", "action=DUNNO\n\n",
		    true },
		{ "request=smtpd_access_policy\n\n", "action=DUNNO\n\n", true },
		{ "request=smtpd_access_policy\nprotocol_state=RCPT\n\n",
		    "action=DUNNO\n\n", true },
		{ "GET / HTTP/1.0\n\n", "", false }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct conn *c = policy_session_open(-1, &test_listener);

		assert_int_equal(conn_feed(c, rows[i].text,
				     strlen(rows[i].text)), rows[i].open);
		expect_said(rows[i].said);
		front_close_all();
	}
}

/* A name that is too long to be kept whole is no new one all the time. */
static void
test_long_helo(void **state)
{
	struct conn *c = policy_session_open(-1, &test_listener);
	struct buf b = BUF_INIT;

	(void)state;
	for (int i = 0; i < 2; i++) {
		buf_add_str(&b, "helo_name=");
		for (int k = 0; k < 1500; k++)
			buf_add_char(&b, 'h');
		buf_add_char(&b, '\n');
		put(&b, "RCPT", "i1", "a@example", "r@x", "");
	}
	alarm(30);
	assert_true(conn_feed(c, b.ptr, b.len));
	alarm(0);
	expect_said("action=DUNNO\n\naction=DUNNO\n\n");
	assert_int_equal(test_run.ran[WEIR_STAGE_HELO], 2);
	assert_int_equal(test_run.ran[WEIR_STAGE_RCPT], 1);
	buf_fini(&b);
}

static void
test_limits(void **state)
{
	struct message_limits few = { .recipients = 2, .header_lines = 10,
		.header_octets = 1000 };
	struct message_limits usual = { .recipients = 1000,
		.header_lines = 2000, .header_octets = 256 * 1024 };
	struct conn *c = policy_session_open(-1, &test_listener);
	char address[1100];

	(void)state;
	message_limits(&few);
	assert_true(ask(c, "RCPT", "i1", "r@x"));
	assert_true(ask(c, "RCPT", "i1", "s@x"));
	buf_clear(&said);
	assert_true(ask(c, "RCPT", "i1", "t@x"));
	expect_said("action=DEFER 4.5.3 Too many recipients [ID]\n\n");
	message_limits(&usual);
	memset(address, 'x', sizeof(address));
	address[sizeof(address) - 1] = '\0';
	assert_true(ask(c, "RCPT", "i2", address));
	expect_said("action=553 5.1.3 Recipient address too long [ID]\n\n");
	budget_limit(1000);
	assert_true(budget_take(950));
	assert_true(ask(c, "RCPT", "i3", "r@x"));
	expect_said("action=DEFER 4.3.1 Out of memory [ID]\n\n");
	budget_give(950);
	budget_limit(0);
	assert_true(ask(c, "RCPT", "i3", "r@x"));
	expect_said("action=DUNNO\n\n");
}

static void
test_pipelined_while_pending(void **state)
{
	struct conn *c = policy_session_open(-1, &test_listener);
	struct buf b = BUF_INIT;

	(void)state;
	test_run.step[WEIR_STAGE_CONNECT].wait = true;
	put(&b, "RCPT", "i1", "a@example", "r@x", "");
	put(&b, "RCPT", "i1", "a@example", "s@x", "");
	put(&b, "RCPT", "i2", "a@example", "t@x", "");
	for (size_t i = 0; i < b.len; i++)
		assert_true(conn_feed(c, b.ptr + i, 1));
	buf_fini(&b);
	expect_seen("connect ");
	assert_true(test_run_finish());
	loop_once(false);
	expect_said("action=DUNNO\n\naction=DUNNO\n\n");
	expect_seen("helo=mx.example mail=a@example rcpt=r@x rcpt=s@x end=0 "
		    "close connect ");
	/* gone while it waits */
	front_close_all();
	assert_int_equal(test_run.cancelled, 1);
}

/* run the loop until the peer has heard so many octets or the end */
static void
until(int peer, size_t len)
{
	char piece[4096];
	ssize_t n;

	while (said.len < len) {
		n = read(peer, piece, sizeof(piece));
		if (n > 0)
			buf_add(&said, piece, (size_t)n);
		else if (n == 0)
			return;
		else
			loop_once(true);
	}
}

static void
test_sockets(void **state)
{
	struct front_limits limits = *front_limits();
	struct buf b = BUF_INIT;
	int fd[2];

	(void)state;
	limits.instance_ms = 30;
	front_limits_set(&limits);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
			     fd), 0);
	front_policy_accept(fd[1], &test_listener);
	put(&b, "RCPT", "i1", "a@example", "r@x", "");
	assert_int_equal(write(fd[0], b.ptr, b.len), b.len);
	until(fd[0], 14);
	expect_said("action=DUNNO\n\n");
	assert_int_equal(session_count(), 1);
	/* nobody asks any more: the transaction ends, the connection stays */
	while (session_count() > 0)
		loop_once(true);
	assert_int_equal(front_count(), 1);
	assert_int_equal(test_run.ended[MESSAGE_DONE], 1);
	/* half closed: what was asked is answered */
	test_run.step[WEIR_STAGE_CONNECT].wait = true;
	assert_int_equal(write(fd[0], b.ptr, b.len), b.len);
	shutdown(fd[0], SHUT_WR);
	while (test_run_waiting() == 0)
		loop_once(true);
	for (int i = 0; i < 5; i++)
		loop_once(false);
	assert_true(test_run_finish());
	until(fd[0], 100);
	expect_said("action=DUNNO\n\n");
	assert_int_equal(front_count(), 0);
	close(fd[0]);
	buf_fini(&b);
}

static void
test_drain(void **state)
{
	struct buf b = BUF_INIT;
	int idle[2], busy[2];

	(void)state;
	test_run.step[WEIR_STAGE_CONNECT].wait = true;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
			     idle), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
			     busy), 0);
	front_policy_accept(idle[1], &test_listener);
	front_policy_accept(busy[1], &test_listener);
	put(&b, "RCPT", "i1", "a@example", "r@x", "");
	assert_int_equal(write(busy[0], b.ptr, b.len), b.len);
	buf_fini(&b);
	while (test_run_waiting() == 0)
		loop_once(true);
	front_drain();
	assert_int_equal(front_count(), 1);
	front_drain();
	assert_int_equal(front_count(), 1);
	assert_true(test_run_finish());
	loop_once(false);
	until(busy[0], 100);
	expect_said("action=DUNNO\n\n");
	assert_int_equal(front_count(), 0);
	close(idle[0]);
	close(busy[0]);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = { TEST(test_stages),
		TEST(test_instance), TEST(test_same_instance_other_mail),
		TEST(test_answers), TEST(test_accept_ok), TEST(test_prepend),
		TEST(test_what_modules_see), TEST(test_incomplete_and_odd),
		TEST(test_long_helo), TEST(test_limits),
		TEST(test_pipelined_while_pending), TEST(test_sockets),
		TEST(test_drain) };

	loop_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
