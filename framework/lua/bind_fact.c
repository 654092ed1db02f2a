/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bind_fact - what modules found: facts, findings, scores. */
#include <math.h>
#include <string.h>

#include "lua/bind.h"
#include "lua/effect.h"

/* bind_fact_get - mail:fact(key [, rcpt]) */
static int
bind_fact_get(lua_State *L)
{
	struct round *round = round_of(L);
	const char *key = luaL_checkstring(L, 2);
	uint32_t rcpt = bind_rcpt(L, 3);
	weir_str value;

	if (round->rules->host->fact_get(round->call, rcpt, key, &value) ==
	    WEIR_OK)
		bind_push_str(L, value);
	else
		lua_pushnil(L);
	return 1;
}

/* bind_fact_set - mail:set_fact(word, value [, rcpt]) */
static int
bind_fact_set(lua_State *L)
{
	struct round *round = round_of(L);
	const char *word = luaL_checkstring(L, 2);
	weir_str value;

	value.ptr = luaL_checklstring(L, 3, &value.len);
	bind_check(L, "mail:set_fact", effect_fact(round, bind_rcpt(L, 4),
	    word, value));
	return 0;
}

/* bind_fact_findings - mail:findings() */
static int
bind_fact_findings(lua_State *L)
{
	struct round *round = round_of(L);
	const struct weir_host *host = round->rules->host;
	uint32_t count = host->finding_count(round->call);
	struct weir_finding f = { .size = sizeof(f) };

	lua_newtable(L);
	for (uint32_t i = 0; i < count &&
	     host->finding_at(round->call, i, &f) == WEIR_OK; i++) {
		limit_charge(L, 20);
		lua_createtable(L, 0, 5);
		bind_push_str(L, f.symbol);
		lua_setfield(L, -2, "symbol");
		bind_push_str(L, f.module);
		lua_setfield(L, -2, "module");
		bind_push_str(L, f.reason);
		lua_setfield(L, -2, "reason");
		lua_pushnumber(L, f.score);
		lua_setfield(L, -2, "score");
		if (f.rcpt != WEIR_RCPT_NONE) {
			lua_pushinteger(L, (lua_Integer)f.rcpt + 1);
			lua_setfield(L, -2, "rcpt");
		}
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

/* bind_fact_has - mail:has(symbol [, rcpt]) */
static int
bind_fact_has(lua_State *L)
{
	struct round *round = round_of(L);
	const struct weir_host *host = round->rules->host;
	const char *symbol = luaL_checkstring(L, 2);
	uint32_t rcpt = bind_rcpt(L, 3);
	uint32_t count = host->finding_count(round->call);
	struct weir_finding f = { .size = sizeof(f) };

	limit_charge(L, count);
	for (uint32_t i = 0; i < count &&
	     host->finding_at(round->call, i, &f) == WEIR_OK; i++) {
		if (weir_str_eq(f.symbol, symbol) && (f.rcpt ==
		    WEIR_RCPT_NONE || rcpt == WEIR_RCPT_NONE ||
		    f.rcpt == rcpt)) {
			bind_push_str(L, f.reason);
			return 1;
		}
	}
	lua_pushnil(L);
	return 1;
}

/* bind_fact_score - mail:score([rcpt]) */
static int
bind_fact_score(lua_State *L)
{
	struct round *round = round_of(L);

	lua_pushnumber(L, round->rules->host->score(round->call,
	    bind_rcpt(L, 2)));
	return 1;
}

/* bind_fact_add_score - mail:add_score(points, reason [, rcpt]) */
static int
bind_fact_add_score(lua_State *L)
{
	struct round *round = round_of(L);
	double points = luaL_checknumber(L, 2);
	weir_str reason;

	reason.ptr = luaL_optlstring(L, 3, "", &reason.len);
	luaL_argcheck(L, isfinite(points) && fabs(points) <= 1000, 2,
	    "from -1000 to 1000");
	bind_check(L, "mail:add_score", effect_score(round, bind_rcpt(L, 4),
	    points, reason));
	return 0;
}

/* bind_fact_unscanned - mail:unscanned() */
static int
bind_fact_unscanned(lua_State *L)
{
	struct round *round = round_of(L);
	const struct weir_host *host = round->rules->host;
	uint32_t count = host->unscanned_count(round->call);
	weir_str module, reason;

	lua_newtable(L);
	for (uint32_t i = 0; i < count && host->unscanned_at(round->call, i,
	     &module, &reason) == WEIR_OK; i++) {
		limit_charge(L, 10);
		lua_createtable(L, 0, 2);
		bind_push_str(L, module);
		lua_setfield(L, -2, "module");
		bind_push_str(L, reason);
		lua_setfield(L, -2, "reason");
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

const struct bind_row bind_fact_rows[] = {
	{ "fact", "mail:fact(key [, rcpt])",
	    "A module's fact, such as \"spf.result\", or nil.",
	    bind_fact_get },
	{ "set_fact", "mail:set_fact(word, value [, rcpt])",
	    "Set the fact \"rules.WORD\" for later rules, modules and the "
	    "record.", bind_fact_set },
	{ "findings", "mail:findings()",
	    "A list of {symbol, module, reason, score, rcpt}.",
	    bind_fact_findings },
	{ "has", "mail:has(symbol [, rcpt])",
	    "The reason of the first finding with that symbol, or nil.",
	    bind_fact_has },
	{ "score", "mail:score([rcpt])",
	    "Sum of the scores so far.", bind_fact_score },
	{ "add_score", "mail:add_score(points, reason [, rcpt])",
	    "Add to the score, under the symbol RULES_SCORE with the rule's "
	    "name and the reason.", bind_fact_add_score },
	{ "unscanned", "mail:unscanned()",
	    "A list of {module, reason}: checks that did not run.",
	    bind_fact_unscanned },
	{ NULL, NULL, NULL, NULL }
};
