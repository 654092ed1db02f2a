/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notify_smtp - hand a mail to the site's own MTA (RFC 5321), from a job. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "lua/notify.h"

#define SMTP_WAIT_MS 30000 /* for each answer */
#define SMTP_CONNECT_MS 5000
#define SMTP_LINES_MAX 100

/* smtp_address - "inet:ADDRESS:PORT" or "unix:PATH"; its length, or 0 */
static socklen_t
smtp_address(const char *server, struct sockaddr_storage *out)
{
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)out;
	struct sockaddr_un *un = (struct sockaddr_un *)(void *)out;
	char host[64];
	const char *colon;
	char *end;
	size_t n;
	long port;

	memset(out, 0, sizeof(*out));
	if (strncmp(server, "unix:", 5) == 0) {
		n = strlen(server + 5);
		if (n == 0 || n >= sizeof(un->sun_path))
			return 0;
		un->sun_family = AF_UNIX;
		memcpy(un->sun_path, server + 5, n + 1);
		return sizeof(*un);
	}
	if (strncmp(server, "inet:", 5) != 0)
		return 0;
	server += 5;
	colon = strrchr(server, ':');
	if (colon == NULL)
		return 0;
	n = (size_t)(colon - server);
	port = strtol(colon + 1, &end, 10);
	if (*end != '\0' || end == colon + 1 || port < 1 || port > 65535)
		return 0;
	if (n > 2 && server[0] == '[' && server[n - 1] == ']') {
		server++;
		n -= 2;
	}
	if (n == 0 || n >= sizeof(host))
		return 0;
	memcpy(host, server, n);
	host[n] = '\0';
	if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		return sizeof(*in);
	}
	if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		return sizeof(*in6);
	}
	return 0;
}

/* notify_smtp_is_server - can that be understood */
bool
notify_smtp_is_server(const char *server)
{
	struct sockaddr_storage sa;

	return smtp_address(server, &sa) != 0;
}

/* smtp_poll - wait for readiness */
static bool
smtp_poll(struct notify_smtp *s, short events, int64_t deadline)
{
	for (;;) {
		struct pollfd p = { .fd = s->fd, .events = events };
		int64_t left = deadline - (int64_t)(clock_mono_ns() / 1000000);
		int n = left > 0 ? poll(&p, 1, (int)left) : 0;

		if (n > 0)
			return true;
		if (n == 0 || errno != EINTR)
			return false;
	}
}

/* smtp_fail - remember what went wrong */
static int
smtp_fail(struct notify_smtp *s, int status, const char *text)
{
	free(s->text);
	s->text = xstrdup(text);
	return status;
}

/* smtp_write - all of it */
static int
smtp_write(struct notify_smtp *s, const char *p, size_t len)
{
	int64_t deadline = (int64_t)(clock_mono_ns() / 1000000) +
	    SMTP_WAIT_MS;

	while (len > 0) {
		ssize_t n = send(s->fd, p, len, MSG_NOSIGNAL);

		if (n > 0) {
			p += n;
			len -= (size_t)n;
		} else if (errno != EAGAIN && errno != EINTR) {
			return smtp_fail(s, WEIR_E_TEMP, strerror(errno));
		} else if (!smtp_poll(s, POLLOUT, deadline)) {
			return smtp_fail(s, WEIR_E_TEMP, "it does not read");
		}
	}
	return WEIR_OK;
}

/* smtp_line - one line of an answer, without its end */
static int
smtp_line(struct notify_smtp *s, char *out, size_t cap, int64_t deadline)
{
	for (;;) {
		char *end = memchr(s->in, '\n', s->have);
		size_t n;
		ssize_t got;

		if (end != NULL) {
			n = (size_t)(end - s->in);
			snprintf(out, cap, "%.*s",
			    (int)(n > 0 && end[-1] == '\r' ? n - 1 : n),
			    s->in);
			s->have -= n + 1;
			memmove(s->in, end + 1, s->have);
			return WEIR_OK;
		}
		if (s->have == sizeof(s->in))
			return smtp_fail(s, WEIR_E_TEMP,
			    "it answers with lines that never end");
		got = recv(s->fd, s->in + s->have, sizeof(s->in) - s->have, 0);
		if (got == 0)
			return smtp_fail(s, WEIR_E_TEMP,
			    "it closed the connection");
		if (got > 0)
			s->have += (size_t)got;
		else if (errno != EAGAIN && errno != EINTR)
			return smtp_fail(s, WEIR_E_TEMP, strerror(errno));
		else if (!smtp_poll(s, POLLIN, deadline))
			return smtp_fail(s, WEIR_E_TEMP,
			    "it does not answer in time");
	}
}

/* smtp_is_reply - three digits that a server may say, and what they end */
static bool
smtp_is_reply(const char *line)
{
	return line[0] >= '2' && line[0] <= '5' &&
	    text_is_digit((unsigned char)line[1]) &&
	    text_is_digit((unsigned char)line[2]) &&
	    (line[3] == ' ' || line[3] == '-' || line[3] == '\0');
}

/* smtp_reply - an answer: WEIR_OK only for the kind that was hoped for, '2' or
   '3': a "go on" behind the mail does not say that it was taken */
static int
smtp_reply(struct notify_smtp *s, char want)
{
	int64_t deadline = (int64_t)(clock_mono_ns() / 1000000) +
	    SMTP_WAIT_MS;
	char line[600];

	s->code = 0;
	for (int i = 0; i < SMTP_LINES_MAX; i++) {
		int status = smtp_line(s, line, sizeof(line), deadline);

		if (status != WEIR_OK)
			return status;
		if (!smtp_is_reply(line))
			return smtp_fail(s, WEIR_E_TEMP,
			    "its answer is not SMTP");
		if (line[3] == '-')
			continue;
		s->code = (line[0] - '0') * 100 + (line[1] - '0') * 10 +
		    line[2] - '0';
		smtp_fail(s, 0, line);
		return line[0] == want ? WEIR_OK :
		    line[0] == '5'     ? WEIR_E_INVAL :
					 WEIR_E_TEMP;
	}
	return smtp_fail(s, WEIR_E_TEMP, "its answer does not end");
}

/* smtp_ask - a command and its answer */
static int
smtp_ask(struct notify_smtp *s, char want, const char *verb, const char *arg,
    const char *end)
{
	char *line = xasprintf("%s%s%s\r\n", verb, arg, end);
	int status = smtp_write(s, line, strlen(line));

	free(line);
	return status == WEIR_OK ? smtp_reply(s, want) : status;
}

/* smtp_say - a command that is simply done */
static int
smtp_say(struct notify_smtp *s, const char *verb, const char *arg,
    const char *end)
{
	return smtp_ask(s, '2', verb, arg, end);
}

/* notify_smtp_greet - somebody is connected; a refusal here is for now */
int
notify_smtp_greet(struct notify_smtp *s, const char *helo)
{
	if (smtp_reply(s, '2') != WEIR_OK)
		return WEIR_E_TEMP;
	return smtp_say(s, "EHLO ", helo, "") == WEIR_OK ||
	    smtp_say(s, "HELO ", helo, "") == WEIR_OK ? WEIR_OK : WEIR_E_TEMP;
}

/* notify_smtp_open - connect and greet */
int
notify_smtp_open(struct notify_smtp *s, const char *server, const char *helo)
{
	struct sockaddr_storage sa;
	socklen_t len = smtp_address(server, &sa), elen = sizeof(int);
	int error = 0;

	memset(s, 0, sizeof(*s));
	s->fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return smtp_fail(s, WEIR_E_TEMP, strerror(errno));
	if (connect(s->fd, (struct sockaddr *)(void *)&sa, len) < 0) {
		if (errno != EINPROGRESS)
			return smtp_fail(s, WEIR_E_TEMP, strerror(errno));
		if (!smtp_poll(s, POLLOUT, (int64_t)(clock_mono_ns() /
		    1000000) + SMTP_CONNECT_MS))
			return smtp_fail(s, WEIR_E_TEMP,
			    "no connection in time");
		getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &elen);
		if (error != 0)
			return smtp_fail(s, WEIR_E_TEMP, strerror(error));
	}
	return notify_smtp_greet(s, helo);
}

/* smtp_data - the mail, dots doubled, and the final dot */
static int
smtp_data(struct notify_smtp *s, weir_str mail)
{
	struct buf out = BUF_INIT;
	int status;

	buf_reserve(&out, mail.len + mail.len / 64 + 16);
	for (size_t i = 0; i < mail.len;) {
		const char *p = mail.ptr + i;
		const char *end = memchr(p, '\n', mail.len - i);
		size_t n = end != NULL ? (size_t)(end - p) : mail.len - i;

		i += n + (end != NULL);
		if (n > 0 && p[n - 1] == '\r')
			n--;
		if (n > 0 && p[0] == '.')
			buf_add_char(&out, '.');
		buf_add(&out, p, n);
		buf_add_str(&out, "\r\n");
	}
	buf_add_str(&out, ".\r\n");
	status = smtp_write(s, out.ptr, out.len);
	buf_fini(&out);
	return status == WEIR_OK ? smtp_reply(s, '2') : status;
}

/* smtp_reset - it has refused something: the next mail begins anew; what it
   said then stays the text */
static void
smtp_reset(struct notify_smtp *s)
{
	char *why = s->text;
	int code = s->code;

	if (code == 0) /* the connection is gone */
		return;
	s->text = NULL;
	smtp_say(s, "RSET", "", "");
	free(s->text);
	s->text = why;
	s->code = code;
}

/* notify_smtp_send - one transaction; a recipient that is refused does not
   keep it from the others */
int
notify_smtp_send(struct notify_smtp *s, const char *sender, const char *rcpts,
    weir_str mail)
{
	int status = smtp_say(s, "MAIL FROM:<", sender, ">");
	char *list = xstrdup(rcpts), *save = NULL, *one;
	unsigned good = 0;
	int worst = WEIR_E_INVAL;

	for (one = strtok_r(list, "\n", &save); status == WEIR_OK &&
	     one != NULL; one = strtok_r(NULL, "\n", &save)) {
		int rc = smtp_say(s, "RCPT TO:<", one, ">");

		if (rc == WEIR_OK)
			good++;
		else if (s->code == 0) /* the connection */
			status = rc;
		else if (rc == WEIR_E_TEMP)
			worst = rc;
	}
	free(list);
	/* one that may come later: nobody gets it twice then */
	if (status == WEIR_OK && (good == 0 || worst == WEIR_E_TEMP))
		status = worst;
	if (status == WEIR_OK)
		status = smtp_ask(s, '3', "DATA", "", "");
	if (status == WEIR_OK)
		return smtp_data(s, mail);
	smtp_reset(s);
	return status;
}

/* notify_smtp_close - be polite, do not wait */
void
notify_smtp_close(struct notify_smtp *s)
{
	if (s->fd >= 0) {
		if (s->code > 0)
			smtp_write(s, "QUIT\r\n", 6);
		close(s->fd);
	}
	s->fd = -1;
	free(s->text);
	s->text = NULL;
}
