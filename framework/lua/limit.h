/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * limit - what one call of a rule may cost: instructions, memory, time.
 *
 * A count hook interrupts Lua code.  It never runs inside C functions, so
 * each library function whose work depends on its arguments charges that
 * work here: limit_charge.  Waiting for DNS or the store costs no time.  A
 * budget that is exceeded raises an error that pcall does not catch.
 * Loop thread.
 */
#ifndef WEIR_LUA_LIMIT_H
#define WEIR_LUA_LIMIT_H

#include <lua.h>
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
	const char *exceeded; /* NULL, "instructions", "memory" or "time" */
};

struct state;

void limit_init(struct limit *l, const struct limit_max *max);
/* Its code is about to run, or has stopped. */
void limit_enter(struct state *s, struct limit *l);
void limit_leave(struct state *s);
/* Count the instructions of this thread. */
void limit_arm(lua_State *L);
/* Work done by C code, in instructions; raises when that was too much. */
void limit_charge(lua_State *L, uint64_t instructions);
/* Octets that were copied or scanned by a fast loop. */
void limit_charge_octets(lua_State *L, size_t octets);
/* Nonzero if a budget is exceeded: nobody may catch that error. */
int limit_is_exceeded(lua_State *L);

#endif
