/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bind_verdict - what a rule decides, for all recipients or for one. */
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "lua/bind.h"
#include "lua/effect.h"

/* bind_verdict_option - field `key` of the table at i, if it is one */
static bool
bind_verdict_option(lua_State *L, int i, const char *key)
{
	if (!lua_istable(L, i))
		return false;
	lua_pushstring(L, key);
	if (lua_rawget(L, i) != LUA_TNIL)
		return true;
	lua_pop(L, 1);
	return false;
}

/* bind_verdict_check - nothing else in the options */
static void
bind_verdict_check(lua_State *L, int i)
{
	static const char *const names[] = { "rcpt", "code", "enhanced",
		NULL };

	if (lua_isnoneornil(L, i))
		return;
	luaL_checktype(L, i, LUA_TTABLE);
	lua_pushnil(L);
	while (lua_next(L, i) != 0) {
		const char *key = lua_type(L, -2) == LUA_TSTRING ?
		    lua_tostring(L, -2) : "?";
		const char *near = text_nearest(key, names);
		bool known = false;

		for (int k = 0; names[k] != NULL && !known; k++)
			known = strcmp(names[k], key) == 0;
		if (!known)
			luaL_error(L, "unknown option \"%s\"%s%s%s", key,
			    near != NULL ? " (did you mean \"" : "",
			    near != NULL ? near : "",
			    near != NULL ? "\"?)" : "");
		lua_pop(L, 1);
	}
}

/* bind_verdict - mail:ACTION([text] [, options]) */
static int
bind_verdict(lua_State *L, uint32_t action, const char *what)
{
	struct round *round = round_of(L);
	const char *text = luaL_optstring(L, 2, NULL), *enhanced = NULL;
	uint32_t rcpt = round->rcpt;
	lua_Integer code = 0;

	lua_settop(L, 3);
	bind_verdict_check(L, 3);
	if (bind_verdict_option(L, 3, "code")) {
		code = luaL_checkinteger(L, -1);
		luaL_argcheck(L, code >= 400 && code <= 599, 3,
		    "code is 400 to 599");
	}
	if (bind_verdict_option(L, 3, "enhanced"))
		enhanced = luaL_checkstring(L, -1);
	if (bind_verdict_option(L, 3, "rcpt"))
		rcpt = bind_rcpt(L, lua_gettop(L));
	bind_check(L, what, effect_verdict(round, action, rcpt,
	    (uint32_t)code, enhanced, text));
	return 0;
}

static int
bind_verdict_accept(lua_State *L)
{
	return bind_verdict(L, WEIR_ACT_ACCEPT, "mail:accept");
}

static int
bind_verdict_reject(lua_State *L)
{
	return bind_verdict(L, WEIR_ACT_REJECT, "mail:reject");
}

static int
bind_verdict_tempfail(lua_State *L)
{
	return bind_verdict(L, WEIR_ACT_TEMPFAIL, "mail:tempfail");
}

static int
bind_verdict_quarantine(lua_State *L)
{
	return bind_verdict(L, WEIR_ACT_QUARANTINE, "mail:quarantine");
}

static int
bind_verdict_discard(lua_State *L)
{
	return bind_verdict(L, WEIR_ACT_DISCARD, "mail:discard");
}

/* bind_verdict_get - mail:verdict([rcpt]) */
static int
bind_verdict_get(lua_State *L)
{
	struct round *round = round_of(L);
	struct weir_verdict v = { .size = sizeof(v) };

	if (round->rules->host->verdict_get(round->call, bind_rcpt(L, 2),
	    &v) < 0)
		v.action = WEIR_ACT_NONE;
	lua_pushstring(L, action_name((int)v.action));
	return 1;
}

const struct bind_row bind_verdict_rows[] = {
	{ "accept", "mail:accept([text] [, {rcpt}])",
	    "Deliver; no later rule or check is asked.", bind_verdict_accept },
	{ "reject", "mail:reject([text] [, {rcpt, code, enhanced}])",
	    "Refuse with 5xx: code and enhanced code are 550 and 5.7.1 by "
	    "default.", bind_verdict_reject },
	{ "tempfail", "mail:tempfail([text] [, {rcpt, code, enhanced}])",
	    "Refuse with 4xx: try again later.", bind_verdict_tempfail },
	{ "quarantine", "mail:quarantine([text] [, {rcpt}])",
	    "Keep it, do not deliver.", bind_verdict_quarantine },
	{ "discard", "mail:discard([text] [, {rcpt}])",
	    "Accept it and drop it.", bind_verdict_discard },
	{ "verdict", "mail:verdict([rcpt])",
	    "The strongest verdict so far: \"none\", \"accept\", "
	    "\"quarantine\", \"discard\", \"tempfail\" or \"reject\".",
	    bind_verdict_get },
	{ NULL, NULL, NULL, NULL }
};
