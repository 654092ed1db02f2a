/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * milter_neg - agree with the MTA on events, replies, actions and macros.
 *
 * Computed from what the loaded modules want and what the MTA offers, nothing
 * else.  Events that nobody wants are not sent, those that need no answer get
 * none.  What the MTA can't do is done without: the modules see it in
 * edit_caps (WEIR_E_UNSUPPORTED), an event that can't be switched off is
 * answered with "continue".
 */
#ifndef WEIR_FRONT_MILTER_NEG_H
#define WEIR_FRONT_MILTER_NEG_H

#include <stdbool.h>
#include <stdint.h>

#include "front/milter_wire.h"
#include "pipe/run.h"

#define MILTER_VERSION_MIN 2
#define MILTER_VERSION_MAX 6

struct milter_terms {
	struct milter_options o; /* as answered */
	uint32_t edit_caps;	 /* EDIT_CAP bits */
	bool symbols;		 /* the MTA takes lists of macros */
};

/* How a listener wants it. */
struct milter_wish {
	bool no_reply;	 /* use the no-reply flags */
	bool all_events; /* ask for every event, wanted or not */
};

/* WEIR_E_UNSUPPORTED: no version that both know. */
int milter_negotiate(const struct milter_options *offer,
    const struct run_wants *wants, const struct milter_wish *wish,
    struct milter_terms *out);
/* The OPTNEG answer. */
void milter_put_terms(struct buf *out, const struct milter_terms *terms);

#endif
