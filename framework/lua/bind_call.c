/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bind_call - weir.call.MODULE.NAME(...): functions that modules publish with
   weir.lua/1. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "host/ext_lua.h"
#include "lua/bind.h"
#include "lua/coro.h"

#define CALL_NAMES_MAX 200
#define CALL_NAME_SIZE 100

/* call_module - its name as rules write it: "-" is "_" */
static void
call_module(const struct ext_lua_fn *fn, char out[CALL_NAME_SIZE])
{
	snprintf(out, CALL_NAME_SIZE, "%s", fn->module_name);
	for (char *p = out; *p != '\0'; p++) {
		if (*p == '-')
			*p = '_';
	}
}

/* call_what - for errors: left on the stack */
static const char *
call_what(lua_State *L, const struct ext_lua_fn *fn)
{
	char module[CALL_NAME_SIZE];

	call_module(fn, module);
	return lua_pushfstring(L, "weir.call.%s.%s", module, fn->name);
}

/* call_arg - the value at index i; what it points to stays on the stack */
static void
call_arg(lua_State *L, int i, struct weir_lua_value *out, unsigned depth)
{
	struct weir_lua_value *list;
	size_t n;

	memset(out, 0, sizeof(*out));
	switch (lua_type(L, i)) {
	case LUA_TNIL:
		out->type = WEIR_LUA_NIL;
		return;
	case LUA_TBOOLEAN:
		out->type = WEIR_LUA_BOOL;
		out->as.boolean = lua_toboolean(L, i);
		return;
	case LUA_TNUMBER:
		out->type = lua_isinteger(L, i) ? WEIR_LUA_INTEGER :
						  WEIR_LUA_NUMBER;
		if (out->type == WEIR_LUA_INTEGER)
			out->as.integer = lua_tointeger(L, i);
		else
			out->as.number = lua_tonumber(L, i);
		return;
	case LUA_TSTRING:
		out->type = WEIR_LUA_STRING;
		out->as.string.ptr = lua_tolstring(L, i,
		    &out->as.string.len);
		return;
	case LUA_TTABLE:
		break;
	default:
		luaL_error(L, "a %s can't be handed to a module",
		    luaL_typename(L, i));
	}
	n = lua_rawlen(L, i);
	if (depth >= WEIR_LUA_DEPTH_MAX || n > WEIR_LUA_VALUES_MAX)
		luaL_error(L, "a list is too deep or too long");
	luaL_checkstack(L, 4, NULL);
	limit_charge(L, 1 + 4 * n);
	list = lua_newuserdatauv(L, (n + 1) * sizeof(*list), 0);
	out->type = WEIR_LUA_LIST;
	out->n = (uint32_t)n;
	out->as.list = list;
	for (size_t k = 0; k < n; k++) {
		int type = lua_rawgeti(L, i, (lua_Integer)k + 1);

		call_arg(L, lua_gettop(L), &list[k], depth + 1);
		/* what is in the table lives as long as it; lists of its own
		   stay on the stack */
		if (type != LUA_TTABLE)
			lua_pop(L, 1);
	}
}

/* call_push - a result */
static void
call_push(lua_State *L, const struct weir_lua_value *v)
{
	switch (v->type) {
	case WEIR_LUA_BOOL:
		lua_pushboolean(L, v->as.boolean);
		break;
	case WEIR_LUA_INTEGER:
		lua_pushinteger(L, v->as.integer);
		break;
	case WEIR_LUA_NUMBER:
		lua_pushnumber(L, v->as.number);
		break;
	case WEIR_LUA_STRING:
		lua_pushlstring(L, v->as.string.ptr, v->as.string.len);
		break;
	case WEIR_LUA_LIST:
		lua_checkstack(L, 4);
		lua_createtable(L, (int)v->n, 0);
		for (uint32_t i = 0; i < v->n; i++) {
			call_push(L, &v->as.list[i]);
			lua_rawseti(L, -2, (lua_Integer)i + 1);
		}
		break;
	default:
		lua_pushnil(L);
		break;
	}
}

/* call_done - true and the results, or false and why */
static void
call_done(weir_call *caller, int status, uint32_t n,
    const struct weir_lua_value *values, const char *why, void *arg)
{
	struct coro *c = bind_end(arg, caller, status);

	if (c == NULL)
		return;
	lua_checkstack(c->L, WEIR_LUA_ARGS_MAX + 4);
	lua_pushboolean(c->L, status == WEIR_OK);
	if (status != WEIR_OK) {
		lua_pushstring(c->L, why[0] != '\0' ? why :
						      status_name(status));
		bind_resume(c, 2);
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		call_push(c->L, &values[i]);
	bind_resume(c, (int)n + 1);
}

/* call_results - the rule goes on; before: height of the stack */
static int
call_results(lua_State *L, int status, lua_KContext before)
{
	const struct ext_lua_fn *fn = ext_lua_at((size_t)lua_tointeger(L,
	    lua_upvalueindex(1)));
	int base = (int)before;

	(void)status;
	if (lua_toboolean(L, base + 1))
		return lua_gettop(L) - base - 1;
	return luaL_error(L, "%s: %s", call_what(L, fn),
	    lua_tostring(L, base + 2));
}

/* call_lua - upvalue 1: number of the function */
static int
call_lua(lua_State *L)
{
	const struct ext_lua_fn *fn = ext_lua_at((size_t)lua_tointeger(L,
	    lua_upvalueindex(1)));
	struct weir_lua_value argv[WEIR_LUA_ARGS_MAX];
	int argc = lua_gettop(L), status;
	struct round *round = round_of(L);
	const char *what = call_what(L, fn);
	void *handle;

	if (argc > (int)WEIR_LUA_ARGS_MAX)
		return luaL_error(L, "%s: more than %d arguments", what,
		    (int)WEIR_LUA_ARGS_MAX);
	for (int i = 0; i < argc; i++)
		call_arg(L, i + 1, &argv[i], 0);
	limit_charge(L, 200);
	handle = bind_begin(L, what);
	status = ext_lua_call(round->call, fn, (uint32_t)argc, argv,
	    call_done, handle);
	return bind_wait_k(L, what, status, call_results);
}

/* call_unknown - a name that is not there; upvalue 1: "weir.call" or
   "weir.call.spf" */
static int
call_unknown(lua_State *L)
{
	const char *names[CALL_NAMES_MAX + 1], *near, *word;
	size_t n = 0;

	word = luaL_tolstring(L, 2, NULL);
	lua_pushnil(L);
	while (lua_next(L, 1) != 0) {
		if (n < CALL_NAMES_MAX && lua_type(L, -2) == LUA_TSTRING)
			names[n++] = lua_tostring(L, -2);
		lua_pop(L, 1);
	}
	names[n] = NULL;
	near = text_nearest(word, names);
	return luaL_error(L, "%s has no \"%s\"%s%s%s: the modules that are "
	    "configured publish no such function",
	    lua_tostring(L, lua_upvalueindex(1)), word,
	    near != NULL ? " (did you mean \"" : "", near != NULL ? near : "",
	    near != NULL ? "\"?)" : "");
}

/* call_guard - a metatable that names mistakes, for the table on top */
static void
call_guard(lua_State *L, const char *name)
{
	lua_newtable(L);
	lua_pushstring(L, name);
	lua_pushcclosure(L, call_unknown, 1);
	lua_setfield(L, -2, "__index");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
}

/* bind_push_call - weir.call: a table for each module */
void
bind_push_call(lua_State *L)
{
	const struct ext_lua_fn *fn;
	char module[CALL_NAME_SIZE], name[CALL_NAME_SIZE + 16];

	lua_newtable(L);
	for (size_t i = 0; (fn = ext_lua_at(i)) != NULL; i++) {
		call_module(fn, module);
		lua_pushstring(L, module);
		lua_pushvalue(L, -1);
		if (lua_rawget(L, -3) != LUA_TTABLE) {
			lua_pop(L, 1);
			lua_newtable(L);
			snprintf(name, sizeof(name), "weir.call.%s", module);
			call_guard(L, name);
			lua_pushvalue(L, -2);
			lua_pushvalue(L, -2);
			lua_rawset(L, -5);
		}
		lua_pushinteger(L, (lua_Integer)i);
		lua_pushcclosure(L, call_lua, 1);
		lua_setfield(L, -2, fn->name);
		lua_pop(L, 2);
	}
	call_guard(L, "weir.call");
}
