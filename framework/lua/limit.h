/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * limit - what one call of a rule may cost: instructions, memory, time.
 *
 * A count hook interrupts Lua code.  It never runs inside C functions, so
 * each library function whose work depends on its arguments charges that
 * work here: limit_charge.  A single instruction may compare, join or convert
 * strings as long as the memory allows: the longer those that exist, the more
 * often the hook looks at the clock.  Waiting for DNS or the store costs no
 * time.  A budget that is exceeded raises an error that pcall does not catch.
 * Loop thread.
 */
#ifndef WEIR_LUA_LIMIT_H
#define WEIR_LUA_LIMIT_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the site allows a call. */
struct limit_max {
	uint64_t instructions;
	int64_t memory;	 /* octets that the call holds at a time */
	uint64_t time_ns; /* processor time, more or less */
};

/* What a call has used. */
struct limit {
	const struct limit_max *max;
	uint64_t instructions;
	int64_t memory;
	uint64_t time_ns;
	uint64_t entered_ns;  /* when its code began to run, or 0 */
	/* NULL, "instructions", "memory", "time" or "stack" */
	const char *exceeded;
};

struct state;

void limit_init(struct limit *l, const struct limit_max *max);
/* Its code is about to run, or has stopped. */
void limit_enter(struct state *s, struct limit *l, lua_State *L);
void limit_leave(struct state *s);
/* A long string was made: look more often from now on. */
void limit_step(struct state *s);
/* Is the time over?  Then the budget is marked as exceeded. */
bool limit_is_late(struct state *s);
/* Something was asked for that goes beyond that budget: raise text. */
int limit_refuse(lua_State *L, const char *what, const char *text);
/* Work done by C code, in instructions; raises when that was too much. */
void limit_charge(lua_State *L, uint64_t instructions);
/* Octets that were copied or scanned by a fast loop. */
void limit_charge_octets(lua_State *L, size_t octets);
/* Nonzero if a budget is exceeded: nobody may catch that error. */
int limit_is_exceeded(lua_State *L);

#endif
