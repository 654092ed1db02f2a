/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lint - names in a rule file that nobody knows, found without running it.
 *
 * A misspelt name inside a function is an error only when the rule comes to
 * it; this reads the text instead.  Scopes are followed a little too widely (a
 * loop's variable lives to the end of the block around the loop), so it may
 * miss a name but accuses none that is right.  [main]
 */
#ifndef WEIR_LUA_LINT_H
#define WEIR_LUA_LINT_H

#include <lua.h>
#include <stddef.h>

#include <weir/types.h>

#include "base/vec.h"

/* Names of a configuration, NULL-ended lists; NULL: none was given. */
struct lint_known {
	const char *const *symbols, *const *modules, *const *networks;
};

/* text: without file and line. */
typedef void lint_fn(int line, const char *text, void *arg);

/* The text must compile.  L: a state of rules; its globals are the names that
   are known. */
void lint_file(lua_State *L, weir_str text, const struct lint_known *known,
    lint_fn *fn, void *arg);

/* lint_scan.c: words of the text. */
enum lint_kind { LINT_END, LINT_NAME, LINT_STRING, LINT_NUMBER, LINT_PUNCT };

struct lint_token {
	enum lint_kind kind;
	weir_str text; /* a string: what is between its quotes */
	int line;
};

struct lint_tokens {
	VEC(struct lint_token) v; /* a LINT_END is last */
};

void lint_scan(weir_str text, struct lint_tokens *out);

#endif
