/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/check.h"
#include "lua/bind.h"

/* about 2 ms of backtracking */
#define REGEX_MATCH_LIMIT 100000
#define REGEX_DEPTH_LIMIT 1000
#define REGEX_HEAP_LIMIT 1024 /* KiB */
#define REGEX_PAIRS 32

#define REGEX_TYPE "weir.regex"

struct regex {
	pcre2_code *code;
};

static pcre2_match_context *regex_context;
static pcre2_match_data *regex_data;

/* regex_options - from letters */
static bool
regex_options(const char *flags, uint32_t *options)
{
	*options = PCRE2_NEVER_BACKSLASH_C;
	for (; *flags != '\0'; flags++) {
		switch (*flags) {
		case 'i':
			*options |= PCRE2_CASELESS;
			break;
		case 'm':
			*options |= PCRE2_MULTILINE;
			break;
		case 's':
			*options |= PCRE2_DOTALL;
			break;
		case 'x':
			*options |= PCRE2_EXTENDED;
			break;
		case 'u':
			*options |= PCRE2_UTF | PCRE2_MATCH_INVALID_UTF;
			break;
		case 'a':
			*options |= PCRE2_ANCHORED | PCRE2_ENDANCHORED;
			break;
		default:
			return false;
		}
	}
	return true;
}

/* regex_create - compile */
struct regex *
regex_create(const char *pattern, size_t len, const char *flags,
    struct err *err)
{
	struct regex *r;
	pcre2_code *code;
	PCRE2_UCHAR text[200];
	PCRE2_SIZE at;
	uint32_t options;
	int error;

	if (!regex_options(flags, &options)) {
		err_set(err, 0, "flags \"%s\" are not of imsxua", flags);
		return NULL;
	}
	if (len > REGEX_LENGTH_MAX) {
		err_set(err, 0, "longer than %d octets", REGEX_LENGTH_MAX);
		return NULL;
	}
	code = pcre2_compile((PCRE2_SPTR)pattern, len, options, &error, &at,
	    NULL);
	if (code == NULL) {
		pcre2_get_error_message(error, text, sizeof(text));
		err_set(err, 0, "%s (at octet %zu)", (char *)text, at + 1);
		return NULL;
	}
	/* where memory may not become code the interpreter does it */
	pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
	if (regex_context == NULL) {
		regex_context = pcre2_match_context_create(NULL);
		regex_data = pcre2_match_data_create(REGEX_PAIRS, NULL);
		expect(regex_context != NULL && regex_data != NULL);
		pcre2_set_match_limit(regex_context, REGEX_MATCH_LIMIT);
		pcre2_set_depth_limit(regex_context, REGEX_DEPTH_LIMIT);
		pcre2_set_heap_limit(regex_context, REGEX_HEAP_LIMIT);
	}
	r = xcalloc(1, sizeof(*r));
	r->code = code;
	return r;
}

/* regex_destroy - free */
void
regex_destroy(struct regex **regex)
{
	struct regex *r = *regex;

	if (r == NULL)
		return;
	*regex = NULL;
	pcre2_code_free(r->code);
	free(r);
}

/* regex_match - from start on */
int
regex_match(const struct regex *regex, const char *subject, size_t len,
    size_t start, const size_t **ovector)
{
	int n = pcre2_match(regex->code, (PCRE2_SPTR)subject, len, start, 0,
	    regex_data, regex_context);

	if (n == PCRE2_ERROR_NOMATCH)
		return 0;
	if (n < 0)
		return n <= PCRE2_ERROR_UTF8_ERR1 && n >= PCRE2_ERROR_UTF8_ERR21
		    ? WEIR_E_INVAL : WEIR_E_LIMIT;
	if (ovector != NULL)
		*ovector = pcre2_get_ovector_pointer(regex_data);
	return n == 0 ? REGEX_PAIRS : n;
}

/* regex_of - argument i, an object of weir.regex */
static struct regex *
regex_of(lua_State *L, int i)
{
	struct regex **box = luaL_checkudata(L, i, REGEX_TYPE);

	return *box;
}

/* regex_run - match argument 2 of a method, charged */
static int
regex_run(lua_State *L, size_t start, const size_t **ov)
{
	size_t len;
	const char *s = luaL_checklstring(L, 2, &len);
	int n;

	limit_charge(L, 30 + (len > start ? len - start : 0) / 8);
	if (start > len)
		return 0;
	n = regex_match(regex_of(L, 1), s, len, start, ov);
	if (n < 0)
		return luaL_error(L, n == WEIR_E_LIMIT ? "the regular "
		    "expression takes too many steps for this text" :
		    "the text is not UTF-8");
	return n;
}

/* regex_push - capture i */
static void
regex_push(lua_State *L, const size_t *ov, int i)
{
	const char *s = lua_tostring(L, 2);

	if (ov[2 * i] == PCRE2_UNSET)
		lua_pushnil(L);
	else
		lua_pushlstring(L, s + ov[2 * i], ov[2 * i + 1] - ov[2 * i]);
}

/* regex_lua_match - re:match(text [, init]): captures, or the match */
static int
regex_lua_match(lua_State *L)
{
	lua_Integer init = luaL_optinteger(L, 3, 1);
	const size_t *ov;
	int n;

	luaL_argcheck(L, init >= 1, 3, "must be 1 or more");
	n = regex_run(L, (size_t)init - 1, &ov);
	if (n == 0) {
		lua_pushnil(L);
		return 1;
	}
	if (n == 1) {
		regex_push(L, ov, 0);
		return 1;
	}
	luaL_checkstack(L, n, NULL);
	for (int i = 1; i < n; i++)
		regex_push(L, ov, i);
	return n - 1;
}

/* regex_lua_find - re:find(text [, init]): first and last octet */
static int
regex_lua_find(lua_State *L)
{
	lua_Integer init = luaL_optinteger(L, 3, 1);
	const size_t *ov;

	luaL_argcheck(L, init >= 1, 3, "must be 1 or more");
	if (regex_run(L, (size_t)init - 1, &ov) == 0) {
		lua_pushnil(L);
		return 1;
	}
	lua_pushinteger(L, (lua_Integer)ov[0] + 1);
	lua_pushinteger(L, (lua_Integer)ov[1]);
	return 2;
}

/* regex_gc - the collector frees it */
static int
regex_gc(lua_State *L)
{
	regex_destroy(luaL_checkudata(L, 1, REGEX_TYPE));
	return 0;
}

/* regex_init - the type */
void
regex_init(lua_State *L)
{
	static const luaL_Reg methods[] = { { "match", regex_lua_match },
		{ "find", regex_lua_find }, { NULL, NULL } };

	luaL_newmetatable(L, REGEX_TYPE);
	lua_pushcfunction(L, regex_gc);
	lua_setfield(L, -2, "__gc");
	luaL_newlib(L, methods);
	lua_setfield(L, -2, "__index");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);
}

/* regex_lua_new - weir.regex(pattern [, flags]) */
static int
regex_lua_new(lua_State *L)
{
	size_t len;
	const char *pattern = luaL_checklstring(L, 1, &len);
	const char *flags = luaL_optstring(L, 2, "");
	struct regex **box;
	struct err err;

	/* compiling has no budget, and a pattern from mail would be an attack */
	if (!bind_rules(L)->loading)
		return luaL_error(L, "weir.regex: make it at the top of the "
		    "file, not in a rule");
	box = lua_newuserdatauv(L, sizeof(*box), 0);
	*box = NULL;
	luaL_setmetatable(L, REGEX_TYPE);
	*box = regex_create(pattern, len, flags, &err);
	if (*box == NULL)
		return luaL_error(L, "weir.regex: %s", err.text);
	return 1;
}

const struct bind_row bind_regex_rows[] = {
	{ "regex", "weir.regex(pattern [, flags])",
	    "A compiled PCRE2 expression; flags of \"imsxua\": "
	    "case-insensitive, multi-line, dot matches line ends, extended, "
	    "UTF-8, anchored at both ends. re:match(text [, init]) gives the "
	    "captures (or the match) or nil; re:find(text [, init]) the first "
	    "and last octet or nil. Only at the top of a file.",
	    regex_lua_new },
	{ NULL, NULL, NULL, NULL }
};
