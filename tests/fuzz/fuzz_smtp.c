/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_smtp - whatever a next hop says while an item of the quarantine is
   released to it, with STARTTLS or without. */
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../modules/quarantine/smtp.h"
#include "base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* mail - in memory, kept for all runs */
static int
mail(void)
{
	static const char text[] = "Subject: x\r\n\r\n.dot\nend";
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("mail", MFD_CLOEXEC);
		expect(fd >= 0 && write(fd, text, sizeof(text) - 1) > 0);
	}
	return fd;
}

static bool sent;

/* before_dot - from here on it may have been taken */
static int
before_dot(void *arg)
{
	(void)arg;
	sent = true;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct smtp_tls *tls[SMTP_TLS_VERIFY];
	char reply[SMTP_REPLY_MAX];
	struct smtp s = { .next_hop = "mx.example.net:25", .helo = "h",
		.timeout_ms = 2000, .sender = "a@example.org",
		.rcpt = "b@example.net", .params = "", .fd = mail(),
		.before_dot = before_dot };
	enum smtp_result result;
	int pair[2];

	if (size < 1 || size > 60000)
		return 0;
	signal(SIGPIPE, SIG_IGN);
	for (int i = SMTP_TLS_MAY; i < SMTP_TLS_VERIFY; i++)
		if (tls[i] == NULL)
			tls[i] = smtp_tls_create((enum smtp_tls_level)i, "",
			    "", reply);
	/* the first octet: how it is asked */
	s.tls = tls[data[0] % SMTP_TLS_VERIFY];
	s.params = data[0] & 16 ? "SMTPUTF8" : "";
	s.field = data[0] & 32 ? "X-Field: value" : NULL;
	expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	if (size > 1)
		expect(write(pair[1], data + 1, size - 1) ==
		    (ssize_t)size - 1);
	shutdown(pair[1], SHUT_WR);
	sent = false;
	result = smtp_on(&s, pair[0], reply);
	close(pair[1]);
	expect(strlen(reply) < sizeof(reply));
	/* taken, or not known whether: only what was sent to its end */
	expect(sent || (result != SMTP_OK && result != SMTP_UNSURE));
	for (const char *p = reply; *p != '\0'; p++)
		expect((unsigned char)*p >= ' ' && (unsigned char)*p < 0x7f);
	return 0;
}
