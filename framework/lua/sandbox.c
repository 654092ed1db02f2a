/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/sandbox.h"

#include <lualib.h>
#include <string.h>

#include "lua/bind.h"
#include "lua/limit.h"
#include "lua/state.h"

static char sandbox_frozen; /* registry key: a boolean */
static char sandbox_methods; /* registry key: what strings index */

/* sandbox_pcall_end - after a protected call, direct or resumed */
static int
sandbox_pcall_end(lua_State *L, int status, lua_KContext base)
{
	struct limit *l = state_of(L)->limit;

	(void)base;
	if (status == LUA_OK || status == LUA_YIELD) {
		lua_pushboolean(L, 1);
		lua_replace(L, 1);
		return lua_gettop(L);
	}
	if (status == LUA_ERRMEM && l != NULL && l->exceeded == NULL)
		l->exceeded = "memory";
	/* the end of a budget is the end of the call */
	if (limit_is_exceeded(L))
		return lua_error(L);
	lua_pushboolean(L, 0);
	lua_insert(L, -2);
	return 2;
}

/* sandbox_pcall - pcall(f, ...): does not catch the end of a budget */
static int
sandbox_pcall(lua_State *L)
{
	int status;

	luaL_checkany(L, 1);
	lua_pushboolean(L, 1);
	lua_insert(L, 1); /* room for the answer */
	status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0,
	    sandbox_pcall_end);
	return sandbox_pcall_end(L, status, 0);
}

/* sandbox_setmetatable - without finalizers */
static int
sandbox_setmetatable(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	luaL_argcheck(L, lua_isnoneornil(L, 2) || lua_istable(L, 2), 2,
	    "nil or table expected");
	if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
		return luaL_error(L, "cannot change a protected metatable");
	if (lua_istable(L, 2)) {
		lua_pushliteral(L, "__gc");
		if (lua_rawget(L, 2) != LUA_TNIL)
			return luaL_error(L,
			    "rules can't have finalizers (__gc)");
		lua_pop(L, 1);
	}
	lua_settop(L, 2);
	lua_setmetatable(L, 1);
	return 1;
}

/* sandbox_print - to the log */
static int
sandbox_print(lua_State *L)
{
	int n = lua_gettop(L);
	luaL_Buffer b;

	luaL_buffinit(L, &b);
	for (int i = 1; i <= n; i++) {
		if (i > 1)
			luaL_addchar(&b, ' ');
		luaL_tolstring(L, i, NULL);
		luaL_addvalue(&b);
	}
	luaL_pushresult(&b);
	bind_log(L, WEIR_LOG_INFO);
	return 0;
}

/* sandbox_os_time - os.time([table]): by the host's clock */
static int
sandbox_os_time(lua_State *L)
{
	if (lua_isnoneornil(L, 1)) {
		lua_pushinteger(L, bind_wall_ms(L) / 1000);
		return 1;
	}
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, 1);
	return 1;
}

/* sandbox_os_date - os.date([format [, time]]) */
static int
sandbox_os_date(lua_State *L)
{
	size_t len;
	const char *format = luaL_optlstring(L, 1, "%c", &len);

	luaL_argcheck(L, len <= 1000, 1, "too long");
	if (lua_isnoneornil(L, 2)) {
		lua_settop(L, 0);
		lua_pushlstring(L, format, len);
		lua_pushinteger(L, bind_wall_ms(L) / 1000);
	}
	lua_settop(L, 2);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, 2, 1);
	limit_charge(L, 1 + len / 4);
	return 1;
}

/* sandbox_newindex - an assignment to a global */
static int
sandbox_newindex(lua_State *L)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, &sandbox_frozen);
	if (lua_toboolean(L, -1))
		return luaL_error(L, "global '%s' can't be set in a rule: "
		    "declare it local", luaL_tolstring(L, 2, NULL));
	lua_pop(L, 1);
	lua_rawset(L, lua_upvalueindex(1));
	return 0;
}

/* sandbox_index - a global that does not exist */
static int
sandbox_index(lua_State *L)
{
	const char *name = luaL_tolstring(L, 2, NULL);

	return luaL_error(L, "there is no global '%s'", name);
}

/* sandbox_init - what strings can do, and what stays of Lua's libraries */
void
sandbox_init(lua_State *L)
{
	static const luaL_Reg libs[] = { { LUA_GNAME, luaopen_base },
		{ LUA_STRLIBNAME, luaopen_string },
		{ LUA_TABLIBNAME, luaopen_table },
		{ LUA_MATHLIBNAME, luaopen_math },
		{ LUA_UTF8LIBNAME, luaopen_utf8 },
		{ LUA_OSLIBNAME, luaopen_os }, { NULL, NULL } };

	for (const luaL_Reg *l = libs; l->func != NULL; l++) {
		luaL_requiref(L, l->name, l->func, 1);
		lua_pop(L, 1);
	}
	lua_pushliteral(L, "");
	lua_getmetatable(L, -1);
	sandbox_push_string(L);
	lua_pushvalue(L, -1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &sandbox_methods);
	lua_setfield(L, -2, "__index");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 2);
}

/* sandbox_copy - library `from` (a global of ours) into the table on top; only
   these names, or all with NULL */
static void
sandbox_copy(lua_State *L, const char *from, const char *const *names)
{
	lua_getglobal(L, from);
	if (names != NULL) {
		for (; *names != NULL; names++) {
			lua_getfield(L, -1, *names);
			lua_setfield(L, -3, *names);
		}
		lua_pop(L, 1);
		return;
	}
	lua_pushnil(L);
	while (lua_next(L, -2) != 0) {
		lua_pushvalue(L, -2);
		lua_insert(L, -2);
		lua_settable(L, -5);
	}
	lua_pop(L, 1);
}

/* sandbox_push_os - time, date, clock */
static void
sandbox_push_os(lua_State *L)
{
	static const char *const names[] = { "clock", NULL };

	lua_newtable(L);
	sandbox_copy(L, LUA_OSLIBNAME, names);
	lua_getglobal(L, LUA_OSLIBNAME);
	lua_getfield(L, -1, "time");
	lua_pushcclosure(L, sandbox_os_time, 1);
	lua_setfield(L, -3, "time");
	lua_getfield(L, -1, "date");
	lua_pushcclosure(L, sandbox_os_date, 1);
	lua_setfield(L, -3, "date");
	lua_pop(L, 1);
}

/* sandbox_push_env - globals of one file */
void
sandbox_push_env(lua_State *L)
{
	static const char *const base[] = { "assert", "error", "getmetatable",
		"ipairs", "next", "pairs", "rawequal", "rawget", "rawlen",
		"select", "tostring", "type", "_VERSION", NULL };

	lua_newtable(L); /* the environment: stays empty */
	lua_newtable(L); /* its metatable */
	lua_newtable(L); /* what it shows */
	sandbox_copy(L, LUA_GNAME, base);
	lua_getglobal(L, "tonumber");
	sandbox_charge_in(L);
	lua_setfield(L, -2, "tonumber");
	lua_pushcfunction(L, sandbox_pcall);
	lua_setfield(L, -2, "pcall");
	lua_pushcfunction(L, sandbox_setmetatable);
	lua_setfield(L, -2, "setmetatable");
	lua_pushcfunction(L, sandbox_print);
	lua_setfield(L, -2, "print");
	sandbox_push_string(L);
	lua_setfield(L, -2, "string");
	sandbox_push_table(L);
	lua_setfield(L, -2, "table");
	sandbox_push_utf8(L);
	lua_setfield(L, -2, "utf8");
	lua_newtable(L);
	sandbox_copy(L, LUA_MATHLIBNAME, NULL);
	lua_pushnil(L);
	lua_setfield(L, -2, "randomseed");
	lua_setfield(L, -2, "math");
	sandbox_push_os(L);
	lua_setfield(L, -2, "os");
	bind_push_globals(L);
	lua_newtable(L); /* unknown globals are errors */
	lua_pushcfunction(L, sandbox_index);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
	lua_pushvalue(L, -1);
	lua_setfield(L, -3, "__index");
	lua_pushcclosure(L, sandbox_newindex, 1);
	lua_setfield(L, -2, "__newindex");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
}

/* sandbox_freeze - all files have run */
void
sandbox_freeze(lua_State *L)
{
	lua_pushboolean(L, 1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &sandbox_frozen);
}

/* sandbox_load - text only: crafted bytecode can do anything */
int
sandbox_load(lua_State *L, const char *text, size_t len, const char *name)
{
	int status = luaL_loadbufferx(L, text, len, name, "t");

	if (status != LUA_OK) {
		lua_remove(L, -2);
		return status;
	}
	lua_insert(L, -2);
	lua_setupvalue(L, -2, 1); /* _ENV */
	return LUA_OK;
}
