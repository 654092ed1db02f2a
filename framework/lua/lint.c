/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/lint.h"

#include <lauxlib.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "lua/bind.h"
#include "lua/macro.h"
#include "lua/rules.h"
#include "lua/sandbox.h"

#define LINT_NAMES_MAX 400
#define LINT_NAME_MAX 100

/* A local variable; mail: the object that a rule's function gets. */
struct lint_local {
	weir_str name;
	bool mail;
};

/* A block of code, or an open bracket. */
struct lint_block {
	char kind;     /* f: function, b: block, { ( [ */
	bool rule;     /* { of a rule's table */
	size_t locals; /* known before it */
};

struct lint {
	lua_State *L;
	int env; /* stack index of the table of globals */
	const struct lint_known *known;
	lint_fn *fn;
	void *arg;
	struct lint_tokens tokens;
	size_t at;
	unsigned functions; /* open ones */
	VEC(struct lint_local) locals;
	VEC(struct lint_block) blocks;
	VEC(weir_str) assigned; /* globals that the file makes */
};

/* lint_is - is the token `n` from here this sign or word */
static bool
lint_is(const struct lint *l, long n, const char *text)
{
	long i = (long)l->at + n;

	return i >= 0 && i < (long)l->tokens.v.n &&
	    l->tokens.v.v[i].kind != LINT_STRING &&
	    text_equals(l->tokens.v.v[i].text, text);
}

/* lint_token - the token n from here; the last one is the end */
static const struct lint_token *
lint_token(const struct lint *l, size_t n)
{
	size_t i = l->at + n;

	return &l->tokens.v.v[i < l->tokens.v.n ? i : l->tokens.v.n - 1];
}

/* lint_copy - a slice as a short C string */
static const char *
lint_copy(char out[LINT_NAME_MAX], weir_str s)
{
	size_t n = s.len < LINT_NAME_MAX - 1 ? s.len : LINT_NAME_MAX - 1;

	memcpy(out, s.ptr, n);
	out[n] = '\0';
	return out;
}

/* lint_say - one mistake: "what "word"", and the nearest of names */
static void
lint_say(struct lint *l, int line, const char *what, weir_str word,
    const char *const *names)
{
	char copy[LINT_NAME_MAX];
	const char *near;
	struct buf text = BUF_INIT;

	lint_copy(copy, word);
	near = names != NULL ? text_nearest(copy, names) : NULL;
	buf_printf(&text, "%s \"%s\"", what, copy);
	if (near != NULL)
		buf_printf(&text, " (did you mean \"%s\"?)", near);
	l->fn(line, text.ptr, l->arg);
	buf_fini(&text);
}

/* lint_same - octet by octet */
static bool
lint_same(weir_str a, weir_str b)
{
	return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

/* lint_local - the variable of that name in scope, or NULL */
static const struct lint_local *
lint_local(const struct lint *l, weir_str name)
{
	for (size_t i = l->locals.n; i-- > 0;) {
		if (lint_same(l->locals.v[i].name, name))
			return &l->locals.v[i];
	}
	return NULL;
}

/* lint_declare - from here on it is a variable */
static void
lint_declare(struct lint *l, weir_str name, bool mail)
{
	struct lint_local *v = vec_push(&l->locals);

	v->name = name;
	v->mail = mail || text_equals(name, "mail");
}

/* lint_open - a block or bracket */
static void
lint_open(struct lint *l, char kind, bool rule)
{
	struct lint_block *b = vec_push(&l->blocks);

	b->kind = kind;
	b->rule = rule;
	b->locals = l->locals.n;
	l->functions += kind == 'f';
}

/* lint_close - the innermost; keep: its variables stay known */
static void
lint_close(struct lint *l, bool keep)
{
	const struct lint_block *b;

	if (l->blocks.n == 0)
		return;
	b = &l->blocks.v[--l->blocks.n];
	l->functions -= b->kind == 'f';
	if (!keep)
		l->locals.n = b->locals;
}

/* lint_top - is the innermost open thing of that kind */
static const struct lint_block *
lint_top(const struct lint *l, char kind)
{
	const struct lint_block *b = l->blocks.n > 0 ?
	    &l->blocks.v[l->blocks.n - 1] : NULL;

	return b != NULL && b->kind == kind ? b : NULL;
}

/* lint_keys - names in the table on top of the stack, until NULL */
static void
lint_keys(lua_State *L, const char *names[LINT_NAMES_MAX + 1])
{
	size_t n = 0;

	lua_pushnil(L);
	while (lua_next(L, -2) != 0) {
		if (lua_type(L, -2) == LUA_TSTRING && n < LINT_NAMES_MAX)
			names[n++] = lua_tostring(L, -2);
		lua_pop(L, 1);
	}
	names[n] = NULL;
}

/* lint_rows - names of the properties (or not) and methods of mail */
static void
lint_rows(bool properties, const char *names[LINT_NAMES_MAX + 1])
{
	size_t n = 0;

	for (const struct bind_group *g = bind_groups; g->title != NULL; g++) {
		if (g->kind != BIND_METHOD &&
		    (!properties || g->kind != BIND_PROPERTY))
			continue;
		for (const struct bind_row *r = g->rows; r->name != NULL; r++)
			if (n < LINT_NAMES_MAX)
				names[n++] = r->name;
	}
	names[n] = NULL;
}

/* lint_has - is the word in the list */
static bool
lint_has(const char *const *names, weir_str word)
{
	for (; *names != NULL; names++) {
		if (text_equals(word, *names))
			return true;
	}
	return false;
}

/* lint_word - a string argument that must be in a list, if there is one */
static void
lint_word(struct lint *l, const struct lint_token *t, const char *what,
    const char *const *names)
{
	if (t->kind == LINT_STRING && names != NULL &&
	    !lint_has(names, t->text))
		lint_say(l, t->line, what, t->text, names);
}

/* lint_fact - "module.word" of a module that is there */
static void
lint_fact(struct lint *l, const struct lint_token *t)
{
	const char *dot = t->kind == LINT_STRING ?
	    memchr(t->text.ptr, '.', t->text.len) : NULL;
	weir_str module = { t->text.ptr, 0 };

	if (t->kind != LINT_STRING || l->known == NULL ||
	    l->known->modules == NULL)
		return;
	module.len = dot != NULL ? (size_t)(dot - t->text.ptr) : t->text.len;
	if (!lint_has(l->known->modules, module))
		lint_say(l, t->line, "a fact of a module that is not "
		    "configured:", module, l->known->modules);
}

/* lint_mail - mail.NAME or mail:NAME behind the variable at l->at */
static void
lint_mail(struct lint *l)
{
	const char *names[LINT_NAMES_MAX + 1];
	const struct lint_token *name = lint_token(l, 2), *arg;
	bool method = lint_is(l, 1, ":");
	size_t n = 3;

	if ((!method && !lint_is(l, 1, ".")) || name->kind != LINT_NAME)
		return;
	lint_rows(!method, names);
	if (!lint_has(names, name->text)) {
		lint_say(l, name->line, method ? "mail has no method" :
		    "mail has no", name->text, names);
		return;
	}
	n += lint_is(l, 3, "(");
	arg = lint_token(l, n);
	if (text_equals(name->text, "has"))
		lint_word(l, arg, "unknown symbol", l->known != NULL ?
		    l->known->symbols : NULL);
	else if (text_equals(name->text, "fact"))
		lint_fact(l, arg);
	else if (text_equals(name->text, "in_networks"))
		lint_word(l, arg, "unknown networks", l->known != NULL ?
		    l->known->networks : NULL);
}

/* lint_global - a name that is no local variable, and what is behind its
   dots */
static void
lint_global(struct lint *l)
{
	const char *names[LINT_NAMES_MAX + 1];
	int top = lua_gettop(l->L);
	size_t n = 0;

	for (size_t i = 0; i < l->assigned.n; i++) {
		if (lint_same(l->assigned.v[i], lint_token(l, 0)->text))
			return;
	}
	lua_pushvalue(l->L, l->env);
	for (;;) {
		const struct lint_token *t = lint_token(l, n);
		struct buf what = BUF_INIT;

		lua_pushlstring(l->L, t->text.ptr, t->text.len);
		if (lua_rawget(l->L, -2) == LUA_TNIL) {
			lua_pop(l->L, 1);
			lint_keys(l->L, names);
			buf_add_str(&what, "unknown name");
			if (n > 0)
				buf_printf(&what, " behind \"%.*s.\":",
				    (int)lint_token(l, n - 2)->text.len,
				    lint_token(l, n - 2)->text.ptr);
			lint_say(l, t->line, what.ptr, t->text, names);
			buf_fini(&what);
			break;
		}
		/* a table that makes its fields when asked knows better */
		if (lua_type(l->L, -1) != LUA_TTABLE ||
		    lua_getmetatable(l->L, -1) != 0 ||
		    !lint_is(l, (long)n + 1, ".") ||
		    lint_token(l, n + 2)->kind != LINT_NAME)
			break;
		n += 2;
	}
	lua_settop(l->L, top);
	if (n == 0 && text_equals(lint_token(l, 0)->text, "symbol"))
		lint_word(l, lint_token(l, 1 + lint_is(l, 1, "(")),
		    "unknown symbol", l->known != NULL ? l->known->symbols :
							 NULL);
}

/* lint_function - at the word: its name, its parameters, its body begins */
static void
lint_function(struct lint *l)
{
	const struct lint_block *in = lint_top(l, '{');
	bool rule = in != NULL && in->rule, method = false;

	if (lint_is(l, -1, "local")) {
		lint_declare(l, lint_token(l, 1)->text, false);
		l->at++;
	}
	while (lint_token(l, 1)->kind != LINT_END && !lint_is(l, 1, "(")) {
		method |= lint_is(l, 1, ":");
		l->at++;
	}
	lint_open(l, 'f', false);
	if (method)
		lint_declare(l, text_slice("self"), false);
	l->at++;
	while (lint_token(l, 1)->kind != LINT_END && !lint_is(l, 1, ")")) {
		l->at++;
		if (lint_token(l, 0)->kind == LINT_NAME)
			lint_declare(l, lint_token(l, 0)->text, rule);
		rule = false;
	}
	l->at++;
}

/* lint_list - NAME [<attribute>] {, NAME} behind local or for */
static void
lint_list(struct lint *l)
{
	while (lint_token(l, 1)->kind == LINT_NAME) {
		l->at++;
		lint_declare(l, lint_token(l, 0)->text, false);
		if (lint_is(l, 1, "<"))
			l->at += 3;
		if (!lint_is(l, 1, ","))
			break;
		l->at++;
	}
}

/* lint_keyword - false: the name is none that matters here */
static bool
lint_keyword(struct lint *l)
{
	static const char *const plain[] = { "and", "break", "false", "if",
		"in", "nil", "not", "or", "return", "true", "while", NULL };
	weir_str word = lint_token(l, 0)->text;

	if (text_equals(word, "function")) {
		lint_function(l);
	} else if (text_equals(word, "local")) {
		if (!lint_is(l, 1, "function"))
			lint_list(l);
	} else if (text_equals(word, "for")) {
		lint_list(l);
	} else if (text_equals(word, "do") || text_equals(word, "then") ||
	    text_equals(word, "repeat")) {
		lint_open(l, 'b', false);
	} else if (text_equals(word, "else")) {
		lint_close(l, false);
		lint_open(l, 'b', false);
	} else if (text_equals(word, "elseif") || text_equals(word, "end")) {
		lint_close(l, false);
	} else if (text_equals(word, "until")) {
		lint_close(l, true);
	} else if (text_equals(word, "goto")) {
		l->at++;
	} else {
		return lint_has(plain, word);
	}
	return true;
}

/* lint_name - a variable, a field or a key */
static void
lint_name(struct lint *l)
{
	const struct lint_token *t = lint_token(l, 0);
	const struct lint_block *table = lint_top(l, '{');
	const struct lint_local *v;

	if (lint_is(l, -1, ".") || lint_is(l, -1, ":") ||
	    lint_is(l, -1, "::") || lint_keyword(l))
		return;
	if (table != NULL && lint_is(l, 1, "=") && (lint_is(l, -1, "{") ||
	    lint_is(l, -1, ",") || lint_is(l, -1, ";"))) {
		if (table->rule && !lint_has(rule_options, t->text))
			lint_say(l, t->line, "unknown option", t->text,
			    rule_options);
		return;
	}
	v = lint_local(l, t->text);
	if (v == NULL)
		lint_global(l);
	else if (v->mail)
		lint_mail(l);
}

/* lint_macros - __WORD__ in a string outside of functions */
static void
lint_macros(struct lint *l, const struct lint_token *t)
{
	const char *names[LINT_NAMES_MAX + 1], *p = t->text.ptr;
	const char *end = p + t->text.len;
	size_t n = 0;

	while (n < LINT_NAMES_MAX && macro_name(n) != NULL) {
		names[n] = macro_name(n);
		n++;
	}
	names[n] = NULL;
	while ((p = memmem(p, (size_t)(end - p), "__", 2)) != NULL) {
		weir_str word = { p, 2 };

		while (p + word.len < end && (text_is_digit(p[word.len]) ||
		    (p[word.len] >= 'A' && p[word.len] <= 'Z') ||
		    (p[word.len] == '_' && p[word.len - 1] != '_')))
			word.len++;
		if (word.len < 4 || p + word.len >= end ||
		    p[word.len] != '_' || p[word.len - 1] != '_') {
			p += word.len;
			continue;
		}
		word.len++;
		if (!lint_has(names, word))
			lint_say(l, t->line, "unknown macro", word, names);
		p += word.len;
	}
}

/* lint_punct - brackets */
static void
lint_punct(struct lint *l)
{
	const struct lint_token *t = lint_token(l, 0);
	bool rule = lint_is(l, -2, "rule") || (lint_is(l, -1, ")") &&
	    lint_is(l, -3, "(") && lint_is(l, -4, "rule"));

	if (t->text.len != 1)
		return;
	if (strchr("{([", *t->text.ptr) != NULL)
		lint_open(l, *t->text.ptr, *t->text.ptr == '{' && rule);
	else if (strchr("})]", *t->text.ptr) != NULL)
		lint_close(l, false);
}

/* lint_assigned - globals that the file itself sets: NAME {, NAME} = */
static void
lint_assigned(struct lint *l)
{
	for (l->at = 0; l->at < l->tokens.v.n; l->at++) {
		size_t n = 1;

		if (lint_token(l, 0)->kind != LINT_NAME ||
		    lint_is(l, -1, ".") || lint_is(l, -1, ":") ||
		    lint_is(l, -1, "local") || lint_is(l, -1, "for"))
			continue;
		while (lint_is(l, (long)n, ",") &&
		    lint_token(l, n + 1)->kind == LINT_NAME)
			n += 2;
		/* behind a bracket or comma it is a key, unless many */
		if ((lint_is(l, (long)n, "=") && !lint_is(l, -1, "{") &&
			!lint_is(l, -1, ",") && !lint_is(l, -1, ";")) ||
		    (lint_is(l, -1, "function") && !lint_is(l, -2, "local"))) {
			for (size_t i = 0; i < n; i += 2)
				*vec_push(&l->assigned) =
				    lint_token(l, i)->text;
		}
	}
}

/* lint_file - read it once for what it sets, once for what it uses */
void
lint_file(lua_State *L, weir_str text, const struct lint_known *known,
    lint_fn *fn, void *arg)
{
	struct lint l = { .L = L, .known = known, .fn = fn, .arg = arg };
	int top = lua_gettop(L);

	lua_checkstack(L, 20);
	sandbox_push_env(L);
	lua_getmetatable(L, -1);
	lua_getfield(L, -1, "__index");
	l.env = lua_gettop(L);
	lint_scan(text, &l.tokens);
	lint_assigned(&l);
	for (l.at = 0; l.at < l.tokens.v.n; l.at++) {
		const struct lint_token *t = lint_token(&l, 0);

		if (t->kind == LINT_NAME)
			lint_name(&l);
		else if (t->kind == LINT_PUNCT)
			lint_punct(&l);
		else if (t->kind == LINT_STRING && l.functions == 0)
			lint_macros(&l, t);
	}
	lua_settop(L, top);
	vec_fini(&l.tokens.v);
	vec_fini(&l.locals);
	vec_fini(&l.blocks);
	vec_fini(&l.assigned);
}
