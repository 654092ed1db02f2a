/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * settle - from opinions per recipient to what one protocol can say.
 *
 * After eom has run, settle_message decides each recipient for good, then one
 * answer for the transaction.  Where recipients disagree, those to be
 * discarded leave the envelope, and the site's `disagree` policy rules the
 * rest.  Those to be quarantined leave it, too, once a keeper has a durable copy
 * for each of them (weir_host.kept); without one the MTA holds the message.
 */
#ifndef WEIR_PIPE_SETTLE_H
#define WEIR_PIPE_SETTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "mail/message.h"

enum settle_disagree {
	SETTLE_WORST = 0,	   /* the strongest refusal is said to all */
	SETTLE_MAJORITY = 1,	   /* what most recipients get; a tie: worst */
	SETTLE_DROP = 2,	   /* rejecting recipients leave the envelope; if
				      one is to be tried again, all are */
	SETTLE_TEMPFAIL_OTHERS = 3 /* one recipient a transaction: later RCPTs
				      get 452 4.5.3 */
};

void settle_policy(enum settle_disagree disagree); /* process-wide */
enum settle_disagree settle_policy_get(void);

struct settled {
	uint32_t action; /* NONE: deliver; QUARANTINE: deliver into the MTA's own
			    quarantine (hold is set); else for everybody */
	bool hold;
	bool kept; /* whoever is quarantined has a durable copy and leaves the
		      envelope; DISCARD if nobody else is left.  text names
		      the ids */
	/* replay this plan if action is NONE or QUARANTINE; recipients that
	   leave the envelope are in it */
	struct edit **plan;
	uint32_t nplan;
	uint32_t smtp_code; /* for REJECT and TEMPFAIL */
	const char *enhanced;
	const char *text; /* lines split by \n; the decision id is appended by
			     settle_reply */
};
/* caps: what the front-end can do with a delivered message. */
void settle_message(struct message *m, uint32_t caps, struct settled *out);

/* What settle_message would do with this recipient by what is known now: enum
   weir_action, or WEIR_E_UNSUPPORTED if it is to be quarantined and a durable
   copy would not help, because the recipient can't leave the envelope.  After
   settle_message: what was done. */
int settle_fate(const struct message *m, uint32_t caps, uint32_t rcpt);

/* What a recipient got, or gets as things stand: enum weir_action, ACCEPT if
   nobody minds. */
uint32_t settle_got(const struct session *s, const struct message *m,
    uint32_t rcpt);

/* The answer to an early stage from run_answer's opinion: code, enhanced code
   and text with defaults filled in. */
void settle_early(const struct opinion *o, struct settled *out);

/* "550 5.7.1 text [id]", a text of several lines as "550-5.7.1 ..." lines split
   by CRLF (none at the end).  Printable UTF-8; '%' is not doubled. */
void settle_reply(const struct settled *s, const char *id, struct buf *out);

#endif
