/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/post.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "lua/effect.h"

#define POST_TO_MAX 2000

enum post_kind { POST_BCC, POST_DISCLAIMER, POST_NOTIFY };

struct post {
	enum post_kind kind;
	char *to, *subject, *text, *html, *separator;
	bool top, original;
	enum notice_attach attach;
};

/* post_free - with its texts */
void
post_free(struct post *p)
{
	if (p == NULL)
		return;
	free(p->to);
	free(p->subject);
	free(p->text);
	free(p->html);
	free(p->separator);
	free(p);
}

/* post_content - what it looks at, macros included */
enum rule_content
post_content(const struct post *p)
{
	const char *texts[] = { p->to, p->subject, p->text, p->html };

	if (p->kind == POST_DISCLAIMER || p->original ||
	    p->attach == NOTICE_MAIL)
		return RULE_BODY;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (texts[i] != NULL && strstr(texts[i], "__FILENAME__"))
			return RULE_BODY;
	}
	return p->kind == POST_BCC && strstr(p->to, "__") == NULL ?
	    RULE_NONE : RULE_HEADERS;
}

/* post_check_keys - nothing in the table that nobody reads */
static void
post_check_keys(lua_State *L, int i, const char *what,
    const char *const *names, bool list)
{
	luaL_checktype(L, i, LUA_TTABLE);
	lua_pushnil(L);
	while (lua_next(L, i) != 0) {
		const char *key = lua_type(L, -2) == LUA_TSTRING ?
		    lua_tostring(L, -2) : "?", *near;
		bool known = list && lua_type(L, -2) == LUA_TNUMBER;

		for (int k = 0; names[k] != NULL && !known; k++)
			known = strcmp(names[k], key) == 0;
		if (!known) {
			near = text_nearest(key, names);
			luaL_error(L, "%s: unknown option \"%s\"%s%s%s", what,
			    key, near != NULL ? " (did you mean \"" : "",
			    near != NULL ? near : "",
			    near != NULL ? "\"?)" : "");
		}
		lua_pop(L, 1);
	}
}

/* post_field - a text of the table at i; left on the stack */
static const char *
post_field(lua_State *L, int i, const char *what, const char *key,
    const char *fallback)
{
	int type = lua_getfield(L, i, key);

	if (type == LUA_TNIL) {
		if (fallback == NULL)
			luaL_error(L, "%s needs %s", what, key);
		return fallback;
	}
	if (type != LUA_TSTRING)
		luaL_error(L, "%s: %s is a text, not a %s", what, key,
		    luaL_typename(L, -1));
	return lua_tostring(L, -1);
}

/* post_word - one of some */
static int
post_word(lua_State *L, int i, const char *what, const char *key,
    const char *const *words)
{
	const char *word = post_field(L, i, what, key, words[0]);
	int n = 0;

	while (words[n] != NULL && strcmp(words[n], word) != 0)
		n++;
	if (words[n] == NULL)
		luaL_error(L, "%s: %s is not \"%s\"", what, key, word);
	return n;
}

/* post_new - all checks have been made */
static struct post *
post_new(enum post_kind kind, const char *to)
{
	struct post *p = xcalloc(1, sizeof(*p));

	p->kind = kind;
	p->to = xstrdup(to);
	return p;
}

/* post_bcc - bcc(address, ...) or bcc { address, ..., original = true } */
struct post *
post_bcc(lua_State *L, int i)
{
	static const char *const names[] = { "original", NULL };
	bool table = lua_istable(L, i), original = false;
	int n = lua_gettop(L);
	struct post *p;
	luaL_Buffer b;

	if (table) {
		post_check_keys(L, i, "bcc", names, true);
		lua_getfield(L, i, "original");
		original = lua_toboolean(L, -1);
		lua_pop(L, 1);
		n = (int)lua_rawlen(L, i);
		luaL_checkstack(L, n + 10, "bcc: too many addresses");
		for (int k = 1; k <= n; k++) {
			if (lua_rawgeti(L, i, k) != LUA_TSTRING)
				luaL_error(L, "bcc: addresses are texts");
		}
		i = lua_gettop(L) - n + 1;
		n = lua_gettop(L);
	}
	if (n < i)
		luaL_error(L, "bcc: no address");
	luaL_buffinit(L, &b);
	for (int k = i; k <= n; k++) {
		if (k > i)
			luaL_addstring(&b, ", ");
		luaL_addstring(&b, luaL_checkstring(L, k));
	}
	luaL_pushresult(&b);
	if (lua_rawlen(L, -1) > POST_TO_MAX)
		luaL_error(L, "bcc: too many addresses");
	p = post_new(POST_BCC, lua_tostring(L, -1));
	p->original = original;
	return p;
}

/* post_disclaimer - disclaimer { text, html, position, separator } */
struct post *
post_disclaimer(lua_State *L, int i)
{
	static const char *const names[] = { "text", "html", "position",
		"separator", NULL };
	static const char *const places[] = { "end", "top", NULL };
	const char *text, *html, *separator;
	struct post *p;
	int top;

	post_check_keys(L, i, "disclaimer", names, false);
	text = post_field(L, i, "disclaimer", "text", NULL);
	html = post_field(L, i, "disclaimer", "html", "");
	separator = post_field(L, i, "disclaimer", "separator", "--");
	top = post_word(L, i, "disclaimer", "position", places);
	if (strlen(text) > DISCLAIMER_TEXT_MAX / 2 ||
	    strlen(html) > DISCLAIMER_TEXT_MAX / 2 || strlen(separator) > 200)
		luaL_error(L, "disclaimer: longer than %d octets",
		    DISCLAIMER_TEXT_MAX / 2);
	if (!text_is_utf8(weir_str_of(text)) ||
	    !text_is_utf8(weir_str_of(html)) ||
	    !text_is_utf8(weir_str_of(separator)))
		luaL_error(L, "disclaimer: not UTF-8");
	p = post_new(POST_DISCLAIMER, "");
	p->text = xstrdup(text);
	p->html = xstrdup(html);
	p->separator = xstrdup(separator);
	p->top = top == 1;
	return p;
}

/* post_notify - notify { to, subject, body, attach } */
struct post *
post_notify(lua_State *L, int i)
{
	static const char *const names[] = { "to", "subject", "body", "attach",
		NULL };
	static const char *const attach[] = { "none", "header", "mail", NULL };
	const char *to, *subject, *body;
	struct post *p;
	int what;

	post_check_keys(L, i, "notify", names, false);
	to = post_field(L, i, "notify", "to", NULL);
	subject = post_field(L, i, "notify", "subject", NULL);
	body = post_field(L, i, "notify", "body", NULL);
	what = post_word(L, i, "notify", "attach", attach);
	if (strlen(to) > POST_TO_MAX || strlen(subject) > 1000 ||
	    strlen(body) > 65536)
		luaL_error(L, "notify: too long");
	p = post_new(POST_NOTIFY, to);
	p->subject = xstrdup(subject);
	p->text = xstrdup(body);
	p->attach = (enum notice_attach)what;
	return p;
}

/* post_expand - macros, if there is a context; lines: it may have several */
static weir_str
post_expand(struct macro_context *c, const char *text, struct buf *out)
{
	if (text == NULL)
		return WEIR_STR("");
	if (c == NULL)
		return weir_str_of(text);
	macro_expand(c, text, out);
	return buf_str(out);
}

/* post_bcc_run - recipients of the mail, or a mail of their own */
static int
post_bcc_run(const struct post *p, struct round *round, weir_str to)
{
	struct notice x = { .copy = true, .to = to };
	int status = WEIR_OK;

	if (p->original)
		return effect_notice(round, &x);
	while (to.len > 0 && status == WEIR_OK) {
		const char *comma = memchr(to.ptr, ',', to.len);
		weir_str one = { to.ptr, comma != NULL ?
		    (size_t)(comma - to.ptr) : to.len };

		to.ptr += one.len + (comma != NULL);
		to.len -= one.len + (comma != NULL);
		one = text_trim(one);
		if (one.len > 0)
			status = effect_edit(round, EFFECT_RCPT_ADD, 0, one,
			    WEIR_STR("NOTIFY=NEVER"));
	}
	return status;
}

/* post_do - c NULL: without macros */
static int
post_do(const struct post *p, struct round *round, struct macro_context *c)
{
	struct buf to = BUF_INIT, subject = BUF_INIT, text = BUF_INIT,
	    html = BUF_INIT;
	struct disclaimer d = { .top = p->top };
	struct notice x = { .attach = p->attach };
	int status;

	if (p->kind == POST_BCC) {
		status = post_bcc_run(p, round, post_expand(c, p->to, &to));
	} else if (p->kind == POST_DISCLAIMER) {
		d.text = post_expand(c, p->text, &text);
		d.separator = weir_str_of(p->separator);
		if (c == NULL)
			d.html = weir_str_of(p->html);
		else
			d.html = macro_expand_html(c, p->html, &html);
		status = effect_disclaimer(round, &d);
	} else {
		struct macro_context lines;

		x.to = post_expand(c, p->to, &to);
		x.subject = post_expand(c, p->subject, &subject);
		if (c != NULL) {
			lines = *c;
			lines.lines = true;
			c = &lines;
		}
		x.body = post_expand(c, p->text, &text);
		status = effect_notice(round, &x);
	}
	buf_fini(&to);
	buf_fini(&subject);
	buf_fini(&text);
	buf_fini(&html);
	return status;
}

/* post_run - with macros */
int
post_run(const struct post *p, struct macro_context *c)
{
	return post_do(p, c->round, c);
}

/* post_run_plain - without */
int
post_run_plain(const struct post *p, struct round *round)
{
	return post_do(p, round, NULL);
}
