/* SPDX-License-Identifier: GPL-2.0-or-later */
/* act - what was kept of the message in hand, until it is answered. */
#ifndef MODULES_QUARANTINE_ACT_H
#define MODULES_QUARANTINE_ACT_H

#include "quarantine.h"

struct act_kept {
	struct act_kept *next;
	uint32_t rcpt;
	bool adopted;  /* the item was there before this message */
	char id[ID_LEN + 1];
};

/* The module's slot of a message. */
struct act {
	struct act_kept *kept;
	bool comes_back; /* it is being released: comeback.c */
	bool token_used;
	uint32_t rcpt; /* whom it is for */
	struct token token;
};

struct act *act_slot(const struct quarantine *q, weir_call *call, bool make);
void act_drop(void *data);
bool act_add(const struct quarantine *q, weir_call *call,
    const struct keep *k);
void act_failed(struct quarantine *q, weir_call *call, const char *why);

#endif
