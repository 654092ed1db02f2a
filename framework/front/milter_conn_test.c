/* SPDX-License-Identifier: GPL-2.0-or-later */
/* milter_conn_test - milter connections over sockets, with the real loop. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/budget.h"
#include "base/clock.h"
#include "base/pool.h"
#include "base/text.h"
#include "front/milter_session.h"
#include "front/milter_wire.h"
#include "front/test_milter.h"
#include "front/test_run.h"
#include "loop/loop.h"

static struct buf said = BUF_INIT;
static int peer; /* the MTA's end */
static struct loop_timer guard;

static void
on_guard(struct loop_timer *t)
{
	(void)t;
	fail_msg("nothing happens for ten seconds");
}

/* join - a connection, its other end is `peer` */
static void
join(void)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
			     fd), 0);
	peer = fd[0];
	milter_session_open(fd[1], &test_listener);
}

static int
setup(void **state)
{
	(void)state;
	test_run_reset();
	test_milter_protocol = 0x1fffff;
	test_milter_version = 6;
	test_milter_body = 4;
	join();
	loop_timer_init(&guard, on_guard);
	loop_timer_start(&guard, 10000);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	loop_timer_stop(&guard);
	front_close_all();
	assert_int_equal(front_count(), 0);
	assert_int_equal(session_count(), 0);
	assert_int_equal(budget_used(), 0);
	if (peer >= 0)
		close(peer);
	front_limits_set(NULL);
	buf_fini(&said);
	buf_fini(&test_run.seen);
	return 0;
}

/* hear - take what was said; false: end of file */
static bool
hear(void)
{
	char piece[65536];
	ssize_t n;

	while ((n = read(peer, piece, sizeof(piece))) > 0)
		buf_add(&said, piece, (size_t)n);
	return n < 0 && errno == EAGAIN;
}

/* tell - send octets, running the loop when the socket is full */
static void
tell(const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(peer, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			return;
		if (n < 0)
			loop_once(false);
		else
			data += n, len -= (size_t)n;
	}
}

static void
play(const char *script)
{
	struct buf b = BUF_INIT;

	test_milter_script(&b, script);
	tell(b.ptr, b.len);
	buf_fini(&b);
}

/* until - run the loop until so many octets have been heard */
static void
until(size_t len)
{
	while (hear() && said.len < len)
		loop_once(true);
}

/* until_gone - run the loop until the connection is closed */
static void
until_gone(void)
{
	while (front_count() > 0)
		loop_once(true);
	hear();
}

static void
expect_said(const char *want)
{
	char codes[4096];

	test_milter_codes(&said, codes, sizeof(codes));
	assert_string_equal(codes, want);
	buf_clear(&said);
}

static void
test_byte_at_a_time(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	test_listener.no_reply = false;
	test_milter_script(&b, "OcCHmMRRqTLLNBBEMRTLNBEQ");
	for (size_t i = 0; i < b.len; i++) {
		tell(b.ptr + i, 1);
		loop_once(false);
	}
	buf_fini(&b);
	until_gone();
	expect_said("O" "cccccccccccc" "ccccccc");
	assert_int_equal(test_run.ended[MESSAGE_DONE], 2);
}

static void
test_every_split(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	test_milter_script(&b, "OCHMRTLNBEMRA");
	for (size_t at = 1; at < b.len; at++) {
		tell(b.ptr, at);
		loop_once(false);
		tell(b.ptr + at, b.len - at);
		play("Q");
		until_gone();
		assert_int_equal(test_run.ended[MESSAGE_DONE], 1);
		assert_int_equal(test_run.ended[MESSAGE_ABORTED], 1);
		expect_said("O" "ccccccccc" "cc");
		teardown(NULL);
		setup(NULL);
		test_listener.no_reply = false;
	}
	buf_fini(&b);
}

static void
test_large(void **state)
{
	static char value[900 * 1024];
	const struct message_limits usual = { 1000, 2000, 256 * 1024 },
	    large = { 1000, 2000, 1024 * 1024 };
	struct buf b = BUF_INIT;

	(void)state;
	message_limits(&large);
	/* a packet that no read brings whole, and chunks that share reads */
	memset(value, 'v', sizeof(value));
	play("OCHMRT");
	milter_put(&b, 'L', value, sizeof(value));
	b.ptr[100] = '\0';
	b.ptr[b.len - 1] = '\0';
	tell(b.ptr, b.len);
	test_milter_body = 65535;
	play("NBBBBBBBBBBBBBBBBBBBBE");
	until(1);
	while (test_run.ended[MESSAGE_DONE] == 0)
		loop_once(true);
	hear();
	expect_said("Occccc" "c" "c" "cccccccccccccccccccc" "c");
	assert_int_equal(test_run.ran[WEIR_STAGE_BODY], 20);
	assert_int_equal(test_run.ended[MESSAGE_DONE], 1);
	message_limits(&usual);
	buf_fini(&b);
}

static void
test_gone_while_pending(void **state)
{
	(void)state;
	test_run.step[WEIR_STAGE_EOM].wait = true;
	play("OCHMRTLNBE");
	while (test_run_waiting() == 0)
		loop_once(true);
	close(peer);
	peer = -1;
	while (front_count() > 0)
		loop_once(true);
	assert_int_equal(test_run.cancelled, 1);
	assert_int_equal(test_run.ended[MESSAGE_ABORTED], 1);
}

static void
test_reset_in_body(void **state)
{
	(void)state;
	play("OCHMRTLN");
	tell("\0\1\0\0Bhalf", 9);
	until(22);
	close(peer);
	peer = -1;
	while (front_count() > 0)
		loop_once(true);
	assert_int_equal(test_run.ended[MESSAGE_ABORTED], 1);
}

/* A peer that sends ahead of a pending stage is slowed down, not lost. */
static void
test_backpressure(void **state)
{
	size_t sent = 0;

	(void)state;
	memset(test_run.wants.answer, 0, sizeof(test_run.wants.answer));
	test_run.step[WEIR_STAGE_RCPT].wait = true;
	play("OCHMR");
	while (test_run_waiting() == 0)
		loop_once(true);
	for (int i = 0; i < 3000; i++) {
		char body[5 + 1000] = "\0\0\3\351B";
		ssize_t n = send(peer, body, sizeof(body), MSG_NOSIGNAL);

		if (n > 0)
			sent += (size_t)n;
		loop_once(false);
		if (n >= 0 && (size_t)n < sizeof(body))
			break;
	}
	/* held: at most CONN_HOLD and a read, and what the socket takes */
	assert_true(sent < 2000 * 1000);
	assert_true(budget_used() < 512 * 1024);
	hear();
	assert_true(test_run_finish());
	loop_once(false);
	while (test_run.ran[WEIR_STAGE_BODY] < sent / 1005)
		loop_once(true);
	assert_int_equal(test_run.ran[WEIR_STAGE_BODY], sent / 1005);
	assert_true(budget_used() > 0); /* the spool */
}

static void
test_timeouts(void **state)
{
	/* what is sent, which of the two limits applies */
	static const struct {
		const char *script;
		const char *rest;
		size_t len;
		bool idle;
	} rows[] = {
		{ "", "", 0, false },
		{ "", "\0\0", 2, false },
		{ "OC", "", 0, true },
		{ "OCH", "", 0, true },
		{ "OCHM", "", 0, true },
		{ "OCHMRT", "", 0, true },
		{ "OCHMRT", "\0\0\0\2N", 5, false },
		{ "OCHMRTL", "", 0, false },
		{ "OCHMRTLNB", "", 0, false },
		{ "OCHMRTLNBE", "", 0, true }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct front_limits limits = *front_limits();
		int64_t began;

		front_close_all();
		close(peer);
		limits.command_ms = 40;
		limits.idle_ms = 200;
		front_limits_set(&limits);
		join();
		began = clock_mono_ms();
		play(rows[i].script);
		tell(rows[i].rest, rows[i].len);
		until_gone();
		print_message("row %zu: %lld ms\n", i,
		    (long long)(clock_mono_ms() - began));
		assert_true(clock_mono_ms() - began >=
		    (rows[i].idle ? 200 : 40));
		if (!rows[i].idle)
			assert_true(clock_mono_ms() - began < 190);
	}
}

static void
test_no_timeout_while_pending(void **state)
{
	struct front_limits limits = *front_limits();
	int64_t began = clock_mono_ms();

	(void)state;
	limits.progress_ms = 20;
	limits.command_ms = limits.idle_ms = 30;
	front_limits_set(&limits);
	front_close_all();
	close(peer);
	join();
	test_run.step[WEIR_STAGE_EOM].wait = true;
	play("OCHMRTLNBE");
	/* signs of life instead */
	until(said.len + 1);
	while (clock_mono_ms() - began < 150) {
		loop_once(true);
		assert_true(hear());
	}
	assert_int_equal(front_count(), 1);
	assert_true(test_run_finish());
	loop_once(false);
	hear();
	assert_int_equal(said.ptr[said.len - 1], 'c');
	assert_int_equal(said.ptr[said.len - 6], 'p');
	assert_int_equal(test_run.ended[MESSAGE_DONE], 1);
}

static struct test_step
large_body(struct session *s, int stage, uint32_t rcpt)
{
	struct test_step none = { .action = WEIR_ACT_NONE };
	static char body[3 * 1024 * 1024];
	struct edit e = { .kind = EDIT_BODY, .name = { "", 0 },
		.value = { body, sizeof(body) } };

	(void)rcpt;
	if (stage == WEIR_STAGE_EOM)
		edits_add(&s->message->edits, s->message->pool, &e);
	return none;
}

/* What the peer does not take at once is kept and sent later; meanwhile
   nothing more is read from it. */
static void
test_slow_reader(void **state)
{
	char codes[256];

	(void)state;
	memset(test_run.wants.answer, 0, sizeof(test_run.wants.answer));
	test_run.ask = large_body;
	play("OCHMRTLNBE");
	for (int i = 0; i < 20; i++)
		loop_once(false);
	play("MR");
	for (int i = 0; i < 20; i++)
		loop_once(false);
	assert_int_equal(test_run.ran[WEIR_STAGE_MAIL], 1);
	while (test_run.ran[WEIR_STAGE_RCPT] < 2) {
		hear();
		loop_once(true);
	}
	hear();
	test_milter_codes(&said, codes, sizeof(codes));
	assert_int_equal(strspn(codes + 1, "b"), 49);
	assert_string_equal(codes + 50, "c");
}

static void
test_many(void **state)
{
	enum { N = 200 };
	int fds[N];

	(void)state;
	for (int i = 0; i < N; i++) {
		int fd[2];

		assert_int_equal(socketpair(AF_UNIX,
				     SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
		fds[i] = fd[0];
		front_milter_accept(fd[1], &test_listener);
	}
	assert_int_equal(front_count(), N + 1);
	front_drain();
	front_drain();
	assert_int_equal(front_count(), N + 1);
	front_close_all();
	assert_int_equal(front_count(), 0);
	for (int i = 0; i < N; i++)
		close(fds[i]);
}

/* More connections than a worker may hold wait until there is room. */
static void
test_session_limit(void **state)
{
	static struct front_listener l = { .name = "l", .direction = "in",
		.no_reply = true, .front = { .protocol = "milter",
		    .listener = "l", .direction = "in" } };
	struct front_limits limits = *front_limits();
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int fds[5];

	(void)state;
	limits.sessions = 3; /* one is there already */
	front_limits_set(&limits);
	l.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(l.fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(l.fd, 10), 0);
	assert_int_equal(getsockname(l.fd, (struct sockaddr *)&sin, &len), 0);
	front_listen_start(&l);
	for (int i = 0; i < 5; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(connect(fds[i], (struct sockaddr *)&sin,
				     len), 0);
	}
	for (int i = 0; i < 10; i++)
		loop_once(false);
	assert_int_equal(front_count(), 3);
	close(peer);
	peer = -1;
	for (int i = 0; i < 10; i++)
		loop_once(false);
	assert_int_equal(front_count(), 3);
	for (int i = 0; i < 5; i++)
		close(fds[i]);
	while (front_count() > 0)
		loop_once(true);
	front_listen_stop(&l);
	front_listen_stop(&l);
	close(l.fd);
}

/* Over TCP, without answers: small writes are acknowledged at once. */
static void
test_tcp(void **state)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int l = socket(AF_INET, SOCK_STREAM, 0), fd, v = 0;

	(void)state;
	front_close_all();
	close(peer);
	assert_int_equal(bind(l, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(l, 1), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&sin, &len), 0);
	peer = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(peer, (struct sockaddr *)&sin, len), 0);
	fcntl(peer, F_SETFL, O_NONBLOCK);
	fd = accept4(l, NULL, NULL, SOCK_NONBLOCK);
	assert_true(fd >= 0);
	close(l);
	memset(test_run.wants.answer, 0, sizeof(test_run.wants.answer));
	front_milter_accept(fd, &test_listener);
	len = sizeof(v);
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &v,
			     &len), 0);
	assert_int_equal(v, 1);
	play("OCHMRTLN");
	/* Nagle at the peer, as an MTA has it: each small write waits for the
	   acknowledgement of the one before, 40 ms if that is delayed */
	for (int i = 0; i < 20; i++) {
		play("B");
		loop_once(false);
	}
	hear();
	play("E");
	until(said.len + 5);
	assert_int_equal(test_run.ran[WEIR_STAGE_BODY], 20);
	assert_int_equal(said.ptr[said.len - 1], 'c');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_byte_at_a_time, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_every_split, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_large, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone_while_pending, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_reset_in_body, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_backpressure, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_timeouts, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_no_timeout_while_pending,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_reader, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_session_limit, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_tcp, setup, teardown)
	};

	loop_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
