/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * milter_reply - from verdict and edit journal to packets.
 *
 * Writes to a buffer and marks what was said in the message (refused
 * recipients, the reply); the caller ends the message. [loop]
 */
#ifndef WEIR_FRONT_MILTER_REPLY_H
#define WEIR_FRONT_MILTER_REPLY_H

#include "base/buf.h"
#include "front/milter_neg.h"
#include "mail/message.h"

enum milter_said {
	MILTER_SAID_CONTINUE,
	MILTER_SAID_REFUSED,  /* reject or tempfail */
	MILTER_SAID_ACCEPTED, /* the MTA asks no more: about the session at
				 connect and helo, else about the message */
	MILTER_SAID_DISCARDED
};

/* The answer to a stage before eom, from run_answer.  At rcpt a refusal is
   about that recipient, whatever its scope.  What can't be said at this stage
   is left to a later one. */
enum milter_said milter_reply_stage(struct buf *out, struct session *s,
    enum weir_stage stage, uint32_t rcpt);
/* Refuse for a reason of the front-end's own. */
void milter_reply_refuse(struct buf *out, struct session *s,
    const struct opinion *o);
/* Settle the message, replay its edits, give the verdict.  The number of edits
   that could not be expressed. */
unsigned milter_reply_eom(struct buf *out, const struct milter_terms *terms,
    struct message *m);

#endif
