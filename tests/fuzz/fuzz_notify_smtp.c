/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_notify_smtp - a server that answers a notification with any octets.
 *
 * The input is all that the server ever says; then it closes.  "Taken" is only
 * what was sent to its end.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "lua/notify.h"

#define INPUT_MAX 32768 /* what a socket takes at once */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* check_taken - the client said all of it, the final dot last */
static void
check_taken(int fd)
{
	static const char end[] = "\r\n..dot\r\n.\r\n";
	char got[4096];
	size_t n = 0;
	ssize_t r;

	while (n < sizeof(got) && (r = recv(fd, got + n, sizeof(got) - n,
	    MSG_DONTWAIT)) > 0)
		n += (size_t)r;
	expect(n > sizeof(end) && memcmp(got, "EHLO me\r\n", 9) == 0);
	expect(memcmp(got + n - (sizeof(end) - 1), end, sizeof(end) - 1) == 0);
}

/* LLVMFuzzerTestOneInput - the target */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const weir_str mail = WEIR_STR("Subject: s\r\n\r\na\n.dot");
	struct notify_smtp s = { .fd = -1 };
	int fds[2], status;

	if (size > INPUT_MAX)
		return 0;
	expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
	expect(send(fds[1], data, size, MSG_NOSIGNAL) == (ssize_t)size);
	expect(shutdown(fds[1], SHUT_WR) == 0);
	s.fd = fds[0];
	status = notify_smtp_greet(&s, "me");
	expect(status == WEIR_OK || status == WEIR_E_TEMP);
	if (status == WEIR_OK) {
		status = notify_smtp_send(&s, "", "a@example.org\n"
		    "b@example.org\n", mail);
		expect(status == WEIR_OK || status == WEIR_E_TEMP ||
		    status == WEIR_E_INVAL);
		if (status == WEIR_OK)
			check_taken(fds[1]);
	}
	expect(s.text != NULL && strlen(s.text) < 600);
	expect(s.code == 0 || (s.code >= 200 && s.code < 600));
	notify_smtp_close(&s);
	close(fds[1]);
	return 0;
}
