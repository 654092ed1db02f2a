/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bind_rcpt - the recipients that a rule still may decide about. */
#include <string.h>

#include "base/text.h"
#include "lua/bind.h"
#include "lua/effect.h"

/* bind_rcpt_push - one recipient as a plain table */
static void
bind_rcpt_push(lua_State *L, uint32_t i, weir_str address)
{
	const char *at = memrchr(address.ptr, '@', address.len);
	luaL_Buffer b;

	lua_createtable(L, 0, 3);
	lua_pushinteger(L, (lua_Integer)i + 1);
	lua_setfield(L, -2, "index");
	bind_push_str(L, address);
	lua_setfield(L, -2, "address");
	luaL_buffinit(L, &b);
	for (const char *p = at; p != NULL && ++p < address.ptr + address.len;)
		luaL_addchar(&b, text_lower(*p));
	luaL_pushresult(&b);
	lua_setfield(L, -2, "domain");
}

/* bind_rcpt_rcpts - mail:rcpts() */
static int
bind_rcpt_rcpts(lua_State *L)
{
	struct round *round = round_of(L);
	const struct weir_host *host = round->rules->host;
	uint32_t count = host->rcpt_count(round->call);
	lua_Integer n = 0;
	weir_str address;

	lua_newtable(L);
	for (uint32_t i = 0; i < count; i++) {
		if (host->attr_get(round->call, WEIR_A_RCPT, i, &address) !=
		    WEIR_OK || (round->stage == WEIR_STAGE_EOM &&
		    effect_is_decided(round, i)))
			continue;
		limit_charge(L, 20);
		bind_rcpt_push(L, i, address);
		lua_rawseti(L, -2, ++n);
	}
	return 1;
}

/* bind_rcpt_count - mail:rcpt_count() */
static int
bind_rcpt_count(lua_State *L)
{
	struct round *round = round_of(L);

	lua_pushinteger(L, round->rules->host->rcpt_count(round->call));
	return 1;
}

const struct bind_row bind_rcpt_rows[] = {
	{ "rcpts", "mail:rcpts()",
	    "A list of {index, address, domain} of the recipients so far; at "
	    "eom without those that a rule has decided about. Such an entry, "
	    "its address or its index is what \"rcpt\" means below.",
	    bind_rcpt_rcpts },
	{ "rcpt_count", "mail:rcpt_count()",
	    "How many recipients were named so far, refused ones included.",
	    bind_rcpt_count },
	{ NULL, NULL, NULL, NULL }
};
