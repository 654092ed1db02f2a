/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/channel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* channel_send - one message, without waiting */
bool
channel_send(int fd, uint32_t kind, uint64_t id, int status, const char *text)
{
	struct channel_msg m;

	memset(&m, 0, sizeof(m));
	m.kind = kind;
	m.id = id;
	m.status = status;
	if (text != NULL)
		snprintf(m.text, sizeof(m.text), "%s", text);
	return send(fd, &m, sizeof(m), MSG_NOSIGNAL | MSG_DONTWAIT) ==
	    (ssize_t)sizeof(m);
}

/* channel_receive - one message, if there is one */
int
channel_receive(int fd, struct channel_msg *out)
{
	ssize_t n = recv(fd, out, sizeof(*out), MSG_DONTWAIT);

	if (n == (ssize_t)sizeof(*out)) {
		out->text[sizeof(out->text) - 1] = '\0';
		return 1;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return -1;
}
