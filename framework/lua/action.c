/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/action.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "lua/bind.h"
#include "lua/edit_text.h"
#include "lua/effect.h"
#include "lua/post.h"

#define ACTION_TYPE "weir.action"

enum action_kind {
	ACTION_ACCEPT,
	ACTION_BLOCK,
	ACTION_REJECT,
	ACTION_TEMPFAIL,
	ACTION_QUARANTINE,
	ACTION_SET_HEADER,
	ACTION_SUBJECT,
	ACTION_ADD_RCPT,
	ACTION_REMOVE_RCPT,
	ACTION_BCC,
	ACTION_SCORE,
	ACTION_DISCLAIMER,
	ACTION_NOTIFY
};

/* The highest priority is done first; refusals stand beside block. */
static const struct {
	int priority;
	uint32_t verdict; /* NONE: not final */
	bool edit;
	const char *name;
} action_kinds[] = {
	[ACTION_ACCEPT] = { 99, WEIR_ACT_ACCEPT, false, "accept" },
	[ACTION_BLOCK] = { 98, WEIR_ACT_DISCARD, false, "block" },
	[ACTION_REJECT] = { 98, WEIR_ACT_REJECT, false, "reject" },
	[ACTION_TEMPFAIL] = { 98, WEIR_ACT_TEMPFAIL, false, "tempfail" },
	[ACTION_QUARANTINE] = { 90, WEIR_ACT_QUARANTINE, false,
	    "quarantine" },
	[ACTION_NOTIFY] = { 89, WEIR_ACT_NONE, true, "notify" },
	[ACTION_BCC] = { 80, WEIR_ACT_NONE, true, "bcc" },
	[ACTION_ADD_RCPT] = { 80, WEIR_ACT_NONE, true, "add_rcpt" },
	[ACTION_REMOVE_RCPT] = { 80, WEIR_ACT_NONE, true, "remove_rcpt" },
	[ACTION_DISCLAIMER] = { 49, WEIR_ACT_NONE, true, "disclaimer" },
	[ACTION_SET_HEADER] = { 10, WEIR_ACT_NONE, true, "set_header" },
	[ACTION_SUBJECT] = { 10, WEIR_ACT_NONE, true, "subject" },
	[ACTION_SCORE] = { 10, WEIR_ACT_NONE, false, "score" }
};

struct action {
	enum action_kind kind;
	char *name, *text; /* text has macros; both may be NULL */
	uint32_t code;
	double points;
	struct post *post; /* disclaimer, notify, bcc; or NULL */
};

/* action_free - with its texts */
void
action_free(struct action *a)
{
	if (a == NULL)
		return;
	post_free(a->post);
	free(a->name);
	free(a->text);
	free(a);
}

/* action_take - from now on the caller's */
struct action *
action_take(lua_State *L, int i)
{
	struct action **box = luaL_testudata(L, i, ACTION_TYPE);
	struct action *a = box != NULL ? *box : NULL;

	if (box != NULL && a == NULL)
		luaL_error(L, "an action can stand in one rule only");
	if (box != NULL)
		*box = NULL;
	return a;
}

/* action_gc - nobody took it */
static int
action_gc(lua_State *L)
{
	struct action **box = luaL_checkudata(L, 1, ACTION_TYPE);

	action_free(*box);
	*box = NULL;
	return 0;
}

/* action_init - the type */
void
action_init(lua_State *L)
{
	luaL_newmetatable(L, ACTION_TYPE);
	lua_pushcfunction(L, action_gc);
	lua_setfield(L, -2, "__gc");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);
}

/* action_priority - the highest is done first */
int
action_priority(const struct action *a)
{
	return action_kinds[a->kind].priority;
}

/* action_name_of - as rules call it */
const char *
action_name_of(const struct action *a)
{
	return action_kinds[a->kind].name;
}

/* action_is_final - does it end the rules of its recipients */
bool
action_is_final(const struct action *a)
{
	return action_kinds[a->kind].verdict != WEIR_ACT_NONE;
}

/* action_is_edit - only at eom */
bool
action_is_edit(const struct action *a)
{
	return action_kinds[a->kind].edit;
}

/* action_content - what its macros need */
enum rule_content
action_content(const struct action *a)
{
	if (a->post != NULL)
		return post_content(a->post);
	if (a->text != NULL && strstr(a->text, "__FILENAME__") != NULL)
		return RULE_BODY;
	if (a->kind == ACTION_SUBJECT || a->kind == ACTION_SET_HEADER ||
	    (a->text != NULL && strstr(a->text, "__") != NULL))
		return RULE_HEADERS;
	return RULE_NONE;
}

/* action_new - on the stack */
static struct action *
action_new(lua_State *L, enum action_kind kind, const char *text)
{
	struct action **box;

	if (!bind_rules(L)->loading)
		luaL_error(L, "actions are made when files are loaded");
	box = lua_newuserdatauv(L, sizeof(*box), 0);
	*box = NULL;
	luaL_setmetatable(L, ACTION_TYPE);
	*box = xcalloc(1, sizeof(**box));
	(*box)->kind = kind;
	(*box)->text = text != NULL ? xstrdup(text) : NULL;
	return *box;
}

#define ACTION_PLAIN(fn, kind) \
	static int \
	action_##fn(lua_State *L) \
	{ \
		action_new(L, kind, luaL_optstring(L, 1, NULL)); \
		return 1; \
	}
ACTION_PLAIN(accept, ACTION_ACCEPT)
ACTION_PLAIN(block, ACTION_BLOCK)
ACTION_PLAIN(quarantine, ACTION_QUARANTINE)
ACTION_PLAIN(remove_rcpt, ACTION_REMOVE_RCPT)

/* action_refuse - reject and tempfail: text and code */
static int
action_refuse(lua_State *L, enum action_kind kind, int class)
{
	lua_Integer code = luaL_optinteger(L, 2, 0);
	const char *text = luaL_optstring(L, 1, NULL);

	if (code != 0 && code / 100 != class)
		return luaL_error(L, "code %d is not %dxx", (int)code, class);
	action_new(L, kind, text)->code = (uint32_t)code;
	return 1;
}

static int
action_reject(lua_State *L)
{
	return action_refuse(L, ACTION_REJECT, 5);
}

static int
action_tempfail(lua_State *L)
{
	return action_refuse(L, ACTION_TEMPFAIL, 4);
}

static int
action_set_header(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	const char *text = luaL_checkstring(L, 2);

	if (!edit_text_is_name(weir_str_of(name)))
		return luaL_error(L, "\"%s\" is not a field name", name);
	action_new(L, ACTION_SET_HEADER, text)->name = xstrdup(name);
	return 1;
}

static int
action_subject(lua_State *L)
{
	action_new(L, ACTION_SUBJECT, luaL_checkstring(L, 1));
	return 1;
}

static int
action_add_rcpt(lua_State *L)
{
	action_new(L, ACTION_ADD_RCPT, luaL_checkstring(L, 1));
	return 1;
}

#define ACTION_POST(fn, kind) \
	static int \
	action_##fn(lua_State *L) \
	{ \
		struct action *a = action_new(L, kind, NULL); \
		lua_insert(L, 1); \
		a->post = post_##fn(L, 2); \
		lua_pushvalue(L, 1); \
		return 1; \
	}
ACTION_POST(bcc, ACTION_BCC)
ACTION_POST(disclaimer, ACTION_DISCLAIMER)
ACTION_POST(notify, ACTION_NOTIFY)

static int
action_score(lua_State *L)
{
	double points = luaL_checknumber(L, 1);
	const char *text = luaL_optstring(L, 2, "");

	if (!isfinite(points) || fabs(points) > 1000)
		return luaL_error(L, "score is a number from -1000 to 1000");
	action_new(L, ACTION_SCORE, text)->points = points;
	return 1;
}

/* action_header_edit - make it the only field of that name */
static int
action_header_edit(const struct action *a, struct macro_context *c,
    struct buf *text)
{
	const struct weir_host *h = c->round->rules->host;
	uint32_t n = h->header_count(c->round->call, a->name);
	weir_str name = weir_str_of(a->name), value;
	char *out = xmalloc(edit_text_room(buf_str(text)));
	int status;

	value.ptr = out;
	value.len = edit_text_value(buf_str(text), out);
	status = effect_edit(c->round, n > 0 ? EFFECT_HEADER_CHANGE :
	    EFFECT_HEADER_ADD, n > 0 ? 1 : 0, name, value);
	for (uint32_t i = 2; i <= n && status == WEIR_OK; i++)
		status = effect_edit(c->round, EFFECT_HEADER_DELETE, i, name,
		    WEIR_STR(""));
	free(out);
	return status;
}

/* action_each - once for each recipient, or once for all */
static int
action_each(const struct action *a, struct macro_context *c, bool all,
    const char *text)
{
	uint32_t verdict = action_kinds[a->kind].verdict;
	int status = WEIR_OK;

	if (all && a->kind != ACTION_REMOVE_RCPT)
		return a->kind == ACTION_SCORE ?
		    effect_score(c->round, WEIR_RCPT_NONE, a->points,
			weir_str_of(text)) :
		    effect_verdict(c->round, verdict, WEIR_RCPT_NONE, a->code,
			NULL, text);
	for (uint32_t i = 0; i < c->ntargets && status == WEIR_OK; i++) {
		uint32_t rcpt = c->targets[i];

		if (a->kind == ACTION_REMOVE_RCPT)
			status = effect_edit(c->round, EFFECT_RCPT_DELETE,
			    rcpt, WEIR_STR("recipient"), WEIR_STR(""));
		else if (a->kind == ACTION_SCORE)
			status = effect_score(c->round, rcpt, a->points,
			    weir_str_of(text));
		else
			status = effect_verdict(c->round, verdict, rcpt,
			    a->code, NULL, text);
	}
	return status;
}

/* action_run - do it */
int
action_run(const struct action *a, struct macro_context *c, bool all)
{
	struct buf text = BUF_INIT;
	int status;

	if (a->text != NULL)
		macro_expand(c, a->text, &text);
	switch (a->kind) {
	case ACTION_SET_HEADER:
		status = action_header_edit(a, c, &text);
		break;
	case ACTION_SUBJECT:
		status = edit_text_subject(c->round, buf_str(&text));
		break;
	case ACTION_ADD_RCPT:
		status = effect_edit(c->round, EFFECT_RCPT_ADD, 0,
		    buf_str(&text), WEIR_STR(""));
		break;
	case ACTION_BCC:
	case ACTION_DISCLAIMER:
	case ACTION_NOTIFY:
		status = post_run(a->post, c);
		break;
	default:
		status = action_each(a, c, all, text.len > 0 ? text.ptr :
		    a->kind == ACTION_SCORE	? "" :
						  NULL);
		break;
	}
	buf_fini(&text);
	return status;
}

const struct bind_row bind_action_rows[] = {
	{ "accept", "accept()", "Deliver; final.", action_accept },
	{ "block", "block()", "Accept and drop; final.", action_block },
	{ "reject", "reject([text] [, code])", "Refuse with 5xx; final.",
	    action_reject },
	{ "tempfail", "tempfail([text] [, code])",
	    "Refuse with 4xx; final.", action_tempfail },
	{ "quarantine", "quarantine([text])", "Keep it; final.",
	    action_quarantine },
	{ "set_header", "set_header(name, text)",
	    "Make it the only field of that name; texts of actions may hold "
	    "macros.", action_set_header },
	{ "subject", "subject(prefix)", "Put it in front of the subject.",
	    action_subject },
	{ "add_rcpt", "add_rcpt(address)", "Add a recipient.",
	    action_add_rcpt },
	{ "remove_rcpt", "remove_rcpt()",
	    "Take the matched recipients out of the envelope.",
	    action_remove_rcpt },
	{ "bcc", "bcc(address, ...) or bcc { address, ..., original = true }",
	    "Send a copy, without bounces; original: of the mail as it came, "
	    "queued to the MTA by itself, whatever becomes of the mail.",
	    action_bcc },
	{ "disclaimer", "disclaimer { text, html, position, separator }",
	    "Add a text to the mail, into its text parts or beside them. html "
	    "is made from text if it is not given; position is \"end\" or "
	    "\"top\"; separator is a line between both, \"--\" by default. "
	    "Signed and encrypted mail is left alone.", action_disclaimer },
	{ "notify", "notify { to, subject, body, attach }",
	    "Send a mail: queued to the MTA, never bounced. to may be several "
	    "addresses with commas between them; nothing is sent when it is "
	    "empty. attach is \"none\", \"header\" or \"mail\".",
	    action_notify },
	{ "score", "score(points [, reason])",
	    "Add to the matched recipients' score.", action_score },
	{ NULL, NULL, NULL, NULL }
};
