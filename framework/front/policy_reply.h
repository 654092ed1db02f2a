/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy_reply - from verdict to the action of an access(5) table; which one
 * for what is told in policy_session.h.  One line each, without "action=".
 * [loop]
 */
#ifndef WEIR_FRONT_POLICY_REPLY_H
#define WEIR_FRONT_POLICY_REPLY_H

#include "base/buf.h"
#include "mail/message.h"

/* Headers can be put at the top, messages can be held. */
#define POLICY_EDIT_CAPS \
	(EDIT_CAP(EDIT_HEADER_ADD) | EDIT_CAP(EDIT_HEADER_INSERT) | \
	    EDIT_CAP(EDIT_HOLD))

enum policy_said {
	POLICY_SAID_NOTHING, /* DUNNO */
	POLICY_SAID_ACTION,  /* OK, HOLD, DISCARD */
	POLICY_SAID_REFUSED,
	POLICY_SAID_UNABLE /* DUNNO, since Postfix can't do what is wanted */
};

/* What applies now; rcpt: an index or WEIR_RCPT_NONE. */
enum policy_said policy_reply_stage(struct buf *out, struct session *s,
    uint32_t rcpt, bool accept_ok);
/* Settle the message; once only. */
enum policy_said policy_reply_eom(struct buf *out, struct message *m);
/* Say the next header to add instead of what is in out, if there is one after
   *said. */
void policy_reply_prepend(struct buf *out, const struct message *m,
    const struct edit **said);

#endif
