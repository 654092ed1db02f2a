/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/state.h"

#include <lauxlib.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/check.h"

/* state_may_grow - is that within the budgets of the code that runs */
static bool
state_may_grow(struct state *s, size_t more)
{
	const struct limit *l = s->limit;

	if (l == NULL)
		return true;
	return more <= s->total && s->used <= s->total - more &&
	    more <= (size_t)l->max->memory &&
	    l->memory <= l->max->memory - (int64_t)more;
}

/* state_is_stack - is it a thread's stack that grows too far.  Lua makes a new
   one of twice the size, but for EXTRA_STACK slots, while the old one is there
   (or resizes it); nothing else grows like that.  Lua's own bound is a million
   slots, and a value whose __call is itself moves all of them for each one
   more: minutes inside one instruction. */
static bool
state_is_stack(struct state *s, size_t osize, size_t nsize)
{
	bool is = nsize == 2 * osize - 5 * 16;

	if (s->limit == NULL || nsize <= STATE_STACK_MAX)
		return false;
	for (size_t i = 0; osize == 0 && i < s->blocks.n && !is; i++)
		is = nsize == 2 * s->blocks.v[i].size - 5 * 16;
	if (is && s->limit->exceeded == NULL)
		s->limit->exceeded = "stack";
	return is;
}

/* state_block - a large block was made */
static void
state_block(struct state *s, const void *p, size_t size, bool text)
{
	*vec_push(&s->blocks) = (struct state_block){ p, size, text };
	if (!text)
		return;
	s->long_octets += size;
	limit_step(s);
}

/* state_unblock - it goes, or its size changes */
static void
state_unblock(struct state *s, const void *p)
{
	for (size_t i = 0; i < s->blocks.n; i++) {
		if (s->blocks.v[i].p != p)
			continue;
		if (s->blocks.v[i].text)
			s->long_octets -= s->blocks.v[i].size;
		s->blocks.v[i] = s->blocks.v[--s->blocks.n];
		return;
	}
}

/* state_may - is that much memory to be had now */
static bool
state_may(struct state *s, size_t old, size_t nsize, bool raw)
{
	return nsize <= old || (state_may_grow(s, nsize - old) &&
	    !(raw && state_is_stack(s, old, nsize)) &&
	    (nsize < STATE_LONG || !limit_is_late(s)));
}

/* state_alloc - Lua's allocator: what it answers NULL to, Lua collects garbage
   for and asks again; then it raises an error */
static void *
state_alloc(void *arg, void *p, size_t osize, size_t nsize)
{
	struct state *s = arg;
	size_t old = p != NULL ? osize : 0; /* else osize is a type */
	bool raw = p != NULL || osize == 0;

	if (!state_may(s, old, nsize, raw)) {
		s->refused = true;
		return NULL;
	}
	if (old >= STATE_LONG)
		state_unblock(s, p);
	if (nsize == 0) {
		free(p);
		p = NULL;
	} else {
		p = xrealloc(p, nsize);
	}
	if (nsize >= STATE_LONG)
		state_block(s, p, nsize, !raw && osize == LUA_TSTRING);
	s->used += nsize - old;
	if (s->limit != NULL)
		s->limit->memory += (int64_t)nsize - (int64_t)old;
	return p;
}

/* state_panic - an error outside of all protected calls */
static int
state_panic(lua_State *L)
{
	const char *text = lua_type(L, -1) == LUA_TSTRING ?
	    lua_tostring(L, -1) : "no text";

	panic("Lua: error outside of a rule: %s", text);
}

/* state_create - an empty state, no library */
struct state *
state_create(struct rules *rules, size_t total)
{
	struct state *s = xcalloc(1, sizeof(*s));

	s->rules = rules;
	s->total = total;
	s->L = lua_newstate(state_alloc, s);
	expect(s->L != NULL);
	*(struct state **)lua_getextraspace(s->L) = s;
	lua_atpanic(s->L, state_panic);
	return s;
}

/* state_destroy - with all that lives in it */
void
state_destroy(struct state **state)
{
	struct state *s = *state;

	if (s == NULL)
		return;
	*state = NULL;
	lua_close(s->L);
	expect(s->used == 0 && s->blocks.n == 0);
	vec_fini(&s->blocks);
	free(s);
}
