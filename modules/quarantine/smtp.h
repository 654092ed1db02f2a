/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * smtp - hand one message to the next hop (RFC 5321), for a job thread.
 *
 * One recipient, the octets as they are: lines end in CRLF, dots are doubled
 * on the way, nothing else is changed but a header field put before all of it.
 * Every wait is bounded, all of it together by timeout_ms.
 */
#ifndef MODULES_QUARANTINE_SMTP_H
#define MODULES_QUARANTINE_SMTP_H

#include "store.h"

#define SMTP_REPLY_MAX 300

enum smtp_result {
	SMTP_OK = 0,	/* taken: the next hop has it */
	SMTP_TEMP = 1,	/* not taken; may work later */
	SMTP_PERM = 2,	/* not taken; will not work */
	SMTP_UNSURE = 3 /* the final dot was sent, no answer came */
};

struct smtp {
	const char *next_hop; /* "HOST:PORT", "[ADDR6]:PORT", "unix:PATH" */
	const char *helo;
	int64_t timeout_ms;
	const char *sender, *rcpt;
	const char *params; /* as the message came with: SMTPUTF8 counts */
	const char *field;  /* "Name: value" put before all, or NULL */
	int fd;		    /* the message */
	/* Asked right before the final dot; negative: give up instead. */
	int (*before_dot)(void *arg);
	void *arg;
};

enum smtp_result smtp_send(const struct smtp *s, char reply[SMTP_REPLY_MAX]);
/* Is it such an address? */
bool smtp_is_next_hop(const char *text);

#endif
