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

/* state_alloc - Lua's allocator: what it answers NULL to, Lua collects garbage
   for and asks again; then it raises an error */
static void *
state_alloc(void *arg, void *p, size_t osize, size_t nsize)
{
	struct state *s = arg;
	size_t old = p != NULL ? osize : 0; /* else osize is a type */

	if (nsize == 0) {
		free(p);
		p = NULL;
	} else if (nsize > old && !state_may_grow(s, nsize - old)) {
		s->refused = true;
		return NULL;
	} else {
		p = xrealloc(p, nsize);
	}
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
	expect(s->used == 0);
	free(s);
}
