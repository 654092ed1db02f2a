/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * smtp - hand one message to the next hop (RFC 5321), for a job thread.
 *
 * One recipient, the octets as they are: lines end in CRLF, dots are doubled
 * on the way, nothing else is changed but a header field put before all of it.
 * Every wait is bounded, all of it together by timeout_ms, but for the answer
 * to the final dot: whoever gives up there does not know what became of it.
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

/* As Postfix names them (smtp_tls_security_level). */
enum smtp_tls_level {
	SMTP_TLS_NONE = 0,
	SMTP_TLS_MAY,	  /* where it is offered and works, else in clear */
	SMTP_TLS_ENCRYPT, /* always, whoever the server is */
	SMTP_TLS_VERIFY	  /* always, and the certificate must be right */
};

/* Made once, used by any thread.  ca: a file or folder of certificates, "":
   those of the system; name: that a certificate must have. NULL: why. */
struct smtp_tls;
struct smtp_tls *smtp_tls_create(enum smtp_tls_level level, const char *ca,
    const char *name, char why[SMTP_REPLY_MAX]);
void smtp_tls_destroy(struct smtp_tls **tls);
enum smtp_tls_level smtp_tls_level(const struct smtp_tls *tls); /* or NULL */

struct smtp {
	const char *next_hop; /* "HOST:PORT", "[ADDR6]:PORT", "unix:PATH" */
	const char *helo;
	const struct smtp_tls *tls; /* NULL: none */
	int64_t timeout_ms;
	int64_t answer_ms; /* for the answer to the final dot; if that is later */
	const char *sender, *rcpt;
	const char *params; /* as the message came with: SMTPUTF8 counts */
	const char *field;  /* "Name: value" put before all, or NULL */
	int fd;		    /* the message */
	/* Asked right before the final dot; negative: give up instead. */
	int (*before_dot)(void *arg);
	/* Asked while it waits, or NULL: is nobody interested any more? */
	bool (*unwanted)(void *arg);
	void *arg;
};

enum smtp_result smtp_send(const struct smtp *s, char reply[SMTP_REPLY_MAX]);
/* Over a connected socket that does not block; it is closed. */
enum smtp_result smtp_on(const struct smtp *s, int fd,
    char reply[SMTP_REPLY_MAX]);
/* Is it such an address? */
bool smtp_is_next_hop(const char *text);

#endif
