/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bind_message - header fields, macros, networks. */
#include <string.h>

#include "lua/bind.h"

#define BIND_HEADERS_MAX 2000

/* bind_message_decode - raw field value to UTF-8 text */
static void
bind_message_decode(lua_State *L, struct round *round, weir_str raw)
{
	weir_str text;

	limit_charge_octets(L, 4 * raw.len);
	if (round->rules->mime->header_decode(round->call, raw, &text) !=
	    WEIR_OK)
		text = raw;
	bind_push_str(L, text);
}

/* bind_message_field - the n-th field of a name: true and its raw value */
static bool
bind_message_field(lua_State *L, const char *what, weir_str *raw)
{
	struct round *round = bind_content(L, what, RULE_HEADERS);
	const struct weir_host *host = round->rules->host;
	const char *name = luaL_checkstring(L, 2);
	lua_Integer n = luaL_optinteger(L, 3, 1);
	uint32_t count;

	limit_charge(L, 20);
	count = host->header_count(round->call, name);
	if (n < 0)
		n += (lua_Integer)count + 1;
	return n >= 1 && n <= (lua_Integer)count &&
	    host->header_at(round->call, name, (uint32_t)n - 1, NULL, raw) ==
		WEIR_OK;
}

/* bind_message_header - mail:header(name [, n]) */
static int
bind_message_header(lua_State *L)
{
	weir_str raw;

	if (bind_message_field(L, "mail:header", &raw))
		bind_message_decode(L, round_of(L), raw);
	else
		lua_pushnil(L);
	return 1;
}

/* bind_message_raw_header - mail:raw_header(name [, n]) */
static int
bind_message_raw_header(lua_State *L)
{
	weir_str raw;

	if (bind_message_field(L, "mail:raw_header", &raw))
		bind_push_str(L, raw);
	else
		lua_pushnil(L);
	return 1;
}

/* bind_message_header_count - mail:header_count([name]) */
static int
bind_message_header_count(lua_State *L)
{
	struct round *round = bind_content(L, "mail:header_count",
	    RULE_HEADERS);

	lua_pushinteger(L, round->rules->host->header_count(round->call,
	    luaL_optstring(L, 2, NULL)));
	return 1;
}

/* bind_message_headers - mail:headers([name]): names are data, never keys */
static int
bind_message_headers(lua_State *L)
{
	struct round *round = bind_content(L, "mail:headers", RULE_HEADERS);
	const struct weir_host *host = round->rules->host;
	const char *only = luaL_optstring(L, 2, NULL);
	weir_str name, raw;

	lua_newtable(L);
	for (uint32_t i = 0; i < BIND_HEADERS_MAX &&
	     host->header_at(round->call, only, i, &name, &raw) == WEIR_OK;
	     i++) {
		limit_charge(L, 10);
		lua_createtable(L, 0, 3);
		bind_push_str(L, name);
		lua_setfield(L, -2, "name");
		bind_message_decode(L, round, raw);
		lua_setfield(L, -2, "value");
		bind_push_str(L, raw);
		lua_setfield(L, -2, "raw");
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

/* bind_message_macro - mail:macro(name) */
static int
bind_message_macro(lua_State *L)
{
	struct round *round = round_of(L);
	weir_str value;

	if (round->rules->host->macro_get(round->call, luaL_checkstring(L, 2),
	    &value) == WEIR_OK)
		bind_push_str(L, value);
	else
		lua_pushnil(L);
	return 1;
}

/* bind_message_in_networks - mail:in_networks(name [, addr]) */
static int
bind_message_in_networks(lua_State *L)
{
	struct round *round = round_of(L);
	const char *name = luaL_checkstring(L, 2);
	int yes = round->rules->host->in_networks(round->call, name,
	    luaL_optstring(L, 3, NULL));

	if (yes == WEIR_E_NOTFOUND)
		return luaL_error(L, "there is no networks \"%s\" in the "
		    "configuration", name);
	lua_pushboolean(L, yes == 1);
	return 1;
}

const struct bind_row bind_message_rows[] = {
	{ "header", "mail:header(name [, n])",
	    "The n-th field of that name (default the first, -1 the last), "
	    "unfolded and decoded to UTF-8, or nil.", bind_message_header },
	{ "raw_header", "mail:raw_header(name [, n])",
	    "The same as it came: folded, not decoded, with the blank behind "
	    "the colon.", bind_message_raw_header },
	{ "header_count", "mail:header_count([name])",
	    "How many fields, of that name or in all.",
	    bind_message_header_count },
	{ "headers", "mail:headers([name])",
	    "A list of {name, value, raw}, in order; value is decoded.",
	    bind_message_headers },
	{ "macro", "mail:macro(name)",
	    "An MTA macro: \"i\", \"{auth_authen}\"; or nil.",
	    bind_message_macro },
	{ "in_networks", "mail:in_networks(name [, address])",
	    "Is the client, or that address, in networks \"name\" of "
	    "weir.conf?", bind_message_in_networks },
	{ NULL, NULL, NULL, NULL }
};
