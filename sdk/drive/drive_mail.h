/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * drive_mail - a message in a file as an MTA would hand it to a filter.
 *
 * Leading "From " lines go, line ends become CRLF (a last line without one
 * gets it), the header ends before the first line that is no field.  Fields
 * come as on the milter wire: a name, and a value with the blank behind the
 * colon and folds as LF.  No network, no state. [any]
 */
#ifndef WEIR_DRIVE_MAIL_H
#define WEIR_DRIVE_MAIL_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/types.h>

#include "base/buf.h"
#include "base/vec.h"

struct pool;

struct drive_field {
	weir_str name;
	weir_str value; /* up to a NUL octet: the wire carries no more */
	weir_str raw;	/* as it stands in the file, without its last CRLF */
};

struct drive_mail {
	struct pool *pool;
	VEC(struct drive_field) fields;
	struct buf body;	   /* writable, with CRLF */
	size_t size;		   /* octets of the message with CRLF */
	weir_str unix_from; /* sender of a "From " line, or ptr NULL */
};

/* Take raw apart; it must outlive out.  from_quoted: lines that begin with
   ">From " lose one '>', as in an mbox. */
void drive_mail_init(struct drive_mail *out, weir_str raw, bool from_quoted);
void drive_mail_fini(struct drive_mail *m);
/* The n-th field of that name (0 is the first), or NULL. */
const struct drive_field *drive_mail_field(const struct drive_mail *m,
    const char *name, size_t n);

#define DRIVE_RCPTS_MAX 100
#define DRIVE_ADDRESS_MAX 320

/* The bare addresses in a header value, at most max; returns their number.
   They are made in the pool.  "<>" counts, as an empty one. */
size_t drive_mail_addresses(weir_str value, struct pool *pool, weir_str *out,
    size_t max);

struct drive_envelope {
	weir_str helo, sender;
	weir_str rcpts[DRIVE_RCPTS_MAX];
	size_t nrcpts; /* at least 1 */
};
/* What the envelope may have been: the sender of Return-Path, the "From " line
   or From; recipients of X-Original-To, Delivered-To or To; the name behind
   "from" in the newest Received.  Memory is the message's. */
void drive_mail_guess(const struct drive_mail *m, struct drive_envelope *out);

#endif
