/* SPDX-License-Identifier: GPL-2.0-or-later */
/* smtp_conn - the connection under an SMTP conversation: octets and lines. */
#include "smtp_conn.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "smtp.h"

#define SMTP_POLL_MS 500 /* between two looks at whether it is wanted */

/* smtp_mono - milliseconds that only grow */
int64_t
smtp_mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

/* smtp_break - the connection is of no more use */
void
smtp_break(struct smtp_conn *c, const char *what, const char *why)
{
	if (!c->broken)
		snprintf(c->reply, SMTP_REPLY_MAX, "%s: %s", what, why);
	c->broken = true;
}

/* smtp_wait - until the socket is ready; false: broken */
bool
smtp_wait(struct smtp_conn *c, short events)
{
	struct pollfd p = { .fd = c->fd, .events = events };

	for (;;) {
		int64_t left = c->end_ms - smtp_mono();
		int n;

		if (left <= 0) {
			smtp_break(c, c->s->next_hop, "no answer in time");
			return false;
		}
		if (c->s->unwanted != NULL && c->s->unwanted(c->s->arg)) {
			smtp_break(c, c->s->next_hop, "given up: the daemon "
			    "ends");
			return false;
		}
		n = poll(&p, 1, (int)(left < SMTP_POLL_MS ? left :
							    SMTP_POLL_MS));
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR) {
			smtp_break(c, c->s->next_hop, strerror(errno));
			return false;
		}
	}
}

/* smtp_flush - all that is to be said */
void
smtp_flush(struct smtp_conn *c)
{
	size_t at = 0;

	while (!c->broken && at < c->out_len) {
		ssize_t n;

		if (c->tls != NULL) {
			at += smtp_tls_write(c, c->out + at, c->out_len - at);
			continue;
		}
		n = send(c->fd, c->out + at, c->out_len - at, MSG_NOSIGNAL);
		if (n > 0)
			at += (size_t)n;
		else if (errno == EAGAIN || errno == EINTR)
			smtp_wait(c, POLLOUT);
		else
			smtp_break(c, c->s->next_hop, strerror(errno));
	}
	c->out_len = 0;
}

/* smtp_put - into the buffer */
void
smtp_put(struct smtp_conn *c, const char *data, size_t len)
{
	while (len > 0 && !c->broken) {
		size_t n = sizeof(c->out) - c->out_len;

		n = n < len ? n : len;
		memcpy(c->out + c->out_len, data, n);
		c->out_len += n;
		data += n;
		len -= n;
		if (c->out_len == sizeof(c->out))
			smtp_flush(c);
	}
}

/* smtp_fill - more of what the server says; false: broken */
static bool
smtp_fill(struct smtp_conn *c)
{
	char *to = c->in + c->in_len;
	size_t room = sizeof(c->in) - c->in_len;
	ssize_t n;

	if (c->tls != NULL) {
		n = (ssize_t)smtp_tls_read(c, to, room);
		c->in_len += (size_t)n;
		return n > 0;
	}
	if (!smtp_wait(c, POLLIN))
		return false;
	n = recv(c->fd, to, room, 0);
	if (n > 0)
		c->in_len += (size_t)n;
	else if (n == 0)
		smtp_break(c, c->s->next_hop, "closed the connection");
	else if (errno != EAGAIN && errno != EINTR)
		smtp_break(c, c->s->next_hop, strerror(errno));
	return !c->broken;
}

/* smtp_line - one line of the server's, without its end; NULL: broken */
char *
smtp_line(struct smtp_conn *c, char line[SMTP_IN])
{
	for (;;) {
		char *lf = memchr(c->in, '\n', c->in_len);

		if (lf != NULL) {
			size_t len = (size_t)(lf - c->in);

			memcpy(line, c->in, len);
			c->in_len -= len + 1;
			memmove(c->in, lf + 1, c->in_len);
			if (len > 0 && line[len - 1] == '\r')
				len--;
			line[len] = '\0';
			return line;
		}
		if (c->in_len == sizeof(c->in))
			smtp_break(c, c->s->next_hop, "a reply without end");
		if (c->broken || !smtp_fill(c))
			return NULL;
	}
}

/* smtp_open - a socket that is being connected; -1: errno */
static int
smtp_open(int family, const struct sockaddr *to, socklen_t len)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && connect(fd, to, len) != 0 && errno != EINPROGRESS) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

/* smtp_split - host and port */
bool
smtp_split(const char *text, char *host, size_t size, const char **port)
{
	const char *colon = strrchr(text, ':');
	size_t n;

	if (strncmp(text, "inet:", 5) == 0)
		text += 5;
	if (colon == NULL || colon <= text || colon[1] == '\0' ||
	    strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return false;
	n = (size_t)(colon - text);
	if (text[0] == '[' && colon[-1] == ']') {
		text++;
		n -= 2;
	} else if (memchr(text, ':', n) != NULL) {
		return false;
	}
	if (n == 0 || n >= size)
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	*port = colon + 1;
	return true;
}

/* smtp_is_next_hop - may it be one */
bool
smtp_is_next_hop(const char *text)
{
	char host[256];
	const char *port;

	if (strncmp(text, "unix:", 5) == 0)
		return text[5] == '/' && strlen(text + 5) <
		    sizeof(((struct sockaddr_un *)NULL)->sun_path);
	return smtp_split(text, host, sizeof(host), &port);
}

/* smtp_connect_unix - a path */
static void
smtp_connect_unix(struct smtp_conn *c)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	snprintf(un.sun_path, sizeof(un.sun_path), "%s",
	    c->s->next_hop + 5);
	c->fd = smtp_open(AF_UNIX, (struct sockaddr *)&un, sizeof(un));
	if (c->fd < 0)
		smtp_break(c, c->s->next_hop, strerror(errno));
}

/* smtp_connected - wait for it; false: not there */
static bool
smtp_connected(struct smtp_conn *c, int *error)
{
	socklen_t len = sizeof(*error);

	*error = ETIMEDOUT;
	return smtp_wait(c, POLLOUT) &&
	    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, error, &len) == 0 &&
	    *error == 0;
}

/* smtp_connect - to the first address that answers */
void
smtp_connect(struct smtp_conn *c)
{
	struct addrinfo want = { .ai_socktype = SOCK_STREAM }, *all = NULL;
	const char *port = NULL;
	char host[256];
	int rc, error = 0;

	if (strncmp(c->s->next_hop, "unix:", 5) == 0) {
		smtp_connect_unix(c);
		return;
	}
	if (!smtp_split(c->s->next_hop, host, sizeof(host), &port)) {
		smtp_break(c, c->s->next_hop, "no address of a next hop");
		return;
	}
	rc = getaddrinfo(host, port, &want, &all);
	if (rc != 0)
		smtp_break(c, host, gai_strerror(rc));
	for (struct addrinfo *a = all; a != NULL && !c->broken; a = a->ai_next) {
		c->fd = smtp_open(a->ai_family, a->ai_addr, a->ai_addrlen);
		error = errno;
		if (c->fd >= 0 && smtp_connected(c, &error))
			break;
		if (c->fd >= 0)
			close(c->fd);
		c->fd = -1;
	}
	if (all != NULL)
		freeaddrinfo(all);
	if (c->fd < 0)
		smtp_break(c, c->s->next_hop, strerror(error));
}

/* smtp_close - whatever state it is in */
void
smtp_close(struct smtp_conn *c)
{
	smtp_tls_end(c);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->in_len = c->out_len = 0;
}
