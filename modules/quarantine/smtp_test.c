/* SPDX-License-Identifier: GPL-2.0-or-later */
/* smtp_test - next hops that say anything, and addresses that would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "smtp.h"
#include "test_store.h"

/* A next hop that says these lines, one for each command; "-" closes, "..."
   is silent. */
struct hop {
	const char *lines[8];
	enum smtp_result result;
};

static const struct hop hops[] = {
	{ { "220 hi", "250 x", "250", "250", "354", "250" }, SMTP_OK },
	{ { "220 hi", "250 x", "250 ok", "250 ok", "354 go", "250 ok" },
	    SMTP_OK },
	{ { "220 hi", "500 what", "250 helo", "250 ok", "250 ok", "354 go",
	      "250 ok" }, SMTP_OK },
	{ { "220-hi\r\n220 there", "250-x\r\n250-8BITMIME\r\n250 SMTPUTF8",
	      "250 ok", "250 ok", "354 go", "250 ok" }, SMTP_OK },
	{ { "554 no" }, SMTP_PERM },
	{ { "421 later" }, SMTP_TEMP },
	{ { "-" }, SMTP_TEMP },
	{ { "garbage" }, SMTP_TEMP },
	{ { "..." }, SMTP_TEMP },
	{ { "220 hi", "250 x", "550 5.7.1 no" }, SMTP_PERM },
	{ { "220 hi", "250 x", "250 ok", "450 4.2.0 busy" }, SMTP_TEMP },
	{ { "220 hi", "250 x", "250 ok", "550 5.1.1 who" }, SMTP_PERM },
	{ { "220 hi", "250 x", "250 ok", "250 ok", "-" }, SMTP_TEMP },
	{ { "220 hi", "250 x", "250 ok", "250 ok", "452 full" }, SMTP_TEMP },
	{ { "220 hi", "250 x", "250 ok", "250 ok", "354 go", "452 full" },
	    SMTP_TEMP },
	{ { "220 hi", "250 x", "250 ok", "250 ok", "354 go", "554 spam" },
	    SMTP_PERM },
	{ { "220 hi", "250 x", "250 ok", "250 ok", "354 go", "-" },
	    SMTP_UNSURE },
	{ { "220 hi", "250 x", "250 ok", "250 ok", "354 go", "..." },
	    SMTP_UNSURE },
	{ { "220 hi", "250 x", "250 ok", "250 ok", "354 go", "what?" },
	    SMTP_UNSURE },
	{ { "220 hi", "250 x", "250 ok", "250 ok", "354 go", "354 go on" },
	    SMTP_UNSURE },
	{ { "220 hi", "250 x", "250 ok", "250 ok", "354 go", "000" },
	    SMTP_UNSURE },
};

/* hop_serve - in a child */
static void
hop_serve(int fd, const struct hop *h)
{
	static char all[1 << 16];

	for (int i = 0; i < 8 && h->lines[i] != NULL; i++) {
		if (strcmp(h->lines[i], "-") == 0)
			return;
		if (strcmp(h->lines[i], "...") == 0)
			pause();
		dprintf(fd, "%s\r\n", h->lines[i]);
		/* a command, or the data up to its dot */
		for (size_t n = 0; n < sizeof(all) - 1;) {
			ssize_t got = read(fd, all + n, sizeof(all) - 1 - n);

			if (got <= 0)
				return;
			n += (size_t)got;
			all[n] = '\0';
			if (strncmp(h->lines[i], "354", 3) == 0 ?
			    strstr(all, "\r\n.\r\n") != NULL :
			    all[n - 1] == '\n')
				break;
		}
	}
}

static void
test_smtp(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hops) / sizeof(*hops); i++) {
		struct sockaddr_un un = { .sun_family = AF_UNIX };
		char hop[120], reply[SMTP_REPLY_MAX];
		struct smtp s = { .next_hop = hop, .helo = "h",
			.timeout_ms = 400, .sender = "a@example.org",
			.rcpt = "b@example.net", .params = "",
			.fd = file_of("Subject: x\r\n\r\n.dot\r\n") };
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		enum smtp_result got;
		pid_t pid;

		snprintf(un.sun_path, sizeof(un.sun_path), "%s/hop%zu", folder,
		    i);
		snprintf(hop, sizeof(hop), "unix:%s", un.sun_path);
		assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)),
		    0);
		assert_int_equal(listen(fd, 1), 0);
		pid = fork();
		if (pid == 0) {
			hop_serve(accept(fd, NULL, NULL), &hops[i]);
			_exit(0);
		}
		close(fd);
		got = smtp_send(&s, reply);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		close(s.fd);
		if (got != hops[i].result)
			fail_msg("next hop %zu: %d, not %d: %s", i, got,
			    hops[i].result, reply);
	}
}

/* Addresses that would be more than one command. */
static void
test_smtp_injection(void **state)
{
	struct smtp s = { .next_hop = "127.0.0.1:1", .helo = "h",
		.timeout_ms = 100, .sender = "a@example.org",
		.rcpt = "b@example.net>\r\nRCPT TO:<c@example.net",
		.params = "", .fd = -1 };
	char reply[SMTP_REPLY_MAX];

	(void)state;
	assert_int_equal(smtp_send(&s, reply), SMTP_PERM);
	s.rcpt = "b@example.net";
	assert_int_equal(smtp_send(&s, reply), SMTP_TEMP);
	assert_true(smtp_is_next_hop("mx.example.net:25"));
	assert_true(smtp_is_next_hop("[::1]:25"));
	assert_true(smtp_is_next_hop("unix:/run/smtp"));
	assert_false(smtp_is_next_hop("mx.example.net"));
	assert_false(smtp_is_next_hop("::1:25"));
	assert_false(smtp_is_next_hop(":25"));
	assert_false(smtp_is_next_hop("unix:relative"));
	assert_false(smtp_is_next_hop("mx.example.net:smtp"));
	assert_false(smtp_is_next_hop(""));
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		T(test_smtp),
		T(test_smtp_injection),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
