/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "smtp.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "smtp_conn.h"
#include "store.h"

#define SMTP_LINES 100 /* of one reply */

/* smtp_ability - a line of the answer to EHLO */
static void
smtp_ability(struct smtp_conn *c, const char *line)
{
	if (strlen(line) < 5)
		return;
	if (strcasecmp(line + 4, "8BITMIME") == 0)
		c->has_8bit = true;
	else if (strcasecmp(line + 4, "STARTTLS") == 0)
		c->has_tls = true;
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
	char line[USER_MAX + 100];
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

/* smtp_hello - who we are, what the server can do */
static int
smtp_hello(struct smtp_conn *c)
{
	int code;

	c->has_8bit = c->has_utf8 = c->has_tls = false;
	code = smtp_say(c, "EHLO %s\r\n", c->s->helo);
	return code / 100 == 5 ? smtp_say(c, "HELO %s\r\n", c->s->helo) :
				 code;
}

/* smtp_secure - STARTTLS (RFC 3207), as the options want it; 2xx: go on */
static int
smtp_secure(struct smtp_conn *c)
{
	enum smtp_tls_level level = smtp_tls_level(c->s->tls);
	int64_t end;
	int code;

	if (level == SMTP_TLS_NONE || c->no_tls ||
	    (level == SMTP_TLS_MAY && !c->has_tls))
		return 250;
	if (!c->has_tls) {
		snprintf(c->reply, SMTP_REPLY_MAX, "454 4.7.4 %.200s does not "
		    "offer STARTTLS, which \"tls\" demands", c->s->next_hop);
		return 454;
	}
	code = smtp_say(c, "STARTTLS\r\n");
	if (code / 100 != 2)
		return level == SMTP_TLS_MAY && code != 0 ? 250 :
		    code / 100 == 5			  ? 454 : code;
	if (c->in_len > 0) {
		/* put there by somebody in between, to be taken for what comes
		   through TLS */
		smtp_break(c, c->s->next_hop, "speaks before TLS has begun");
		return 0;
	}
	/* who may go on in clear must have the time for it */
	end = c->end_ms;
	if (level == SMTP_TLS_MAY)
		c->end_ms -= (end - smtp_mono()) / 2;
	if (!smtp_tls_begin(c))
		code = 0;
	c->end_ms = end;
	return code != 0 ? smtp_hello(c) : 0;
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
	code = smtp_hello(c);
	if (code / 100 == 2)
		code = smtp_secure(c);
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

/* smtp_quit - the mail is there: what comes now does not matter any more */
static void
smtp_quit(struct smtp_conn *c)
{
	char reply[SMTP_REPLY_MAX];
	const char *version = smtp_tls_version(c);

	snprintf(reply, sizeof(reply), "%s%s%s%s", c->reply,
	    version != NULL ? " (" : "", version != NULL ? version : "",
	    version != NULL ? ")" : "");
	smtp_put(c, "QUIT\r\n", 6);
	smtp_flush(c);
	memcpy(c->reply, reply, sizeof(reply));
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
	/* whoever has all of it may take its time (RFC 5321 4.5.3.2.6) */
	if (c->end_ms < smtp_mono() + c->s->answer_ms)
		c->end_ms = smtp_mono() + c->s->answer_ms;
	code = smtp_say(c, ".\r\n");
	if (code / 100 == 2) {
		smtp_quit(c);
		return SMTP_OK;
	}
	/* nothing, or nothing that this place has a meaning for */
	return code / 100 == 4 || code / 100 == 5 ? smtp_judge(code) :
						    SMTP_UNSURE;
}

/* smtp_is_address - nothing that would end the path or the command; a quoted
   local part may hold blanks and brackets (RFC 5321 4.1.2) */
static bool
smtp_is_address(const char *s)
{
	bool quoted = false;

	for (; *s != '\0'; s++) {
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
		if (*s == '\\' && quoted && (unsigned char)s[1] >= ' ')
			s++;
		else if (*s == '"')
			quoted = !quoted;
		else if (!quoted && strchr(" <>", *s) != NULL)
			return false;
	}
	return !quoted;
}

/* smtp_begin - all that is needed but a connection; NULL: no */
static struct smtp_conn *
smtp_begin(const struct smtp *s, char reply[SMTP_REPLY_MAX],
    enum smtp_result *result)
{
	struct smtp_conn *c = NULL;

	reply[0] = '\0';
	*result = SMTP_TEMP;
	if (!smtp_is_address(s->sender) || !smtp_is_address(s->rcpt)) {
		snprintf(reply, SMTP_REPLY_MAX, "550 5.1.3 the address can't "
		    "be sent");
		*result = SMTP_PERM;
		return NULL;
	}
	c = calloc(1, sizeof(*c));
	if (c == NULL) {
		snprintf(reply, SMTP_REPLY_MAX, "no memory");
		return NULL;
	}
	c->s = s;
	c->reply = reply;
	c->fd = -1;
	c->end_ms = smtp_mono() + s->timeout_ms;
	return c;
}

/* smtp_on - over a connection that is there */
enum smtp_result
smtp_on(const struct smtp *s, int fd, char reply[SMTP_REPLY_MAX])
{
	enum smtp_result result;
	struct smtp_conn *c = smtp_begin(s, reply, &result);

	if (c == NULL) {
		close(fd);
		return result;
	}
	c->fd = fd;
	result = smtp_talk(c);
	smtp_close(c);
	free(c);
	return result;
}

/* smtp_send - one message for one recipient */
enum smtp_result
smtp_send(const struct smtp *s, char reply[SMTP_REPLY_MAX])
{
	enum smtp_result result;
	struct smtp_conn *c = smtp_begin(s, reply, &result);

	if (c == NULL)
		return result;
	smtp_connect(c);
	if (!c->broken)
		result = smtp_talk(c);
	if (c->tls_failed && smtp_tls_level(s->tls) == SMTP_TLS_MAY) {
		/* as a mail for somebody who can't do better: nothing of it
		   has been said yet */
		smtp_close(c);
		c->broken = c->tls_failed = false;
		c->no_tls = true;
		smtp_connect(c);
		if (!c->broken)
			result = smtp_talk(c);
	}
	smtp_close(c);
	free(c);
	return result;
}
