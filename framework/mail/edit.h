/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * edit - the journal of change requests of one message.
 *
 * Modules ask (weir.edit/1), nobody changes anything; the front-end replays
 * the plan at the end.  In the plan header deletions and changes come from the
 * last occurrence to the first, so that no removal shifts another, whatever
 * order they were asked in; insertions and additions follow in the order asked.
 */
#ifndef WEIR_MAIL_EDIT_H
#define WEIR_MAIL_EDIT_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/types.h>

#define EDIT_MAX 2000 /* requests of modules per message */

struct module;
struct pool;

enum edit_kind {
	EDIT_HEADER_DELETE = 0,
	EDIT_HEADER_CHANGE = 1,
	EDIT_HEADER_INSERT = 2,
	EDIT_HEADER_ADD = 3,
	EDIT_BODY = 4,
	EDIT_SENDER = 5,
	EDIT_RCPT_DELETE = 6,
	EDIT_RCPT_ADD = 7,
	EDIT_HOLD = 8
};
#define EDIT_KINDS 9

/* What a front-end can do: one bit per kind. */
#define EDIT_CAP(kind) (1u << (kind))
#define EDIT_CAP_ALL ((1u << EDIT_KINDS) - 1)

struct edit {
	struct edit *next;
	const struct module *module; /* NULL: the host */
	uint8_t kind;
	bool shadow; /* recorded, never replayed */
	uint32_t n;  /* occurrence, insert index or recipient */
	weir_str name; /* header, address or reason */
	weir_str value; /* header value, body or ESMTP parameters */
};

struct edits {
	struct edit *first, **end;
	uint32_t count;
};

void edits_init(struct edits *j);
int edits_add(struct edits *j, struct pool *pool, const struct edit *in);
/* Forget what this module asked for: it failed. */
void edits_drop(struct edits *j, const struct module *module);
/* The requests in the order in which they are to be carried out; two for the
   same header field or recipient: the first wins. n_out entries in pool. */
struct edit **edits_plan(const struct edits *j, struct pool *pool,
    uint32_t *n_out);
const char *edit_kind_name(int kind);

#endif
