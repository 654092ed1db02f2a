/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * regex - PCRE2 with JIT and a match limit, for rules and objects.
 *
 * Subjects are octets; patterns with `utf` see characters.  A match that
 * meets the limit is an error, never a "no".  Loop thread.
 */
#ifndef WEIR_LUA_REGEX_H
#define WEIR_LUA_REGEX_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define REGEX_LENGTH_MAX 4096

struct regex;

/* flags: letters of "imsxua" (case-insensitive, multi-line, dot matches all,
   extended, UTF-8, anchored at both ends); NULL: err says why. */
struct regex *regex_create(const char *pattern, size_t len,
    const char *flags, struct err *err);
void regex_destroy(struct regex **regex);
/* Number of pairs (1 + captures set), 0: no match, or negative: WEIR_E_LIMIT,
   WEIR_E_INVAL (not UTF-8).  ovector lives until the next match. */
int regex_match(const struct regex *regex, const char *subject, size_t len,
    size_t start, const size_t **ovector);

/* The type of weir.regex objects, in a new state. */
void regex_init(lua_State *L);

#endif
