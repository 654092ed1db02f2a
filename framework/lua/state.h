/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state - the worker's Lua state and the memory that it may take.
 *
 * While a limit is entered, allocations count against its call and against
 * the total, and fail beyond; while the host's own code pushes values they
 * don't fail.  All threads of a state know it: state_of.  Loop thread.
 */
#ifndef WEIR_LUA_STATE_H
#define WEIR_LUA_STATE_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/vec.h"
#include "lua/limit.h"

struct rules;
struct round;

#define STATE_LONG 65536 /* octets of a block that is large */

#define STATE_STACK_MAX (24u * 1024 * 16) /* octets of a thread's stack */

struct state_block {
	const void *p;
	size_t size;
	bool text; /* a string */
};

struct state {
	lua_State *L;
	struct rules *rules;
	size_t used, total; /* octets: now, and at most */
	struct limit *limit; /* of the code that runs, or NULL: the host's */
	struct round *round; /* whose rule runs, or NULL */
	bool refused;	     /* an allocation failed since the last look */
	lua_State *running;  /* the thread that limit_enter named, or NULL */
	VEC(struct state_block) blocks; /* large ones that exist */
	size_t long_octets;  /* of long strings among them */
};

struct state *state_create(struct rules *rules, size_t total);
void state_destroy(struct state **state);

/* state_of - from any of its threads */
static inline struct state *
state_of(lua_State *L)
{
	return *(struct state **)lua_getextraspace(L);
}

#endif
