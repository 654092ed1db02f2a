/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * release - one item goes to its recipient, once.
 *
 *	kept -> queued -> releasing -> sent -> released
 *	          ^----------+ 4xx, no connection
 *	kept <---------------+ 5xx
 *
 * Each step is committed before what follows it.  "releasing" and "sent" hold
 * a lease; when it runs out the worker is taken for dead:
 *
 *   releasing  nothing can have been accepted: it is tried again;
 *   sent       the final dot was on its way.  If the token has come back and
 *              its mail was let in, the item is released.  If not, nobody
 *              knows: the item is "unsure", is not tried again by itself, and
 *              an operator decides (release --again).  A mail that may come
 *              late is better than one that comes twice; the file is kept.
 *
 * The token of an attempt counts once, so that a copy that comes in twice (the
 * MTA lost our connection) is let in once.
 */
#ifndef MODULES_QUARANTINE_RELEASE_H
#define MODULES_QUARANTINE_RELEASE_H

#include "item.h"
#include "smtp.h"
#include "store.h"
#include "token.h"

struct release_conf {
	const char *next_hop, *helo;
	const struct smtp_tls *tls;
	int64_t timeout_ms, answer_ms; /* as in struct smtp */
	bool token;	 /* send one along */
	int64_t token_ms; /* how long it is good for */
	/* Is the daemon about to end?  Or NULL. */
	bool (*unwanted)(void *arg);
	void *arg;
};

#define RELEASE_VIRUS (1u << 0) /* also if it is in class virus */
#define RELEASE_AGAIN (1u << 1) /* also if it is unsure, or was released */
#define RELEASE_MINE (1u << 2)	/* the caller tries it: others only later */

/* What came of an attempt. */
struct release_result {
	enum smtp_result smtp;
	int state; /* enum item_state afterwards */
	char text[SMTP_REPLY_MAX];
	struct item item;
};

/* Wish for it: committed as "queued".  WEIR_E_EXISTS: it was released before;
   WEIR_E_STATE: it is being released now; WEIR_E_INVAL: not without the
   flag.  Others take it when it is due, or long after a caller that wanted to
   try it has died. */
int release_ask(struct store *st, const char *id, unsigned flags,
    const char *who, struct item *out, struct fault *f);
/* Try a queued one now.  A negative status: nothing was tried. */
int release_try(struct store *st, const struct release_conf *conf,
    const char *id, struct release_result *out, struct fault *f);
/* Send a copy to another address; the item stays as it is. */
int release_forward(struct store *st, const struct release_conf *conf,
    const char *id, const char *to, unsigned flags, const char *who,
    struct release_result *out, struct fault *f);
/* Ids that are due now, and leases that ran out; how many. */
int release_due(struct store *st, char ids[][ID_LEN + 1], int max,
    struct fault *f);

/* The token comes back: WEIR_OK once.  WEIR_E_EXISTS: it was used before;
   WEIR_E_NOTFOUND: no attempt of now has it. */
int release_token_use(struct store *st, const struct token *t,
    struct fault *f);
/* And its mail was let in (or not: it may be used again); inside a
   transaction. */
int release_token_end(sqlite3 *db, const char *id, const char *nonce,
    bool accepted, struct fault *f);
/* Is the message behind the descriptor, apart from the token's field and what
   MTAs put into a header, the item's? */
int release_is_same(struct store *st, int fd, const char *id,
    struct fault *f);

#endif
