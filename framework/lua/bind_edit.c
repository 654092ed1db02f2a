/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bind_edit - changes to the message, made when all rules have spoken. */
#include <string.h>

#include "lua/bind.h"
#include "lua/edit_text.h"
#include "lua/effect.h"

/* bind_edit_str - argument i as a slice */
static weir_str
bind_edit_str(lua_State *L, int i)
{
	weir_str s;

	s.ptr = luaL_checklstring(L, i, &s.len);
	return s;
}

/* bind_edit_name - a field name: printable, no colon */
static weir_str
bind_edit_name(lua_State *L, int i)
{
	weir_str name = bind_edit_str(L, i);

	luaL_argcheck(L, edit_text_is_name(name), i, "not a field name");
	return name;
}

/* bind_edit_value - UTF-8 to a header value: encoded, on one line */
static weir_str
bind_edit_value(lua_State *L, int i)
{
	weir_str text = bind_edit_str(L, i), out;

	out.ptr = lua_newuserdatauv(L, edit_text_room(text), 0);
	out.len = edit_text_value(text, (char *)(uintptr_t)out.ptr);
	limit_charge_octets(L, 8 * text.len);
	return out;
}

/* bind_edit_put - queue it */
static int
bind_edit_put(lua_State *L, const char *what, enum effect_edit kind,
    uint32_t n, weir_str name, weir_str value)
{
	struct round *round = round_of(L);
	int status = effect_edit(round, kind, n, name, value);

	if (status == WEIR_E_STATE)
		return luaL_error(L, "%s: only at stage eom", what);
	bind_check(L, what, status);
	return 0;
}

/* bind_edit_add - mail:add_header(name, value) */
static int
bind_edit_add(lua_State *L)
{
	weir_str name = bind_edit_name(L, 2);

	return bind_edit_put(L, "mail:add_header", EFFECT_HEADER_ADD, 0, name,
	    bind_edit_value(L, 3));
}

/* bind_edit_insert - mail:insert_header(name, value) */
static int
bind_edit_insert(lua_State *L)
{
	weir_str name = bind_edit_name(L, 2);

	return bind_edit_put(L, "mail:insert_header", EFFECT_HEADER_INSERT, 0,
	    name, bind_edit_value(L, 3));
}

/* bind_edit_delete_all - all fields of that name but the first `keep` */
static void
bind_edit_delete_all(lua_State *L, const char *what, weir_str name,
    uint32_t keep)
{
	struct round *round = bind_content(L, what, RULE_HEADERS);
	uint32_t count = round->rules->host->header_count(round->call,
	    name.ptr);

	for (uint32_t i = keep + 1; i <= count; i++) {
		limit_charge(L, 10);
		bind_edit_put(L, what, EFFECT_HEADER_DELETE, i, name,
		    WEIR_STR(""));
	}
}

/* bind_edit_set - mail:set_header(name, value) */
static int
bind_edit_set(lua_State *L)
{
	struct round *round = bind_content(L, "mail:set_header", RULE_HEADERS);
	weir_str name = bind_edit_name(L, 2), value = bind_edit_value(L, 3);

	if (round->rules->host->header_count(round->call, name.ptr) == 0)
		return bind_edit_put(L, "mail:set_header", EFFECT_HEADER_ADD,
		    0, name, value);
	bind_edit_put(L, "mail:set_header", EFFECT_HEADER_CHANGE, 1, name,
	    value);
	bind_edit_delete_all(L, "mail:set_header", name, 1);
	return 0;
}

/* bind_edit_delete - mail:delete_header(name [, n]) */
static int
bind_edit_delete(lua_State *L)
{
	weir_str name = bind_edit_name(L, 2);
	lua_Integer n = luaL_optinteger(L, 3, 0);

	luaL_argcheck(L, n >= 0 && n < UINT32_MAX, 3, "no such field");
	if (n > 0)
		return bind_edit_put(L, "mail:delete_header",
		    EFFECT_HEADER_DELETE, (uint32_t)n, name, WEIR_STR(""));
	bind_edit_delete_all(L, "mail:delete_header", name, 0);
	return 0;
}

/* bind_edit_subject - mail:subject_prefix(text) */
static int
bind_edit_subject(lua_State *L)
{
	struct round *round = bind_content(L, "mail:subject_prefix",
	    RULE_HEADERS);

	limit_charge(L, 200);
	bind_check(L, "mail:subject_prefix", edit_text_subject(round,
	    bind_edit_str(L, 2)));
	return 0;
}

/* bind_edit_add_rcpt - mail:add_rcpt(address) */
static int
bind_edit_add_rcpt(lua_State *L)
{
	return bind_edit_put(L, "mail:add_rcpt", EFFECT_RCPT_ADD, 0,
	    bind_edit_str(L, 2), WEIR_STR(""));
}

/* bind_edit_remove_rcpt - mail:remove_rcpt(rcpt) */
static int
bind_edit_remove_rcpt(lua_State *L)
{
	uint32_t rcpt = bind_rcpt(L, 2);

	luaL_argcheck(L, rcpt != WEIR_RCPT_NONE, 2, "which recipient?");
	return bind_edit_put(L, "mail:remove_rcpt", EFFECT_RCPT_DELETE, rcpt,
	    WEIR_STR("recipient"), WEIR_STR(""));
}

/* bind_edit_sender - mail:change_sender(address) */
static int
bind_edit_sender(lua_State *L)
{
	return bind_edit_put(L, "mail:change_sender", EFFECT_SENDER, 0,
	    bind_edit_str(L, 2), WEIR_STR(""));
}

/* bind_edit_body - mail:replace_body(text) */
static int
bind_edit_body(lua_State *L)
{
	return bind_edit_put(L, "mail:replace_body", EFFECT_BODY, 0,
	    WEIR_STR("body"), bind_edit_str(L, 2));
}

const struct bind_row bind_edit_rows[] = {
	{ "add_header", "mail:add_header(name, value)",
	    "Add a field at the end. Values are UTF-8; what is not ASCII is "
	    "encoded, line ends become blanks.", bind_edit_add },
	{ "insert_header", "mail:insert_header(name, value)",
	    "Add a field at the top.", bind_edit_insert },
	{ "set_header", "mail:set_header(name, value)",
	    "Make it the only field of that name.", bind_edit_set },
	{ "delete_header", "mail:delete_header(name [, n])",
	    "Delete the n-th field of that name, or all.", bind_edit_delete },
	{ "subject_prefix", "mail:subject_prefix(text)",
	    "Put a text in front of the subject, once.", bind_edit_subject },
	{ "add_rcpt", "mail:add_rcpt(address)",
	    "Add a recipient.", bind_edit_add_rcpt },
	{ "remove_rcpt", "mail:remove_rcpt(rcpt)",
	    "Take a recipient out of the envelope.", bind_edit_remove_rcpt },
	{ "change_sender", "mail:change_sender(address)",
	    "Change the envelope sender.", bind_edit_sender },
	{ "replace_body", "mail:replace_body(text)",
	    "Replace everything behind the header; lines end in CRLF.",
	    bind_edit_body },
	{ NULL, NULL, NULL, NULL }
};
