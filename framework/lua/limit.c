/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/limit.h"

#include <lauxlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "lua/state.h"

/* instructions between two looks at the clock: each of them may be a
   concatenation of strings as large as the memory budget allows */
#define LIMIT_STEP 250
/* what memcpy and its like do in the time of one instruction */
#define LIMIT_OCTETS 16

/* limit_init - nothing used so far */
void
limit_init(struct limit *l, const struct limit_max *max)
{
	memset(l, 0, sizeof(*l));
	l->max = max;
}

/* limit_enter - the clock runs */
void
limit_enter(struct state *s, struct limit *l)
{
	expect(s->limit == NULL);
	l->entered_ns = clock_mono_ns();
	s->limit = l;
}

/* limit_leave - the clock stops */
void
limit_leave(struct state *s)
{
	struct limit *l = s->limit;

	expect(l != NULL);
	l->time_ns += clock_mono_ns() - l->entered_ns;
	l->entered_ns = 0;
	s->limit = NULL;
}

/* limit_raise - that was too much */
static void
limit_raise(lua_State *L, struct limit *l, const char *what)
{
	l->exceeded = what;
	luaL_error(L, "the budget of %s is used up", what);
}

/* limit_add - count and compare */
static void
limit_add(lua_State *L, uint64_t instructions)
{
	struct limit *l = state_of(L)->limit;

	if (l == NULL)
		return;
	l->instructions += instructions;
	if (l->exceeded != NULL)
		limit_raise(L, l, l->exceeded);
	if (l->instructions > l->max->instructions)
		limit_raise(L, l, "instructions");
	if (l->time_ns + clock_mono_ns() - l->entered_ns > l->max->time_ns)
		limit_raise(L, l, "time");
}

/* limit_hook - Lua code has run for a while */
static void
limit_hook(lua_State *L, lua_Debug *ar)
{
	(void)ar;
	limit_add(L, LIMIT_STEP);
}

/* limit_arm - count the instructions of this thread */
void
limit_arm(lua_State *L)
{
	lua_sethook(L, limit_hook, LUA_MASKCOUNT, LIMIT_STEP);
}

/* limit_charge - work that C code has done or is about to do */
void
limit_charge(lua_State *L, uint64_t instructions)
{
	struct limit *l = state_of(L)->limit;

	if (l == NULL)
		return;
	/* small change is counted without a look at the clock */
	if (instructions < LIMIT_STEP && l->exceeded == NULL &&
	    l->instructions + instructions <= l->max->instructions)
		l->instructions += instructions;
	else
		limit_add(L, instructions);
}

/* limit_charge_octets - the same for fast loops */
void
limit_charge_octets(lua_State *L, size_t octets)
{
	limit_charge(L, octets / LIMIT_OCTETS);
}

/* limit_is_exceeded - may this error be caught */
int
limit_is_exceeded(lua_State *L)
{
	struct limit *l = state_of(L)->limit;

	return l != NULL && l->exceeded != NULL;
}
