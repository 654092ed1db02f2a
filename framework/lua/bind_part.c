/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bind_part - MIME parts, their text, links, anomalies. */
#include <string.h>

#include "lua/bind.h"

#define BIND_PARTS_MAX 1000
#define BIND_NAMES_MAX 50
#define BIND_TEXT_DEFAULT (256 * 1024)
#define BIND_LINKS_MAX 2000

static const char *const bind_anomalies[] = { NULL, "parts", "depth", "header",
	"dup_boundary", "dup_content_type", "dup_encoding", "bad_boundary",
	"no_end", "nested_boundary", "bad_encoding", "bare_cr", "bad_header",
	"names_differ", "bad_base64", "multi_from", "partial" };

/* bind_part_set - a text field of the table on top */
static void
bind_part_set(lua_State *L, const char *key, weir_str value)
{
	bind_push_str(L, value);
	lua_setfield(L, -2, key);
}

/* bind_part_flag - a boolean field of the table on top */
static void
bind_part_flag(lua_State *L, const char *key, bool value)
{
	lua_pushboolean(L, value);
	lua_setfield(L, -2, key);
}

/* bind_part_push - one part as a plain table */
static void
bind_part_push(lua_State *L, struct round *round, uint32_t i)
{
	const struct weir_mime *mime = round->rules->mime;
	struct weir_mime_part p = { .size = sizeof(p) };
	weir_str name;

	bind_check(L, "mail:parts", mime->part(round->call, i, &p));
	lua_createtable(L, 0, 12);
	lua_pushinteger(L, (lua_Integer)i + 1);
	lua_setfield(L, -2, "index");
	if (p.parent != UINT32_MAX) {
		lua_pushinteger(L, (lua_Integer)p.parent + 1);
		lua_setfield(L, -2, "parent");
	}
	lua_pushinteger(L, p.depth);
	lua_setfield(L, -2, "depth");
	lua_pushinteger(L, (lua_Integer)p.raw_length);
	lua_setfield(L, -2, "size");
	bind_part_set(L, "type", p.type);
	bind_part_set(L, "charset", p.charset);
	bind_part_set(L, "disposition", p.disposition);
	bind_part_flag(L, "leaf", (p.flags & WEIR_MIME_LEAF) != 0);
	bind_part_flag(L, "text", (p.flags & WEIR_MIME_TEXT) != 0);
	bind_part_flag(L, "html", (p.flags & WEIR_MIME_HTML) != 0);
	bind_part_flag(L, "attachment", (p.flags & WEIR_MIME_ATTACHMENT) != 0);
	bind_part_flag(L, "truncated", (p.flags & WEIR_MIME_TRUNCATED) != 0);
	lua_newtable(L);
	for (uint32_t k = 0; k < p.names && k < BIND_NAMES_MAX &&
	     mime->part_name(round->call, i, k, &name) == WEIR_OK; k++) {
		bind_push_str(L, name);
		lua_rawseti(L, -2, (lua_Integer)k + 1);
	}
	lua_setfield(L, -2, "names");
}

/* bind_part_parts - mail:parts() */
static int
bind_part_parts(lua_State *L)
{
	struct round *round = bind_content(L, "mail:parts", RULE_BODY);
	uint32_t count;

	bind_check(L, "mail:parts", round->rules->mime->part_count(round->call,
	    &count));
	lua_newtable(L);
	for (uint32_t i = 0; i < count && i < BIND_PARTS_MAX; i++) {
		limit_charge(L, 50);
		bind_part_push(L, round, i);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

/* bind_part_index - argument 2: a part's table or its number */
static uint32_t
bind_part_index(lua_State *L, struct round *round)
{
	uint32_t count = 0;
	lua_Integer n;

	if (lua_istable(L, 2)) {
		lua_pushliteral(L, "index");
		lua_rawget(L, 2);
		lua_replace(L, 2);
	}
	n = luaL_checkinteger(L, 2);
	round->rules->mime->part_count(round->call, &count);
	luaL_argcheck(L, n >= 1 && n <= (lua_Integer)count, 2,
	    "no such part");
	return (uint32_t)n - 1;
}

/* bind_part_content - text or data of a part, and whether it was cut */
static int
bind_part_content(lua_State *L, const char *what, bool text)
{
	struct round *round = bind_content(L, what, RULE_BODY);
	const struct weir_mime *mime = round->rules->mime;
	uint32_t i = bind_part_index(L, round);
	lua_Integer max = luaL_optinteger(L, 3, BIND_TEXT_DEFAULT);
	weir_str out = { "", 0 };
	int status;

	luaL_argcheck(L, max > 0, 3, "must be more than 0");
	limit_charge(L, 100);
	status = text ? mime->part_text(round->call, i, (size_t)max, &out) :
			mime->part_data(round->call, i, (size_t)max, &out);
	if (status < 0 && status != WEIR_E_LIMIT)
		return luaL_error(L, "%s: %s", what, status_name(status));
	limit_charge_octets(L, 4 * out.len);
	bind_push_str(L, out);
	lua_pushboolean(L, status == WEIR_E_LIMIT);
	return 2;
}

static int
bind_part_text(lua_State *L)
{
	return bind_part_content(L, "mail:part_text", true);
}

static int
bind_part_data(lua_State *L)
{
	return bind_part_content(L, "mail:part_data", false);
}

/* bind_part_header - mail:part_header(part, name) */
static int
bind_part_header(lua_State *L)
{
	struct round *round = bind_content(L, "mail:part_header", RULE_BODY);
	const struct weir_mime *mime = round->rules->mime;
	uint32_t i = bind_part_index(L, round);
	weir_str raw, text;

	if (mime->part_header(round->call, i, luaL_checkstring(L, 3), &raw) !=
	    WEIR_OK) {
		lua_pushnil(L);
		return 1;
	}
	if (mime->header_decode(round->call, raw, &text) != WEIR_OK)
		text = raw;
	bind_push_str(L, text);
	bind_push_str(L, raw);
	return 2;
}

/* bind_part_links - mail:links() */
static int
bind_part_links(lua_State *L)
{
	struct round *round = bind_content(L, "mail:links", RULE_BODY);
	const struct weir_mime *mime = round->rules->mime;
	uint32_t count;
	weir_str url;

	bind_check(L, "mail:links", mime->link_count(round->call, &count));
	lua_newtable(L);
	for (uint32_t i = 0; i < count && i < BIND_LINKS_MAX &&
	     mime->link_at(round->call, i, &url) == WEIR_OK; i++) {
		limit_charge(L, 5);
		bind_push_str(L, url);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

/* bind_part_anomalies - mail:anomalies() */
static int
bind_part_anomalies(lua_State *L)
{
	struct round *round = bind_content(L, "mail:anomalies", RULE_BODY);
	const struct weir_mime *mime = round->rules->mime;
	uint32_t count, code;
	weir_str detail;

	bind_check(L, "mail:anomalies", mime->anomaly_count(round->call,
	    &count));
	lua_newtable(L);
	for (uint32_t i = 0; i < count &&
	     mime->anomaly_at(round->call, i, &code, &detail) == WEIR_OK; i++) {
		limit_charge(L, 5);
		lua_createtable(L, 0, 2);
		lua_pushstring(L, code > 0 && code < sizeof(bind_anomalies) /
		    sizeof(bind_anomalies[0]) ? bind_anomalies[code] :
		    "other");
		lua_setfield(L, -2, "kind");
		bind_part_set(L, "detail", detail);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

const struct bind_row bind_part_rows[] = {
	{ "parts", "mail:parts()",
	    "A list of the MIME parts in order, the root first: {index, "
	    "parent, depth, size, type, charset, disposition, names, leaf, "
	    "text, html, attachment, truncated}. names holds all plausible "
	    "file names, decoded.", bind_part_parts },
	{ "part_text", "mail:part_text(part [, max])",
	    "Its text in UTF-8, HTML as a reader sees it; at most max octets "
	    "(default 256k); then true if it was cut.", bind_part_text },
	{ "part_data", "mail:part_data(part [, max])",
	    "Its octets after transfer decoding, likewise.", bind_part_data },
	{ "part_header", "mail:part_header(part, name)",
	    "The first field of that name in the part's own header: decoded, "
	    "then raw; or nil.", bind_part_header },
	{ "links", "mail:links()",
	    "A list of the URLs in all text and HTML parts, each once.",
	    bind_part_links },
	{ "anomalies", "mail:anomalies()",
	    "A list of {kind, detail}: what readers may read differently, or "
	    "what a limit cut.", bind_part_anomalies },
	{ NULL, NULL, NULL, NULL }
};
