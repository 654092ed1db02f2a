/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "smtp.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define SMTP_IN 4096
#define SMTP_OUT 65536
#define SMTP_LINES 100 /* of one reply */

/* One conversation. */
struct smtp_conn {
	const struct smtp *s;
	char *reply; /* of SMTP_REPLY_MAX: the last one, or what broke */
	int fd;
	int64_t end_ms; /* mono */
	char in[SMTP_IN];
	size_t in_len;
	char out[SMTP_OUT];
	size_t out_len;
	bool broken;
	bool has_8bit, has_utf8; /* what the server offers */
};

static int64_t
smtp_mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

/* smtp_break - the connection is of no more use */
static void
smtp_break(struct smtp_conn *c, const char *what, const char *why)
{
	if (!c->broken)
		snprintf(c->reply, SMTP_REPLY_MAX, "%s: %s", what, why);
	c->broken = true;
}

/* smtp_wait - until the socket is ready */
static bool
smtp_wait(struct smtp_conn *c, short events)
{
	int64_t left = c->end_ms - smtp_mono();
	struct pollfd p = { .fd = c->fd, .events = events };
	int n;

	if (left <= 0) {
		smtp_break(c, c->s->next_hop, "no answer in time");
		return false;
	}
	n = poll(&p, 1, (int)(left < 60000 ? left : 60000));
	if (n < 0 && errno != EINTR) {
		smtp_break(c, c->s->next_hop, strerror(errno));
		return false;
	}
	return true;
}

/* smtp_flush - all that is to be said */
static void
smtp_flush(struct smtp_conn *c)
{
	size_t at = 0;

	while (!c->broken && at < c->out_len) {
		ssize_t n = send(c->fd, c->out + at, c->out_len - at,
		    MSG_NOSIGNAL);

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
static void
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

/* smtp_line - one line of the server's, without its end; NULL: broken */
static char *
smtp_line(struct smtp_conn *c, char line[SMTP_IN])
{
	for (;;) {
		char *lf = memchr(c->in, '\n', c->in_len);
		ssize_t n;

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
		if (c->broken || !smtp_wait(c, POLLIN))
			return NULL;
		n = recv(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len,
		    0);
		if (n > 0)
			c->in_len += (size_t)n;
		else if (n == 0)
			smtp_break(c, c->s->next_hop, "closed the connection");
		else if (errno != EAGAIN && errno != EINTR)
			smtp_break(c, c->s->next_hop, strerror(errno));
	}
}

/* smtp_ability - a line of the answer to EHLO */
static void
smtp_ability(struct smtp_conn *c, const char *line)
{
	if (strlen(line) < 5)
		return;
	if (strcasecmp(line + 4, "8BITMIME") == 0)
		c->has_8bit = true;
	else if (strncasecmp(line + 4, "SMTPUTF8", 8) == 0)
		c->has_utf8 = true;
}

/* smtp_keep_reply - for the index: one clean line */
static void
smtp_keep_reply(struct smtp_conn *c, const char *line)
{
	size_t n = 0;

	for (; *line != '\0' && n < SMTP_REPLY_MAX - 1; line++)
		c->reply[n++] = *line >= ' ' && *line <= '~' ? *line : '?';
	c->reply[n] = '\0';
}

/* smtp_reply - code of a whole reply, 0: broken */
static int
smtp_reply(struct smtp_conn *c)
{
	char line[SMTP_IN];

	smtp_flush(c);
	for (int i = 0; i < SMTP_LINES; i++) {
		if (c->broken || smtp_line(c, line) == NULL)
			return 0;
		if (strspn(line, "0123456789") != 3 ||
		    strchr("- ", line[3]) == NULL) {
			smtp_break(c, c->s->next_hop, "no SMTP reply");
			return 0;
		}
		smtp_ability(c, line);
		if (line[3] != '-') {
			smtp_keep_reply(c, line);
			return atoi(line);
		}
	}
	smtp_break(c, c->s->next_hop, "a reply without end");
	return 0;
}

/* smtp_say - a command and its reply */
__attribute__((format(printf, 2, 3))) static int
smtp_say(struct smtp_conn *c, const char *fmt, ...)
{
	char line[2000];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (n < 0 || n >= (int)sizeof(line)) {
		smtp_break(c, "command", "too long");
		return 0;
	}
	smtp_put(c, line, (size_t)n);
	return smtp_reply(c);
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
static bool
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
static void
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

/* smtp_is_8bit - does text or message need it */
static bool
smtp_is_8bit(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] >= 0x80)
			return true;
	return false;
}

/* smtp_body - the message; false: it can't be read */
static bool
smtp_body(struct smtp_conn *c)
{
	char *chunk = malloc(SMTP_OUT);
	char before = '\n'; /* the last octet said */
	off_t at = 0;
	ssize_t n = -1;

	while (chunk != NULL && !c->broken &&
	    (n = pread(c->s->fd, chunk, SMTP_OUT, at)) > 0) {
		ssize_t from = 0;

		for (ssize_t i = 0; i < n; i++) {
			char ch = chunk[i];

			if (!(ch == '.' && before == '\n') &&
			    !(ch == '\n' && before != '\r')) {
				before = ch;
				continue;
			}
			/* a dot is doubled, a line feed alone ends a line */
			smtp_put(c, chunk + from, (size_t)(i - from));
			smtp_put(c, ch == '.' ? "." : "\r", 1);
			from = i;
			before = ch;
		}
		smtp_put(c, chunk + from, (size_t)(n - from));
		at += n;
	}
	free(chunk);
	if (n != 0 && !c->broken)
		smtp_break(c, "message", strerror(errno));
	if (before != '\n')
		smtp_put(c, "\r\n", 2);
	smtp_flush(c);
	return !c->broken;
}

/* smtp_needs - 8 bits anywhere in the message */
static bool
smtp_needs_8bit(const struct smtp *s)
{
	char chunk[8192];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(s->fd, chunk, sizeof(chunk), at)) > 0) {
		if (smtp_is_8bit(chunk, (size_t)n))
			return true;
		at += n;
	}
	return false;
}

/* smtp_judge - what a reply that is no success means */
static enum smtp_result
smtp_judge(int code)
{
	return code / 100 == 5 ? SMTP_PERM : SMTP_TEMP;
}

/* smtp_envelope - up to the answer to DATA; 354 when all is well */
static int
smtp_envelope(struct smtp_conn *c)
{
	const struct smtp *s = c->s;
	bool utf8 = smtp_is_8bit(s->sender, strlen(s->sender)) ||
	    smtp_is_8bit(s->rcpt, strlen(s->rcpt)) ||
	    strcasestr(s->params, "SMTPUTF8") != NULL;
	int code = smtp_reply(c);

	if (code / 100 != 2)
		return code;
	code = smtp_say(c, "EHLO %s\r\n", s->helo);
	if (code / 100 == 5)
		code = smtp_say(c, "HELO %s\r\n", s->helo);
	if (code / 100 != 2)
		return code;
	if (utf8 && !c->has_utf8) {
		snprintf(c->reply, SMTP_REPLY_MAX, "550 5.6.7 %.200s does not "
		    "offer SMTPUTF8, which this message needs", s->next_hop);
		return 550;
	}
	code = smtp_say(c, "MAIL FROM:<%s>%s%s\r\n", s->sender,
	    c->has_8bit && smtp_needs_8bit(s) ? " BODY=8BITMIME" : "",
	    utf8 ? " SMTPUTF8" : "");
	if (code / 100 == 2)
		code = smtp_say(c, "RCPT TO:<%s>\r\n", s->rcpt);
	if (code / 100 == 2)
		code = smtp_say(c, "DATA\r\n");
	return code;
}

/* smtp_talk - the whole conversation */
static enum smtp_result
smtp_talk(struct smtp_conn *c)
{
	int code = smtp_envelope(c);

	if (code != 354)
		return c->broken ? SMTP_TEMP : smtp_judge(code);
	if (c->s->field != NULL) {
		smtp_put(c, c->s->field, strlen(c->s->field));
		smtp_put(c, "\r\n", 2);
	}
	if (!smtp_body(c))
		return SMTP_TEMP;
	if (c->s->before_dot != NULL && c->s->before_dot(c->s->arg) < 0) {
		smtp_break(c, "index", "can't be written: given up");
		return SMTP_TEMP;
	}
	code = smtp_say(c, ".\r\n");
	if (code == 0)
		return SMTP_UNSURE;
	if (code / 100 == 2) {
		char reply[SMTP_REPLY_MAX];

		/* what comes after QUIT does not matter any more */
		memcpy(reply, c->reply, sizeof(reply));
		smtp_put(c, "QUIT\r\n", 6);
		smtp_flush(c);
		memcpy(c->reply, reply, sizeof(reply));
		return SMTP_OK;
	}
	return smtp_judge(code);
}

/* smtp_is_address - nothing that would end the command */
static bool
smtp_is_address(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

/* smtp_send - one message for one recipient */
enum smtp_result
smtp_send(const struct smtp *s, char reply[SMTP_REPLY_MAX])
{
	struct smtp_conn *c;
	enum smtp_result result = SMTP_TEMP;

	if (!smtp_is_address(s->sender) || !smtp_is_address(s->rcpt)) {
		snprintf(reply, SMTP_REPLY_MAX, "550 5.1.3 the address can't "
		    "be sent");
		return SMTP_PERM;
	}
	c = calloc(1, sizeof(*c));
	if (c == NULL) {
		snprintf(reply, SMTP_REPLY_MAX, "no memory");
		return SMTP_TEMP;
	}
	reply[0] = '\0';
	c->s = s;
	c->reply = reply;
	c->fd = -1;
	c->end_ms = smtp_mono() + s->timeout_ms;
	smtp_connect(c);
	if (!c->broken)
		result = smtp_talk(c);
	if (c->fd >= 0)
		close(c->fd);
	free(c);
	return result;
}
