/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sandbox_table - table for rules: plain tables only, every loop charged. */
#include "lua/limit.h"
#include "lua/sandbox.h"

#define SANDBOX_SORT_MAX 20000
#define SANDBOX_UNPACK_MAX 5000

/* sandbox_plain - a table whose length and elements are what they seem: with
   metamethods a loop in C could go on for ever */
static lua_Integer
sandbox_plain(lua_State *L, int i)
{
	luaL_checktype(L, i, LUA_TTABLE);
	if (lua_getmetatable(L, i))
		luaL_argerror(L, i, "a table without metatable expected");
	return (lua_Integer)lua_rawlen(L, i);
}

/* sandbox_call - the library's own function, with all arguments */
static int
sandbox_call(lua_State *L)
{
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
	return lua_gettop(L);
}

/* sandbox_shift - insert, remove: elements may move */
static int
sandbox_shift(lua_State *L)
{
	lua_Integer n = sandbox_plain(L, 1);

	if (lua_gettop(L) > (int)lua_tointeger(L, lua_upvalueindex(2)))
		limit_charge(L, (uint64_t)n / 4 + 1);
	return sandbox_call(L);
}

/* sandbox_concat - table.concat */
static int
sandbox_concat(lua_State *L)
{
	size_t len = 0;

	limit_charge(L, (uint64_t)sandbox_plain(L, 1) / 4 + 1);
	sandbox_call(L);
	lua_tolstring(L, -1, &len);
	limit_charge_octets(L, len);
	return 1;
}

/* sandbox_unpack - table.unpack */
static int
sandbox_unpack(lua_State *L)
{
	lua_Integer n = sandbox_plain(L, 1);
	lua_Integer from = luaL_optinteger(L, 2, 1);
	lua_Integer to = luaL_optinteger(L, 3, n);

	if (from <= to &&
	    (lua_Unsigned)to - (lua_Unsigned)from >= SANDBOX_UNPACK_MAX)
		return limit_refuse(L, "stack", "too many results to unpack");
	limit_charge(L, from <= to ? (uint64_t)(to - from) / 4 : 0);
	return sandbox_call(L);
}

/* sandbox_move - table.move */
static int
sandbox_move(lua_State *L)
{
	lua_Integer from = luaL_checkinteger(L, 2);
	lua_Integer to = luaL_checkinteger(L, 3);

	sandbox_plain(L, 1);
	if (!lua_isnoneornil(L, 5))
		sandbox_plain(L, 5);
	lua_settop(L, 5);
	if (lua_isnil(L, 5))
		lua_settop(L, 4);
	if (from <= to) {
		lua_Unsigned n = (lua_Unsigned)to - (lua_Unsigned)from;

		limit_charge(L, n < UINT64_MAX / 2 ? n / 2 + 1 : n);
	}
	return sandbox_call(L);
}

/* sandbox_sort - table.sort: n log n comparisons of strings of some length */
static int
sandbox_sort(lua_State *L)
{
	lua_Integer n = sandbox_plain(L, 1);
	uint64_t log = 1, longest = 0;

	if (n > SANDBOX_SORT_MAX)
		return limit_refuse(L, "instructions", "table.sort: more than "
		    SANDBOX_TEXT(SANDBOX_SORT_MAX) " elements");
	while ((1 << log) < n)
		log++;
	for (lua_Integer i = 1; i <= n; i++) {
		if (lua_rawgeti(L, 1, i) == LUA_TSTRING &&
		    lua_rawlen(L, -1) > longest)
			longest = lua_rawlen(L, -1);
		lua_pop(L, 1);
	}
	limit_charge(L, (uint64_t)n * log * (1 + longest / 16) + 1);
	return sandbox_call(L);
}

/* sandbox_push_table - table */
void
sandbox_push_table(lua_State *L)
{
	static const struct {
		const char *name;
		lua_CFunction fn;
		int cheap; /* so many arguments: nothing moves */
	} own[] = { { "insert", sandbox_shift, 2 },
		{ "remove", sandbox_shift, 1 }, { "concat", sandbox_concat, 0 },
		{ "unpack", sandbox_unpack, 0 }, { "move", sandbox_move, 0 },
		{ "sort", sandbox_sort, 0 } };

	lua_newtable(L);
	lua_getglobal(L, "table");
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		lua_getfield(L, -1, own[i].name);
		lua_pushinteger(L, own[i].cheap);
		lua_pushcclosure(L, own[i].fn, 2);
		lua_setfield(L, -3, own[i].name);
	}
	lua_getfield(L, -1, "pack");
	lua_setfield(L, -3, "pack");
	lua_pop(L, 1);
}
