/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * round - one stage of one session goes through its rules, one after
 * another in order of priority; a rule that waits holds up those behind it.
 * A verdict for good (accept, reject, ...) ends the round for its recipient.
 * Loop thread.
 */
#ifndef WEIR_LUA_ROUND_H
#define WEIR_LUA_ROUND_H

#include "base/buf.h"
#include "lua/rules.h"

struct mark;
struct view;

struct round {
	struct rules *rules;
	weir_call *call;
	int stage;
	uint32_t rcpt; /* at stage rcpt, else WEIR_RCPT_NONE */
	size_t next;   /* in rules->stages[stage] */
	struct rule *rule; /* that runs */
	struct coro *coro; /* of its function while it waits */
	uint64_t begun_ns;
	bool out;      /* direction of the mail */
	bool stepping; /* round_step is on the stack */
	bool running;  /* a function has not returned */
	bool decided;  /* a verdict for everybody was stated */
	bool matched;  /* the rule that runs has matched */
	struct view *view; /* of declared rules, or NULL */
	struct mark *found; /* by slot what of the rule that runs, or NULL */
	struct buf info;    /* declared rules that have matched so far */
	unsigned lines;	    /* that its functions have logged */
};

/* Take a stage through the rules: the answer of the module's callback. */
int round_start(struct rules *r, weir_call *call, int stage, uint32_t rcpt);
/* In a completion: has the whole call been given up? */
bool round_is_gone(struct round *round, int status);
/* It has: unwind what waits and free the round. */
void round_abandon(struct round *round);
/* Calls that wait, and memory, as metrics: after a completion. */
void round_gauges(struct rules *r);
/* The rule that runs did not do its work: its on_failure speaks. */
void round_fail(struct round *round, const char *what, const char *why);
/* The rule that runs does something: count that once a call. */
void round_match(struct round *round);
/* What runs in this thread; raises when no rule does. */
struct round *round_of(lua_State *L);

#endif
