/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metric_http_test - requests good and bad over a loopback socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "loop/loop.h"
#include "obs/metric.h"
#include "obs/metric_http.h"

static struct metric_http *http;
static struct sockaddr_in where;

static int
begin(void **state)
{
	socklen_t len = sizeof(where);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	(void)state;
	where.sin_family = AF_INET;
	where.sin_port = 0;
	where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&where, len), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&where, &len), 0);
	metric_create();
	metric_add(metric_counter("weir_test", NULL, NULL), 7);
	loop_init();
	http = metric_http_create(fd);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	metric_http_destroy(&http);
	loop_fini(false);
	metric_destroy();
	return 0;
}

/* client - connect to the server */
static int
client(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	connect(fd, (struct sockaddr *)&where, sizeof(where));
	return fd;
}

/* answer - turn the loop until the server has closed */
static char *
answer(int fd)
{
	static char text[65536];
	size_t have = 0;

	for (int i = 0; i < 100000; i++) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		ssize_t n;

		loop_once(false);
		if (poll(&pfd, 1, 1) != 1)
			continue;
		n = recv(fd, text + have, sizeof(text) - have - 1, 0);
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	text[have] = '\0';
	return text;
}

/* say - send, one octet at a time if slow */
static void
say(int fd, const char *what, bool slow)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	size_t len = strlen(what);

	assert_int_equal(poll(&pfd, 1, 1000), 1);
	for (size_t i = 0; i < len; i += slow ? 1 : len) {
		send(fd, what + i, slow ? 1 : len, MSG_NOSIGNAL);
		loop_once(false);
	}
}

static void
requests_get_their_answers(void **state)
{
	static const struct {
		const char *request, *status;
		bool body;
	} rows[] = {
		{ "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "200", true },
		{ "GET /metrics?x=1 HTTP/1.0\n\n", "200", true },
		{ "HEAD /metrics HTTP/1.1\r\n\r\n", "200", false },
		{ "GET / HTTP/1.1\r\n\r\n", "404", false },
		{ "GET /metricsx HTTP/1.1\r\n\r\n", "404", false },
		{ "POST /metrics HTTP/1.1\r\n\r\nbody", "405", false },
		{ "GET /metrics HTTP/2.0\r\n\r\n", "505", false },
		{ "GET /metrics\r\n\r\n", "400", false },
		{ "\r\n\r\n", "400", false },
		{ " \r\n\r\n", "400", false },
		{ "GET  HTTP/1.1\r\n\r\n", "400", false },
		{ "GET /metrics HTTP/1.1 \r\n\r\n", "400", false },
		{ "GET /\x01 HTTP/1.1\r\n\r\n", "400", false },
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		int fd = client();
		char *text;

		say(fd, rows[i / 2].request, i % 2);
		text = answer(fd);
		assert_int_equal(strncmp(text, "HTTP/1.1 ", 9), 0);
		if (strncmp(text + 9, rows[i / 2].status, 3) != 0)
			fail_msg("%s: %s", rows[i / 2].request, text);
		assert_non_null(strstr(text, "\r\nConnection: close\r\n"));
		assert_int_equal(strstr(text, "weir_test_total 7\n# EOF\n") !=
			NULL, rows[i / 2].body);
		close(fd);
	}
}

static void
a_huge_head_is_refused(void **state)
{
	char huge[METRIC_HTTP_HEAD_MAX + 10];
	int fd = client();

	(void)state;
	memset(huge, 'a', sizeof(huge));
	huge[sizeof(huge) - 1] = '\0';
	say(fd, huge, false);
	assert_int_equal(strncmp(answer(fd), "HTTP/1.1 431 ", 13), 0);
	close(fd);
}

static void
idle_clients_do_not_lock_others_out_for_ever(void **state)
{
	int idle[METRIC_HTTP_CONNS], fd;

	(void)state;
	for (int i = 0; i < METRIC_HTTP_CONNS; i++) {
		idle[i] = client();
		for (int k = 0; k < 10; k++)
			loop_once(false);
	}
	fd = client();
	say(fd, "GET /metrics HTTP/1.1\r\n\r\n", false);
	for (int k = 0; k < 100; k++)
		loop_once(false);
	assert_int_equal(recv(fd, idle, 0, MSG_PEEK | MSG_DONTWAIT), -1);
	/* one leaves, the next comes in */
	close(idle[0]);
	assert_int_equal(strncmp(answer(fd), "HTTP/1.1 200 ", 13), 0);
	close(fd);
	for (int i = 1; i < METRIC_HTTP_CONNS; i++)
		close(idle[i]);
}

static void
silence_is_timed_out(void **state)
{
	int fd = client();

	(void)state;
	say(fd, "GET /metrics HTTP/1.1\r\n", false);
	assert_string_equal(answer(fd), "");
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(requests_get_their_answers,
		    begin, end),
		cmocka_unit_test_setup_teardown(a_huge_head_is_refused, begin,
		    end),
		cmocka_unit_test_setup_teardown(
		    idle_clients_do_not_lock_others_out_for_ever, begin, end),
		cmocka_unit_test_setup_teardown(silence_is_timed_out, begin,
		    end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
