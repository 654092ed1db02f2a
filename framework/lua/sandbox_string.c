/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sandbox_string - string and utf8 for rules, every function bounded. */
#include <string.h>

#include "lua/limit.h"
#include "lua/match.h"
#include "lua/sandbox.h"
#include "lua/state.h"

/* steps of the matcher in the time of one instruction */
#define SANDBOX_STEPS 4
/* without a limit (files are being loaded by tools) */
#define SANDBOX_STEPS_MAX 100000000u

/* sandbox_in - charge for the first argument, then do it */
static int
sandbox_in(lua_State *L)
{
	size_t len = 0;

	if (lua_type(L, 1) == LUA_TSTRING)
		lua_tolstring(L, 1, &len);
	limit_charge_octets(L, len);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
	return lua_gettop(L);
}

/* sandbox_out - do it, then charge for the first result */
static int
sandbox_out(lua_State *L)
{
	size_t len = 0;

	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
	if (lua_type(L, 1) == LUA_TSTRING)
		lua_tolstring(L, 1, &len);
	limit_charge_octets(L, len);
	return lua_gettop(L);
}

/* sandbox_charge_in - wrap the function on the stack */
void
sandbox_charge_in(lua_State *L)
{
	lua_pushcclosure(L, sandbox_in, 1);
}

/* sandbox_charge_out - wrap the function on the stack */
void
sandbox_charge_out(lua_State *L)
{
	lua_pushcclosure(L, sandbox_out, 1);
}

/* sandbox_rep - string.rep, of a size that we can bear */
static int
sandbox_rep(lua_State *L)
{
	size_t len, seplen, total;
	const char *s = luaL_checklstring(L, 1, &len);
	lua_Integer n = luaL_checkinteger(L, 2);
	const char *sep = luaL_optlstring(L, 3, "", &seplen);
	luaL_Buffer b;
	char *p;

	if (n <= 0 || len + seplen == 0) {
		lua_pushliteral(L, "");
		return 1;
	}
	if (len > SANDBOX_STRING_MAX || seplen > SANDBOX_STRING_MAX ||
	    (lua_Unsigned)n > SANDBOX_STRING_MAX / (len + seplen))
		return limit_refuse(L, "memory", "string.rep: the result would "
		    "be larger than " SANDBOX_TEXT(SANDBOX_STRING_MAX)
		    " octets");
	total = (len + seplen) * (size_t)n - seplen;
	limit_charge_octets(L, total);
	limit_charge(L, (uint64_t)n / 4);
	p = luaL_buffinitsize(L, &b, total);
	while (n-- > 0) {
		memcpy(p, s, len);
		p += len;
		if (n > 0) {
			memcpy(p, sep, seplen);
			p += seplen;
		}
	}
	luaL_pushresultsize(&b, total);
	return 1;
}

/* sandbox_match_init - with what is left of the call's instructions */
static void
sandbox_match_init(lua_State *L, struct match *m, int subject, int pattern)
{
	const struct limit *l = state_of(L)->limit;
	uint64_t steps = SANDBOX_STEPS_MAX;
	size_t slen, plen;
	const char *s = luaL_checklstring(L, subject, &slen);
	const char *p = luaL_checklstring(L, pattern, &plen);

	if (l != NULL)
		steps = l->instructions < l->max->instructions ?
		    (l->max->instructions - l->instructions + 1) *
			SANDBOX_STEPS : SANDBOX_STEPS;
	match_init(m, s, slen, p, plen, steps);
}

/* sandbox_match_charge - for the steps since the last time; raises the
   matcher's error */
static void
sandbox_match_charge(lua_State *L, struct match *m)
{
	uint64_t steps = m->steps;

	m->steps = 0;
	m->max_steps -= steps < m->max_steps ? steps : m->max_steps;
	limit_charge(L, steps / SANDBOX_STEPS + 1);
	if (m->error != NULL)
		luaL_error(L, "%s", m->error);
}

/* sandbox_push_capture - number i, or the whole match if there is none */
static void
sandbox_push_capture(lua_State *L, const struct match *m, unsigned i,
    const char *s, const char *e)
{
	if (i >= m->captures) {
		if (i > 0)
			luaL_error(L, "invalid capture index %%%d", i + 1);
		lua_pushlstring(L, s, (size_t)(e - s));
	} else if (m->capture[i].len == MATCH_POSITION) {
		lua_pushinteger(L, m->capture[i].start - m->subject + 1);
	} else {
		lua_pushlstring(L, m->capture[i].start,
		    (size_t)m->capture[i].len);
	}
}

/* sandbox_push_captures - all; whole: the match itself if there are none */
static int
sandbox_push_captures(lua_State *L, const struct match *m, const char *s,
    const char *e, int whole)
{
	unsigned n = m->captures == 0 && whole ? 1 : m->captures;

	luaL_checkstack(L, (int)n, "too many captures");
	for (unsigned i = 0; i < n; i++)
		sandbox_push_capture(L, m, i, s, e);
	return (int)n;
}

/* sandbox_start - where to begin: argument i, 1-based, may be negative */
static size_t
sandbox_start(lua_State *L, int i, size_t len)
{
	lua_Integer at = luaL_optinteger(L, i, 1);

	if (at > 0)
		return (size_t)at - 1;
	if (at == 0 || at < -(lua_Integer)len)
		return 0;
	return len - (size_t)-at;
}

/* sandbox_search - from s on: the start of the match and *e its end */
static const char *
sandbox_search(lua_State *L, struct match *m, const char *s, bool anchor,
    const char **e)
{
	for (;; s++) {
		*e = match_at(m, s);
		if (*e != NULL || m->error != NULL || anchor ||
		    s >= m->subject_end)
			break;
	}
	sandbox_match_charge(L, m);
	return *e != NULL ? s : NULL;
}

/* sandbox_is_plain - no character that means something */
static bool
sandbox_is_plain(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] != '\0' && strchr("^$*+?.([%-", p[i]) != NULL)
			return false;
	}
	return true;
}

/* sandbox_find_plain - string.find of a text */
static int
sandbox_find_plain(lua_State *L, const struct match *m, size_t init)
{
	size_t plen = (size_t)(m->pattern_end - m->pattern);
	const char *s = m->subject + init, *r;

	/* memmem is linear (two-way), whatever the needle */
	limit_charge_octets(L, (size_t)(m->subject_end - s) + plen);
	r = memmem(s, (size_t)(m->subject_end - s), m->pattern, plen);
	if (r == NULL) {
		lua_pushnil(L);
		return 1;
	}
	lua_pushinteger(L, r - m->subject + 1);
	lua_pushinteger(L, r - m->subject + (ptrdiff_t)plen);
	return 2;
}

/* sandbox_find_aux - string.find and string.match */
static int
sandbox_find_aux(lua_State *L, bool find)
{
	struct match m;
	const char *s, *e;
	size_t init;
	bool anchor;

	sandbox_match_init(L, &m, 1, 2);
	init = sandbox_start(L, 3, (size_t)(m.subject_end - m.subject));
	if (init > (size_t)(m.subject_end - m.subject)) {
		lua_pushnil(L);
		return 1;
	}
	if (find && (lua_toboolean(L, 4) ||
	    sandbox_is_plain(m.pattern, (size_t)(m.pattern_end - m.pattern))))
		return sandbox_find_plain(L, &m, init);
	anchor = m.pattern < m.pattern_end && *m.pattern == '^';
	if (anchor)
		m.pattern++;
	s = sandbox_search(L, &m, m.subject + init, anchor, &e);
	if (s == NULL) {
		lua_pushnil(L);
		return 1;
	}
	if (!find)
		return sandbox_push_captures(L, &m, s, e, 1);
	lua_pushinteger(L, s - m.subject + 1);
	lua_pushinteger(L, e - m.subject);
	return 2 + sandbox_push_captures(L, &m, s, e, 0);
}

static int
sandbox_find(lua_State *L)
{
	return sandbox_find_aux(L, true);
}

static int
sandbox_match(lua_State *L)
{
	return sandbox_find_aux(L, false);
}

/* sandbox_gmatch_next - upvalues: subject, pattern, position, end of the last
   match (-1: none yet) */
static int
sandbox_gmatch_next(lua_State *L)
{
	struct match m;
	size_t at = (size_t)lua_tointeger(L, lua_upvalueindex(3));
	lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
	const char *s, *e;

	sandbox_match_init(L, &m, lua_upvalueindex(1), lua_upvalueindex(2));
	for (s = m.subject + at; s <= m.subject_end; s++) {
		e = match_at(&m, s);
		if (m.error != NULL)
			break;
		/* an empty match where the last one ended is none */
		if (e == NULL || e - m.subject == last)
			continue;
		sandbox_match_charge(L, &m);
		lua_pushinteger(L, e - m.subject);
		lua_copy(L, -1, lua_upvalueindex(3));
		lua_copy(L, -1, lua_upvalueindex(4));
		return sandbox_push_captures(L, &m, s, e, 1);
	}
	sandbox_match_charge(L, &m);
	return 0;
}

/* sandbox_gmatch - string.gmatch(s, pattern [, init]) */
static int
sandbox_gmatch(lua_State *L)
{
	size_t len, init;

	luaL_checklstring(L, 1, &len);
	luaL_checkstring(L, 2);
	init = sandbox_start(L, 3, len);
	if (init > len)
		init = len + 1;
	lua_settop(L, 2);
	lua_pushinteger(L, (lua_Integer)init);
	lua_pushinteger(L, -1);
	lua_pushcclosure(L, sandbox_gmatch_next, 4);
	return 1;
}

/* sandbox_gsub_text - the replacement string with %0 to %9 */
static void
sandbox_gsub_text(lua_State *L, struct match *m, luaL_Buffer *b,
    const char *s, const char *e)
{
	size_t len;
	const char *r = lua_tolstring(L, 3, &len);

	for (size_t i = 0; i < len; i++) {
		if (r[i] != '%') {
			luaL_addchar(b, r[i]);
			continue;
		}
		i++;
		if (i < len && r[i] == '%') {
			luaL_addchar(b, '%');
		} else if (i < len && r[i] == '0') {
			luaL_addlstring(b, s, (size_t)(e - s));
		} else if (i < len && r[i] >= '1' && r[i] <= '9') {
			sandbox_push_capture(L, m, (unsigned)(r[i] - '1'), s,
			    e);
			luaL_tolstring(L, -1, NULL);
			lua_remove(L, -2);
			luaL_addvalue(b);
		} else {
			luaL_error(L, "invalid use of '%%' in replacement "
			    "string");
		}
	}
	limit_charge_octets(L, 4 * len + (size_t)(e - s));
}

/* sandbox_gsub_value - the replacement from a table or function */
static void
sandbox_gsub_value(lua_State *L, struct match *m, luaL_Buffer *b,
    const char *s, const char *e)
{
	if (lua_type(L, 3) == LUA_TFUNCTION) {
		int n;

		lua_pushvalue(L, 3);
		n = sandbox_push_captures(L, m, s, e, 1);
		lua_call(L, n, 1);
	} else {
		sandbox_push_capture(L, m, 0, s, e);
		lua_gettable(L, 3);
	}
	if (!lua_toboolean(L, -1)) {
		lua_pop(L, 1);
		lua_pushlstring(L, s, (size_t)(e - s));
	} else if (!lua_isstring(L, -1)) {
		luaL_error(L, "invalid replacement value (a %s)",
		    luaL_typename(L, -1));
	}
	luaL_addvalue(b);
	limit_charge_octets(L, (size_t)(e - s));
}

/* sandbox_gsub - string.gsub(s, pattern, replacement [, n]) */
static int
sandbox_gsub(lua_State *L)
{
	struct match m;
	int type = lua_type(L, 3);
	lua_Integer max, n = 0;
	const char *s, *e, *last = NULL;
	bool anchor;
	luaL_Buffer b;

	sandbox_match_init(L, &m, 1, 2);
	luaL_argexpected(L, type == LUA_TNUMBER || type == LUA_TSTRING ||
	    type == LUA_TFUNCTION || type == LUA_TTABLE, 3,
	    "string/function/table");
	max = luaL_optinteger(L, 4, m.subject_end - m.subject + 1);
	anchor = m.pattern < m.pattern_end && *m.pattern == '^';
	if (anchor)
		m.pattern++;
	luaL_buffinit(L, &b);
	for (s = m.subject; n < max;) {
		e = match_at(&m, s);
		sandbox_match_charge(L, &m);
		if (e != NULL && e != last) {
			n++;
			if (type == LUA_TFUNCTION || type == LUA_TTABLE)
				sandbox_gsub_value(L, &m, &b, s, e);
			else
				sandbox_gsub_text(L, &m, &b, s, e);
			s = last = e;
		} else if (s < m.subject_end) {
			luaL_addchar(&b, *s++);
		} else {
			break;
		}
		if (anchor)
			break;
	}
	luaL_addlstring(&b, s, (size_t)(m.subject_end - s));
	luaL_pushresult(&b);
	lua_pushinteger(L, n);
	return 2;
}

/* sandbox_wrap - a function of a library of ours, charged, into the table on
   top */
static void
sandbox_wrap(lua_State *L, const char *lib, const char *name,
    void (*charge)(lua_State *))
{
	lua_getglobal(L, lib);
	lua_getfield(L, -1, name);
	lua_remove(L, -2);
	if (charge != NULL && lua_isfunction(L, -1))
		charge(L);
	lua_setfield(L, -2, name);
}

/* sandbox_push_string - string */
void
sandbox_push_string(lua_State *L)
{
	static const luaL_Reg own[] = { { "rep", sandbox_rep },
		{ "find", sandbox_find }, { "match", sandbox_match },
		{ "gmatch", sandbox_gmatch }, { "gsub", sandbox_gsub },
		{ NULL, NULL } };

	luaL_newlib(L, own);
	sandbox_wrap(L, "string", "len", NULL);
	sandbox_wrap(L, "string", "char", NULL);
	sandbox_wrap(L, "string", "sub", sandbox_charge_out);
	sandbox_wrap(L, "string", "format", sandbox_charge_out);
	sandbox_wrap(L, "string", "byte", NULL);
	sandbox_wrap(L, "string", "lower", sandbox_charge_in);
	sandbox_wrap(L, "string", "upper", sandbox_charge_in);
	sandbox_wrap(L, "string", "reverse", sandbox_charge_in);
}

/* sandbox_push_utf8 - utf8 */
void
sandbox_push_utf8(lua_State *L)
{
	lua_newtable(L);
	sandbox_wrap(L, "utf8", "char", NULL);
	sandbox_wrap(L, "utf8", "charpattern", NULL);
	sandbox_wrap(L, "utf8", "codes", NULL);
	sandbox_wrap(L, "utf8", "codepoint", sandbox_charge_in);
	sandbox_wrap(L, "utf8", "len", sandbox_charge_in);
	sandbox_wrap(L, "utf8", "offset", sandbox_charge_in);
}
