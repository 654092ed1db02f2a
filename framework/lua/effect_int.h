/* SPDX-License-Identifier: GPL-2.0-or-later */
/* effect_int - what effect.c and effect_post.c share. */
#ifndef WEIR_LUA_EFFECT_INT_H
#define WEIR_LUA_EFFECT_INT_H

#include "lua/effect.h"

struct effect_one {
	struct effect_one *next;
	const struct rule *rule;
	enum effect_edit kind;
	uint32_t n;
	weir_str name, value;
};

/* A verdict that a rule in shadow would have stated. */
struct effect_shadow {
	struct effect_shadow *next;
	struct rule *rule;
	uint32_t action, rcpt; /* rcpt: or WEIR_RCPT_NONE */
};

struct effect_disclaimer {
	struct effect_disclaimer *next;
	struct disclaimer d;
};

struct effect_notice {
	struct effect_notice *next;
	struct notice x;
};

/* What a message keeps from stage to stage. */
struct effect_mail {
	struct effect_one *first, **tail;
	struct effect_shadow *shadow;
	uint32_t nshadow;
	uint32_t edits;
	uint32_t n; /* octets of decided */
	uint8_t *decided; /* by recipient */
	struct effect_disclaimer *disclaimers, **disclaimers_tail;
	struct effect_notice *notices, **notices_tail;
	uint32_t posts; /* of both */
};

/* Of this message, made on demand. */
struct effect_mail *effect_mail(struct rules *r, weir_call *call, bool make);
/* Count it; true: the rule is in shadow, do no more. */
bool effect_in_shadow(struct round *round, enum rule_effect effect);
/* Into the message's memory, with a NUL behind; false: over its budget. */
bool effect_copy(struct round *round, weir_str in, weir_str *out);

/* effect_post.c: in act; body: a rule has replaced the whole body. */
int effect_post(struct rules *r, weir_call *call, struct effect_mail *m,
    bool body);

#endif
