/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rule_register - rule "name" { ... }: check every word of it. */
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "lua/declare.h"
#include "lua/rules.h"

#define RULE_NAME_MAX 80
#define RULES_MAX 10000

const char *const rule_options[] = { "stage", "priority", "direction",
	"active", "shadow", "on_failure", "content", "from", "to", "when",
	"what", "action", NULL };
static const char *const rule_stages[] = { "connect", "helo", "mail", "rcpt",
	"data", "eoh", "eom", NULL };
static const int rule_stage_numbers[] = { WEIR_STAGE_CONNECT,
	WEIR_STAGE_HELO, WEIR_STAGE_MAIL, WEIR_STAGE_RCPT, WEIR_STAGE_DATA,
	WEIR_STAGE_EOH, WEIR_STAGE_EOM };
static const char *const rule_directions[] = { "both", "in", "out", NULL };
static const char *const rule_failures[] = { "tempfail", "quarantine", "pass",
	NULL };
static const char *const rule_contents[] = { "none", "headers", "body",
	NULL };

/* rule_unknown - raise with the nearest spelling */
static int
rule_unknown(lua_State *L, const char *name, const char *what,
    const char *word, const char *const *choices)
{
	const char *near = text_nearest(word, choices);

	return luaL_error(L, "rule \"%s\": unknown %s \"%s\"%s%s%s", name,
	    what, word, near != NULL ? " (did you mean \"" : "",
	    near != NULL ? near : "", near != NULL ? "\"?)" : "");
}

/* rule_word - one of some words in field `what`, or the default */
static int
rule_word(lua_State *L, const char *name, const char *what,
    const char *const *choices, int fallback)
{
	const char *word;
	int type = lua_getfield(L, 2, what);

	if (type == LUA_TNIL) {
		lua_pop(L, 1);
		return fallback;
	}
	if (type != LUA_TSTRING)
		return luaL_error(L, "rule \"%s\": %s must be a text", name,
		    what);
	word = lua_tostring(L, -1);
	for (int i = 0; choices[i] != NULL; i++) {
		if (strcmp(choices[i], word) == 0) {
			lua_pop(L, 1);
			return i;
		}
	}
	return rule_unknown(L, name, what, word, choices);
}

/* rule_check_keys - nothing in the table that nobody reads */
static void
rule_check_keys(lua_State *L, const char *name)
{
	lua_pushnil(L);
	while (lua_next(L, 2) != 0) {
		bool known = false;

		if (lua_type(L, -2) == LUA_TNUMBER) {
			if (lua_tointeger(L, -2) != 1 || !lua_isfunction(L, -1))
				luaL_error(L, "rule \"%s\": only one "
				    "function, and names before everything "
				    "else", name);
			lua_pop(L, 1);
			continue;
		}
		if (lua_type(L, -2) != LUA_TSTRING)
			luaL_error(L, "rule \"%s\": a key that is no name",
			    name);
		for (int i = 0; rule_options[i] != NULL && !known; i++)
			known = strcmp(rule_options[i],
			    lua_tostring(L, -2)) == 0;
		if (!known)
			rule_unknown(L, name, "option", lua_tostring(L, -2),
			    rule_options);
		lua_pop(L, 1);
	}
}

/* rule_priority - 0 to 100 */
static int
rule_priority(lua_State *L, const char *name)
{
	int type = lua_getfield(L, 2, "priority"), ok;
	lua_Integer n = lua_tointegerx(L, -1, &ok);

	lua_pop(L, 1);
	if (type == LUA_TNIL)
		return 50;
	if (!ok || n < 0 || n > 100)
		return luaL_error(L, "rule \"%s\": priority must be a number "
		    "from 0 to 100", name);
	return (int)n;
}

/* rule_new - or the one that had this place before */
static struct rule *
rule_new(lua_State *L, struct rules *r, const char *name)
{
	struct rule *rule;
	size_t i = r->seen++;

	if (r->again) {
		if (i >= r->rules.n || strcmp(r->rules.v[i]->name, name) != 0)
			luaL_error(L, "rule \"%s\" was not there before",
			    name);
		return r->rules.v[i];
	}
	for (size_t k = 0; k < r->rules.n; k++) {
		if (strcmp(r->rules.v[k]->name, name) == 0)
			luaL_error(L, "rule \"%s\" is there already: %s:%d",
			    name, r->rules.v[k]->file, r->rules.v[k]->line);
	}
	if (r->rules.n >= RULES_MAX)
		luaL_error(L, "more than %d rules", RULES_MAX);
	rule = xcalloc(1, sizeof(*rule));
	rule->name = xstrdup(name);
	rule->index = i;
	rule->function = LUA_NOREF;
	rule->metric_seconds = rule->metric_matches = -1;
	rule->metric_failures = rule->metric_overruns = -1;
	rule->metric_changes = -1;
	*vec_push(&r->rules) = rule;
	return rule;
}

/* rule_place - file and line of the call */
static void
rule_place(lua_State *L, struct rules *r, struct rule *rule)
{
	lua_Debug ar = { .currentline = -1 };

	rule->file = "?";
	/* with a watch there is one more function in between */
	for (int level = 1; ar.currentline <= 0; level++) {
		if (!lua_getstack(L, level, &ar) ||
		    !lua_getinfo(L, "Sl", &ar))
			return;
	}
	rule->line = ar.currentline;
	for (size_t i = 0; i < r->files.n; i++) {
		if (ar.source[0] == '@' &&
		    strcmp(r->files.v[i].name, ar.source + 1) == 0)
			rule->file = r->files.v[i].name;
	}
}

/* rule_body - rule "name" { ... }: upvalue 1 is the name */
static int
rule_body(lua_State *L)
{
	struct rules *r = state_of(L)->rules;
	const char *name = lua_tostring(L, lua_upvalueindex(1));
	struct rule *rule;
	int stage;

	luaL_checktype(L, 1, LUA_TTABLE);
	if (!r->loading)
		return luaL_error(L, "rules are made when files are loaded");
	lua_settop(L, 1);
	lua_pushvalue(L, 1); /* 2: as rule_word and its like want it */
	rule_check_keys(L, name);
	lua_rawgeti(L, 2, 1); /* 3 */
	rule = rule_new(L, r, name);
	if (lua_isfunction(L, 3)) {
		lua_pushvalue(L, 3);
		rule->function = luaL_ref(L, LUA_REGISTRYINDEX);
	}
	if (r->again)
		return 0;
	rule_place(L, r, rule);
	stage = rule_word(L, name, "stage", rule_stages, 6);
	rule->stage = rule_stage_numbers[stage];
	rule->priority = rule_priority(L, name);
	rule->direction = (enum rule_direction)rule_word(L, name, "direction",
	    rule_directions, RULE_BOTH);
	rule->on_failure = rule_word(L, name, "on_failure", rule_failures, -1);
	rule->active = lua_getfield(L, 2, "active") == LUA_TNIL ||
	    lua_toboolean(L, -1);
	lua_pop(L, 1);
	lua_getfield(L, 2, "shadow");
	rule->shadow = lua_toboolean(L, -1);
	lua_pop(L, 1);
	rule->content = (enum rule_content)rule_word(L, name, "content",
	    rule_contents, rule->stage == WEIR_STAGE_EOM ? RULE_BODY :
	    rule->stage == WEIR_STAGE_EOH ? RULE_HEADERS : RULE_NONE);
	if (rule->function == LUA_NOREF)
		declare_compile(L, r, rule);
	else
		declare_refuse(L, rule);
	return 0;
}

/* rule_watched - the same, but a mistake in one rule hides none in others */
static int
rule_watched(lua_State *L)
{
	struct rules *r = state_of(L)->rules;

	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	if (lua_pcall(L, lua_gettop(L) - 1, 0, 0) == LUA_OK)
		return 0;
	if (limit_is_exceeded(L))
		return lua_error(L);
	luaL_where(L, 1);
	lua_insert(L, -2);
	lua_concat(L, 2);
	rules_problem(r, lua_tostring(L, -1));
	return 0;
}

/* rule_register - rule "name" */
int
rule_register(lua_State *L)
{
	size_t len;
	const char *name = luaL_checklstring(L, 1, &len);

	if (len == 0 || len > RULE_NAME_MAX || strlen(name) != len ||
	    !text_is_utf8((weir_str){ name, len }) || strpbrk(name, "\"\r\n\\"))
		return luaL_error(L, "a rule's name is a text of 1 to %d "
		    "octets without quotes", RULE_NAME_MAX);
	lua_settop(L, 1);
	lua_pushcclosure(L, rule_body, 1);
	if (rules_watch != NULL)
		lua_pushcclosure(L, rule_watched, 1);
	return 1;
}
