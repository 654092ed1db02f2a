/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bind_post - disclaimers, notifications, copies, and macros for them. */
#include <string.h>

#include "base/alloc.h"
#include "lua/bind.h"
#include "lua/post.h"

/* bind_post - do it, and forget the arguments */
static int
bind_post(lua_State *L, const char *what, struct post *p)
{
	struct round *round = round_of(L);
	enum rule_content content = post_content(p);
	int status = WEIR_E_INVAL;

	if (round->rule->content >= content)
		status = post_run_plain(p, round);
	post_free(p);
	limit_charge(L, 1000);
	if (round->rule->content < content)
		return luaL_error(L, "%s needs content = \"%s\" in the rule",
		    what, content == RULE_BODY ? "body" : "headers");
	if (status == WEIR_E_STATE)
		return luaL_error(L, "%s: only at stage eom", what);
	bind_check(L, what, status);
	return 0;
}

/* bind_post_bcc - mail:bcc(address, ...) */
static int
bind_post_bcc(lua_State *L)
{
	return bind_post(L, "mail:bcc", post_bcc(L, 2));
}

/* bind_post_disclaimer - mail:disclaimer { ... } */
static int
bind_post_disclaimer(lua_State *L)
{
	return bind_post(L, "mail:disclaimer", post_disclaimer(L, 2));
}

/* bind_post_notify - mail:notify { ... } */
static int
bind_post_notify(lua_State *L)
{
	return bind_post(L, "mail:notify", post_notify(L, 2));
}

/* bind_post_expand - mail:expand(text) */
static int
bind_post_expand(lua_State *L)
{
	struct round *round = bind_content(L, "mail:expand", RULE_HEADERS);
	uint32_t n = round->rules->host->rcpt_count(round->call);
	const char *text = luaL_checkstring(L, 2);
	struct buf out = BUF_INIT;
	uint32_t *targets;
	struct macro_context c = { .round = round };

	limit_charge(L, 500 + 50 * (uint64_t)n);
	targets = lua_newuserdatauv(L, (n + 1) * sizeof(*targets), 0);
	c.targets = targets;
	for (uint32_t i = 0; i < n; i++) {
		if (round->rcpt == WEIR_RCPT_NONE || round->rcpt == i)
			targets[c.ntargets++] = i;
	}
	if (round->view == NULL)
		round->view = view_create(round);
	c.view = round->view;
	macro_expand(&c, text, &out);
	bind_push_buf(L, &out);
	return 1;
}

const struct bind_row bind_post_rows[] = {
	{ "bcc", "mail:bcc(address, ...) or mail:bcc { address, ..., original "
	    "= true }",
	    "Send a copy, without bounces or receipts; original: of the mail "
	    "as it came, queued to the MTA by itself.", bind_post_bcc },
	{ "disclaimer", "mail:disclaimer { text, html, position, separator }",
	    "Add a text to the mail; see the action of that name. Texts are "
	    "taken as they are: mail:expand fills in macros.",
	    bind_post_disclaimer },
	{ "notify", "mail:notify { to, subject, body, attach }",
	    "Queue a mail to the MTA; see the action of that name.",
	    bind_post_notify },
	{ "expand", "mail:expand(text)",
	    "The text with __SENDER__ and all other macros filled in; "
	    "__TARGETS__ are all recipients, or the one at stage rcpt.",
	    bind_post_expand },
	{ NULL, NULL, NULL, NULL }
};
