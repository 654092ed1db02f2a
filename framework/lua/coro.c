/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/coro.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/check.h"
#include "base/vec.h"
#include "lua/state.h"

#define CORO_SLOT_BITS 20
#define CORO_KEEP 32 /* idle threads that are kept for the next calls */

struct coros {
	struct state *state;
	VEC(struct coro *) slots;
	VEC(uint32_t) idle;   /* with a thread */
	VEC(uint32_t) empty;  /* without */
	uint32_t busy;
};

/* Whose code runs. */
static struct coro *coro_running;

/* coros_create - no slots yet */
struct coros *
coros_create(struct state *s)
{
	struct coros *cs = xcalloc(1, sizeof(*cs));

	cs->state = s;
	return cs;
}

/* coros_destroy - the threads go with the state */
void
coros_destroy(struct coros **coros)
{
	struct coros *cs = *coros;

	if (cs == NULL)
		return;
	*coros = NULL;
	expect(cs->busy == 0);
	for (size_t i = 0; i < cs->slots.n; i++)
		free(cs->slots.v[i]);
	vec_fini(&cs->slots);
	vec_fini(&cs->idle);
	vec_fini(&cs->empty);
	free(cs);
}

/* coros_busy - calls that have not ended */
uint32_t
coros_busy(const struct coros *coros)
{
	return coros->busy;
}

/* coro_take - a slot with a thread */
static struct coro *
coro_take(struct coros *cs)
{
	struct coro *c;

	if (cs->idle.n > 0)
		return cs->slots.v[cs->idle.v[--cs->idle.n]];
	if (cs->empty.n > 0) {
		c = cs->slots.v[cs->empty.v[--cs->empty.n]];
	} else {
		expect(cs->slots.n < 1u << CORO_SLOT_BITS);
		c = xcalloc(1, sizeof(*c));
		c->slot = (uint32_t)cs->slots.n;
		c->state = cs->state;
		c->owner = cs;
		*vec_push(&cs->slots) = c;
	}
	c->L = lua_newthread(cs->state->L);
	c->ref = luaL_ref(cs->state->L, LUA_REGISTRYINDEX);
	return c;
}

/* coro_put - the call has ended.  A thread that did not end by itself is left
   to the collector, which runs nothing of it: to close its variables would
   mean to run the rule's code once more, and an error that a hook raised
   leaves hooks switched off, so that code would have no bound. */
static void
coro_put(struct coro *c, bool whole)
{
	struct coros *cs = c->owner;

	c->busy = c->waiting = false;
	cs->busy--;
	if (whole && cs->idle.n < CORO_KEEP) {
		lua_settop(c->L, 0);
		*vec_push(&cs->idle) = c->slot;
		return;
	}
	luaL_unref(cs->state->L, LUA_REGISTRYINDEX, c->ref);
	c->L = NULL;
	*vec_push(&cs->empty) = c->slot;
}

/* coro_error - text of the error on top; never calls a metamethod */
static const char *
coro_error(struct coro *c, int status)
{
	const char *text;

	if (status == LUA_ERRMEM) {
		/* a late call is refused memory, too */
		if (c->limit.exceeded == NULL)
			c->limit.exceeded = "memory";
		return c->limit.exceeded[0] == 't' ?
		    "the budget of time is used up" :
		    c->limit.exceeded[0] == 's' ?
		    "the budget of stack is used up" :
		    "the budget of memory is used up";
	}
	if (lua_type(c->L, -1) != LUA_TSTRING)
		return "an error that is no text";
	text = lua_tostring(c->L, -1);
	/* Lua's own bound: so many calls of C functions inside each other */
	if (c->limit.exceeded == NULL && strstr(text, "stack overflow") !=
	    NULL)
		c->limit.exceeded = "stack";
	return text;
}

/* coro_run - let it run until it ends (false) or waits (true) */
static bool
coro_run(struct coro *c, int nargs)
{
	struct coro *outer = coro_running;
	const char *error = NULL;
	int nresults, status;

	coro_running = c;
	c->waiting = false;
	limit_enter(c->state, &c->limit, c->L);
	status = lua_resume(c->L, NULL, nargs, &nresults);
	limit_leave(c->state);
	coro_running = outer;
	if (status == LUA_YIELD && c->waiting)
		return true;
	if (status == LUA_YIELD)
		error = "it waits for nothing";
	else if (status != LUA_OK)
		error = coro_error(c, status);
	c->done(c, error, c->arg);
	coro_put(c, status == LUA_OK);
	return false;
}

/* coro_start - call a function */
struct coro *
coro_start(struct coros *cs, const struct limit_max *max, int nargs,
    coro_done_fn *done, void *arg)
{
	struct coro *c = coro_take(cs);

	cs->busy++;
	c->busy = true;
	c->generation++;
	c->done = done;
	c->arg = arg;
	limit_init(&c->limit, max);
	lua_xmove(cs->state->L, c->L, nargs + 1);
	return coro_run(c, nargs) ? c : NULL;
}

/* coro_check - a wait inside a callback of a C function has no way back */
void
coro_check(lua_State *L, const char *what)
{
	if (coro_running == NULL)
		luaL_error(L, "%s: only inside a rule's function", what);
	if (coro_running->L != L || !lua_isyieldable(L))
		luaL_error(L, "%s can't wait inside a function that "
		    "table.sort, string.gsub or a metamethod calls", what);
}

/* coro_handle - slot and generation as one pointer */
void *
coro_handle(lua_State *L)
{
	const struct coro *c = coro_running;

	expect(c != NULL && c->L == L);
	return (void *)(uintptr_t)(c->generation << CORO_SLOT_BITS | c->slot);
}

/* coro_wait - the operation has been started */
int
coro_wait(lua_State *L)
{
	expect(coro_running != NULL && coro_running->L == L);
	coro_running->waiting = true;
	return lua_yield(L, 0);
}

/* coro_wait_k - with a continuation, whose context is the stack's height */
int
coro_wait_k(lua_State *L, lua_KFunction k)
{
	expect(coro_running != NULL && coro_running->L == L);
	coro_running->waiting = true;
	return lua_yieldk(L, 0, lua_gettop(L), k);
}

/* coro_find - whose operation has completed */
struct coro *
coro_find(struct coros *cs, void *handle)
{
	uintptr_t v = (uintptr_t)handle;
	size_t slot = v & ((1u << CORO_SLOT_BITS) - 1);
	struct coro *c = slot < cs->slots.n ? cs->slots.v[slot] : NULL;

	return c != NULL && c->busy && c->waiting &&
	    c->generation == v >> CORO_SLOT_BITS ? c : NULL;
}

/* coro_resume - with its results */
void
coro_resume(struct coro *c, int nresults)
{
	expect(c->busy && c->waiting);
	c->generation++;
	coro_run(c, nresults);
}

/* coro_cancel - nobody waits for the answer any more */
void
coro_cancel(struct coro *c)
{
	expect(c->busy && c->waiting);
	coro_put(c, false);
}
