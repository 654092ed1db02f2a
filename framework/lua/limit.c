/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/limit.h"

#include <lauxlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "lua/state.h"

/* instructions between two looks at the clock while strings are short; with
   long ones in proportion, down to one */
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

static void limit_hook(lua_State *L, lua_Debug *ar);

/* limit_steps - how many instructions may pass until the next look */
static int
limit_steps(const struct state *s)
{
	size_t n;

	if (s->long_octets <= STATE_LONG)
		return LIMIT_STEP;
	n = (size_t)LIMIT_STEP * STATE_LONG / s->long_octets;
	return n > 0 ? (int)n : 1;
}

/* limit_enter - the clock runs, instructions of this thread count.  What was
   left of a step when it waited stays so: setting the hook begins a new one. */
void
limit_enter(struct state *s, struct limit *l, lua_State *L)
{
	expect(s->limit == NULL);
	l->entered_ns = clock_mono_ns();
	s->limit = l;
	s->running = L;
	if (lua_gethook(L) != limit_hook ||
	    lua_gethookcount(L) != limit_steps(s))
		lua_sethook(L, limit_hook, LUA_MASKCOUNT, limit_steps(s));
}

/* limit_step - only down: the hook itself goes up again.  Called by the
   allocator, where setting a hook is allowed as in a signal handler. */
void
limit_step(struct state *s)
{
	if (s->limit != NULL && lua_gethook(s->running) == limit_hook &&
	    lua_gethookcount(s->running) > limit_steps(s))
		lua_sethook(s->running, limit_hook, LUA_MASKCOUNT,
		    limit_steps(s));
}

/* limit_is_late - the time of the code that runs */
bool
limit_is_late(struct state *s)
{
	struct limit *l = s->limit;

	if (l == NULL || l->time_ns + clock_mono_ns() - l->entered_ns <=
	    l->max->time_ns)
		return false;
	if (l->exceeded == NULL)
		l->exceeded = "time";
	return true;
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
	s->running = NULL;
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
	l->instructions = instructions < UINT64_MAX - l->instructions ?
	    l->instructions + instructions : UINT64_MAX;
	if (l->exceeded != NULL)
		limit_raise(L, l, l->exceeded);
	if (l->instructions > l->max->instructions)
		limit_raise(L, l, "instructions");
	if (limit_is_late(state_of(L)))
		limit_raise(L, l, "time");
}

/* limit_hook - Lua code has run for a while */
static void
limit_hook(lua_State *L, lua_Debug *ar)
{
	struct state *s = state_of(L);
	int steps = lua_gethookcount(L);

	(void)ar;
	if (steps != limit_steps(s))
		lua_sethook(L, limit_hook, LUA_MASKCOUNT, limit_steps(s));
	limit_add(L, (uint64_t)steps);
}

/* limit_refuse - nobody catches it, as if it had been done and measured */
int
limit_refuse(lua_State *L, const char *what, const char *text)
{
	struct limit *l = state_of(L)->limit;

	if (l != NULL && l->exceeded == NULL)
		l->exceeded = what;
	return luaL_error(L, "%s", text);
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
