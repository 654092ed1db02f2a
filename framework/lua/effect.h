/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * effect - what rules do to a mail: verdicts, scores, facts, edits.
 *
 * The one place where a rule in shadow is told apart: it only counts.
 * Edits wait in the message until act; all rules see the mail as it came.
 * Functions return a weir_status. Loop thread.
 */
#ifndef WEIR_LUA_EFFECT_H
#define WEIR_LUA_EFFECT_H

#include "lua/disclaimer.h"
#include "lua/notify.h"
#include "lua/round.h"

enum effect_edit {
	EFFECT_HEADER_ADD,
	EFFECT_HEADER_INSERT,
	EFFECT_HEADER_CHANGE, /* the n-th field of that name, from 1 */
	EFFECT_HEADER_DELETE,
	EFFECT_RCPT_ADD,
	EFFECT_RCPT_DELETE, /* n is its index */
	EFFECT_SENDER,
	EFFECT_BODY
};

/* rcpt: WEIR_RCPT_NONE for everybody who has no verdict yet. */
int effect_verdict(struct round *round, uint32_t action, uint32_t rcpt,
    uint32_t code, const char *enhanced, const char *text);
int effect_score(struct round *round, uint32_t rcpt, double score,
    weir_str reason);
/* word is the fact's name behind "rules." */
int effect_fact(struct round *round, uint32_t rcpt, const char *word,
    weir_str value);
int effect_edit(struct round *round, enum effect_edit kind, uint32_t n,
    weir_str name, weir_str value);
/* Texts and addresses are copied. Mail that is left alone says so in the log
   and in the fact rules.disclaimer; mail of our own causes no other. */
int effect_disclaimer(struct round *round, const struct disclaimer *d);
int effect_notice(struct round *round, const struct notice *x);
/* At eom: has this recipient a verdict of a rule for good; have all? */
bool effect_is_decided(struct round *round, uint32_t rcpt);
bool effect_all_decided(struct round *round);
/* The message has been decided: what would rules in shadow have changed? */
void effect_end(struct rules *r, weir_call *call);
/* In act: make the edits that wait. */
int effect_apply(struct rules *r, weir_call *call);

#endif
