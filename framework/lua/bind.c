/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/bind.h"

#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "lua/action.h"
#include "lua/coro.h"
#include "lua/object.h"
#include "lua/regex.h"

const struct bind_group bind_groups[] = {
	{ "The session", BIND_PROPERTY, bind_session_rows },
	{ "The message", BIND_METHOD, bind_message_rows },
	{ "Parts of the message", BIND_METHOD, bind_part_rows },
	{ "Recipients", BIND_METHOD, bind_rcpt_rows },
	{ "Facts and findings", BIND_METHOD, bind_fact_rows },
	{ "Verdicts", BIND_METHOD, bind_verdict_rows },
	{ "Edits", BIND_METHOD, bind_edit_rows },
	{ "Mail to others", BIND_METHOD, bind_post_rows },
	{ "DNS", BIND_WEIR, bind_dns_rows },
	{ "Store", BIND_WEIR, bind_store_rows },
	{ "Log", BIND_WEIR, bind_log_rows },
	{ "Metrics", BIND_WEIR, bind_metric_rows },
	{ "Maps", BIND_WEIR, bind_map_rows },
	{ "Regular expressions", BIND_WEIR, bind_regex_rows },
	{ "Utilities", BIND_WEIR, bind_util_rows },
	{ "Rules", BIND_GLOBAL, bind_rule_rows },
	{ "Objects", BIND_GLOBAL, bind_object_rows },
	{ "Actions", BIND_GLOBAL, bind_action_rows },
	{ NULL, BIND_GLOBAL, NULL }
};

#define BIND_NAMES_MAX 100

static char bind_mail; /* registry key of the object */
/* Completions find their coroutine here: there is one module a process. */
static struct coros *bind_coros;

/* bind_rules - the module's state */
struct rules *
bind_rules(lua_State *L)
{
	return state_of(L)->rules;
}

/* bind_push_str - a slice */
void
bind_push_str(lua_State *L, weir_str s)
{
	limit_charge_octets(L, s.len);
	lua_pushlstring(L, s.ptr, s.len);
}

/* bind_push_buf - memory is not refused while there is something to free; it
   counts, and the next piece of work finds that it was too much */
void
bind_push_buf(lua_State *L, struct buf *b)
{
	struct state *s = state_of(L);
	struct limit *l = s->limit;

	s->limit = NULL;
	lua_pushlstring(L, b->ptr != NULL ? b->ptr : "", b->len);
	s->limit = l;
	if (l != NULL)
		l->memory += (int64_t)b->len;
	buf_fini(b);
}

/* bind_check - raise unless it went well */
void
bind_check(lua_State *L, const char *what, int status)
{
	if (status < 0)
		luaL_error(L, "%s: %s", what, status_name(status));
}

/* bind_wall_ms - the host's clock */
int64_t
bind_wall_ms(lua_State *L)
{
	struct rules *r = bind_rules(L);

	return r->host->wall_ms(r->self);
}

/* bind_content - does this rule see the header, or the body */
struct round *
bind_content(lua_State *L, const char *what, enum rule_content content)
{
	struct round *round = round_of(L);

	if (round->rule->content < content)
		luaL_error(L, "%s needs content = \"%s\" in the rule", what,
		    content == RULE_BODY ? "body" : "headers");
	return round;
}

/* bind_rcpt - a recipient: an entry of mail.rcpts, its address, its index */
uint32_t
bind_rcpt(lua_State *L, int i)
{
	struct round *round = round_of(L);
	const struct weir_host *host = round->rules->host;
	uint32_t count = host->rcpt_count(round->call);
	weir_str address, have;

	if (lua_isnoneornil(L, i))
		return round->rcpt;
	if (lua_istable(L, i)) {
		lua_pushliteral(L, "index");
		lua_rawget(L, i);
		lua_replace(L, i);
	}
	if (lua_type(L, i) == LUA_TNUMBER) {
		lua_Integer n = lua_tointeger(L, i);

		luaL_argcheck(L, n >= 1 && n <= (lua_Integer)count, i,
		    "no such recipient");
		return (uint32_t)n - 1;
	}
	address.ptr = luaL_checklstring(L, i, &address.len);
	for (uint32_t k = 0; k < count; k++) {
		if (host->attr_get(round->call, WEIR_A_RCPT, k, &have) ==
		    WEIR_OK && text_case_equal(address, have))
			return k;
	}
	return (uint32_t)luaL_argerror(L, i, "no such recipient");
}

/* bind_unknown - mail has no such thing: name the nearest */
static int
bind_unknown(lua_State *L, const char *word)
{
	const char *names[BIND_NAMES_MAX + 1];
	const char *near;
	size_t n = 0;

	for (const struct bind_group *g = bind_groups; g->title != NULL; g++) {
		if (g->kind != BIND_PROPERTY && g->kind != BIND_METHOD)
			continue;
		for (const struct bind_row *row = g->rows; row->name != NULL;
		     row++) {
			if (n < BIND_NAMES_MAX)
				names[n++] = row->name;
		}
	}
	names[n] = NULL;
	near = text_nearest(word, names);
	return luaL_error(L, "mail has no \"%s\"%s%s%s", word,
	    near != NULL ? " (did you mean \"" : "", near != NULL ? near : "",
	    near != NULL ? "\"?)" : "");
}

/* bind_index - mail.NAME: upvalue 1 holds properties, 2 methods */
static int
bind_index(lua_State *L)
{
	lua_CFunction fn;

	lua_pushvalue(L, 2);
	if (lua_rawget(L, lua_upvalueindex(2)) != LUA_TNIL)
		return 1;
	lua_settop(L, 2);
	lua_pushvalue(L, 2);
	lua_rawget(L, lua_upvalueindex(1));
	fn = lua_tocfunction(L, -1);
	if (fn == NULL)
		return bind_unknown(L, luaL_tolstring(L, 2, NULL));
	lua_settop(L, 1);
	return fn(L);
}

/* bind_rows - functions into the table on top */
static void
bind_rows(lua_State *L, const struct bind_row *rows)
{
	for (; rows->name != NULL; rows++) {
		const char *dot = strchr(rows->name, '.');

		if (dot == NULL) {
			lua_pushcfunction(L, rows->fn);
			lua_setfield(L, -2, rows->name);
			continue;
		}
		lua_pushlstring(L, rows->name, (size_t)(dot - rows->name));
		lua_pushvalue(L, -1);
		if (lua_rawget(L, -3) != LUA_TTABLE) {
			lua_pop(L, 1);
			lua_newtable(L);
			lua_pushvalue(L, -2);
			lua_pushvalue(L, -2);
			lua_rawset(L, -5);
		}
		lua_pushcfunction(L, rows->fn);
		lua_setfield(L, -2, dot + 1);
		lua_pop(L, 2);
	}
}

/* bind_kind - all rows of a kind into the table on top */
static void
bind_kind(lua_State *L, enum bind_kind kind)
{
	for (const struct bind_group *g = bind_groups; g->title != NULL; g++) {
		if (g->kind == kind)
			bind_rows(L, g->rows);
	}
}

/* bind_init - the object `mail` of a new state */
void
bind_init(lua_State *L)
{
	lua_newuserdatauv(L, 0, 0);
	lua_newtable(L);
	lua_newtable(L);
	bind_kind(L, BIND_PROPERTY);
	lua_newtable(L);
	bind_kind(L, BIND_METHOD);
	lua_pushcclosure(L, bind_index, 2);
	lua_setfield(L, -2, "__index");
	lua_pushliteral(L, "mail");
	lua_setfield(L, -2, "__name");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &bind_mail);
	regex_init(L);
	object_init(L);
	action_init(L);
}

/* bind_push_mail - for a rule's function */
void
bind_push_mail(lua_State *L)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, &bind_mail);
}

/* bind_push_globals - weir, rule, objects and actions */
void
bind_push_globals(lua_State *L)
{
	lua_newtable(L);
	bind_kind(L, BIND_WEIR);
	bind_push_call(L);
	lua_setfield(L, -2, "call");
	lua_setfield(L, -2, "weir");
	bind_kind(L, BIND_GLOBAL);
}

/* bind_begin - something is about to be started */
void *
bind_begin(lua_State *L, const char *what)
{
	coro_check(L, what);
	round_of(L);
	return coro_handle(L);
}

/* bind_waits - it was started, or not */
static void
bind_waits(lua_State *L, const char *what, int status)
{
	if (status < 0)
		luaL_error(L, "%s: %s", what, status_name(status));
	bind_coros = state_of(L)->rules->coros;
}

/* bind_wait - the results are what was pushed */
int
bind_wait(lua_State *L, const char *what, int status)
{
	bind_waits(L, what, status);
	return coro_wait(L);
}

/* bind_wait_k - k says what the results are */
int
bind_wait_k(lua_State *L, const char *what, int status, lua_KFunction k)
{
	bind_waits(L, what, status);
	return coro_wait_k(L, k);
}

/* bind_end - it has completed */
struct coro *
bind_end(void *handle, weir_call *call, int status)
{
	struct coro *c = bind_coros != NULL ? coro_find(bind_coros, handle) :
					      NULL;
	struct round *round;

	if (c == NULL)
		return NULL;
	round = c->arg;
	if (round->call != call)
		return NULL;
	if (!round_is_gone(round, status))
		return c;
	round_abandon(round);
	return NULL;
}

/* bind_resume - with what was pushed on c->L */
void
bind_resume(struct coro *c, int nresults)
{
	struct round *round = c->arg;
	struct state *s = c->state;

	s->round = round;
	coro_resume(c, nresults);
	s->round = NULL;
	round_gauges(s->rules);
}
