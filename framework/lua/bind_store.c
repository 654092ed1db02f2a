/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bind_store - values that outlive the message, each with an expiry. */
#include <string.h>

#include "base/err.h"
#include "lua/bind.h"
#include "lua/coro.h"

#define BIND_TTL_MAX (3650.0 * 86400)

/* bind_store_done - a value; or nil; or nil and what is wrong */
static void
bind_store_done(weir_call *call, int status, weir_str value, void *arg)
{
	struct coro *c = bind_end(arg, call, status);

	if (c == NULL)
		return;
	if (status == WEIR_OK) {
		lua_pushlstring(c->L, value.ptr, value.len);
		bind_resume(c, 1);
		return;
	}
	lua_pushnil(c->L);
	if (status == WEIR_E_NOTFOUND) {
		bind_resume(c, 1);
		return;
	}
	lua_pushstring(c->L, status == WEIR_E_EXISTS ? "exists" :
	    status == WEIR_E_TIMEOUT		     ? "timeout" :
						       "temporary");
	if (status == WEIR_E_EXISTS) {
		lua_pushlstring(c->L, value.ptr, value.len);
		bind_resume(c, 3);
		return;
	}
	bind_resume(c, 2);
}

/* bind_store_wrote - true, or as above */
static void
bind_store_wrote(weir_call *call, int status, weir_str value, void *arg)
{
	struct coro *c;

	if (status != WEIR_OK) {
		bind_store_done(call, status, value, arg);
		return;
	}
	c = bind_end(arg, call, status);
	if (c == NULL)
		return;
	lua_pushboolean(c->L, 1);
	bind_resume(c, 1);
}

/* bind_store_key - argument 1 */
static weir_str
bind_store_key(lua_State *L)
{
	weir_str key;

	key.ptr = luaL_checklstring(L, 1, &key.len);
	luaL_argcheck(L, key.len >= 1 && key.len <= WEIR_STORE_KEY_MAX, 1,
	    "a key has 1 to 400 octets");
	return key;
}

/* bind_store_get - weir.store.get(key) */
static int
bind_store_get(lua_State *L)
{
	weir_str key = bind_store_key(L);
	void *handle = bind_begin(L, "weir.store.get");
	struct round *round = round_of(L);

	limit_charge(L, 100);
	return bind_wait(L, "weir.store.get", round->rules->store->get(
	    round->call, key, bind_store_done, handle));
}

/* bind_store_write - put and add */
static int
bind_store_write(lua_State *L, const char *what, bool add)
{
	weir_str key = bind_store_key(L), value;
	lua_Number ttl = luaL_checknumber(L, 3);
	struct round *round = round_of(L);
	const struct weir_store *store = round->rules->store;
	void *handle;
	int status;

	value.ptr = luaL_checklstring(L, 2, &value.len);
	luaL_argcheck(L, value.len <= WEIR_STORE_VALUE_MAX, 2, "too long");
	luaL_argcheck(L, ttl >= 0.001 && ttl <= BIND_TTL_MAX, 3,
	    "seconds, more than 0");
	/* a rule in shadow leaves no traces */
	if (round->rule->shadow) {
		lua_pushboolean(L, 1);
		return 1;
	}
	handle = bind_begin(L, what);
	limit_charge(L, 100);
	status = (add ? store->add : store->put)(round->call, key, value,
	    (int64_t)(ttl * 1000), bind_store_wrote, handle);
	return bind_wait(L, what, status);
}

static int
bind_store_put(lua_State *L)
{
	return bind_store_write(L, "weir.store.put", false);
}

static int
bind_store_add(lua_State *L)
{
	return bind_store_write(L, "weir.store.add", true);
}

/* bind_store_del - weir.store.del(key) */
static int
bind_store_del(lua_State *L)
{
	weir_str key = bind_store_key(L);
	struct round *round = round_of(L);
	void *handle;

	if (round->rule->shadow) {
		lua_pushboolean(L, 1);
		return 1;
	}
	handle = bind_begin(L, "weir.store.del");
	limit_charge(L, 100);
	return bind_wait(L, "weir.store.del", round->rules->store->del(
	    round->call, key, bind_store_wrote, handle));
}

const struct bind_row bind_store_rows[] = {
	{ "store.get", "weir.store.get(key)",
	    "The value, or nil; nil and a reason if the store is out of "
	    "order. Waits, as all of these. All rules share one name space.",
	    bind_store_get },
	{ "store.put", "weir.store.put(key, value, seconds)",
	    "Set it for so long; true when it is durable.", bind_store_put },
	{ "store.add", "weir.store.add(key, value, seconds)",
	    "Set it only if it is not there; else nil, \"exists\" and the "
	    "present value.", bind_store_add },
	{ "store.del", "weir.store.del(key)",
	    "Delete it.", bind_store_del },
	{ NULL, NULL, NULL, NULL }
};
