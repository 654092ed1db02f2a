/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * smtp_conn - the connection under an SMTP conversation, for smtp.c.
 *
 * Octets out through a buffer, lines in, in clear or through TLS.  Nothing
 * waits longer than until end_ms.  The first thing that goes wrong is kept in
 * reply, everything after it does nothing.
 */
#ifndef MODULES_QUARANTINE_SMTP_CONN_H
#define MODULES_QUARANTINE_SMTP_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SMTP_IN 4096
#define SMTP_OUT 65536

struct smtp;

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
	void *tls;	 /* SSL, once it is on */
	bool tls_failed; /* it broke while TLS began */
	bool no_tls;	 /* it has failed before: not again */
	bool has_8bit, has_utf8, has_tls; /* what the server offers */
};

int64_t smtp_mono(void);
void smtp_break(struct smtp_conn *c, const char *what, const char *why);
/* "HOST:PORT" in its two parts. */
bool smtp_split(const char *text, char *host, size_t size, const char **port);
void smtp_connect(struct smtp_conn *c);
bool smtp_wait(struct smtp_conn *c, short events);
void smtp_put(struct smtp_conn *c, const char *data, size_t len);
void smtp_flush(struct smtp_conn *c);
char *smtp_line(struct smtp_conn *c, char line[SMTP_IN]);
void smtp_close(struct smtp_conn *c);

/* smtp_tls.c: the handshake; false: broken, tls_failed is set. */
bool smtp_tls_begin(struct smtp_conn *c);
void smtp_tls_end(struct smtp_conn *c);
/* How many octets; 0: broken. */
size_t smtp_tls_write(struct smtp_conn *c, const char *data, size_t len);
size_t smtp_tls_read(struct smtp_conn *c, char *data, size_t len);
/* "TLSv1.3", or NULL: in clear. */
const char *smtp_tls_version(const struct smtp_conn *c);

#endif
