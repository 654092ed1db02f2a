/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * post - disclaimer, notify and bcc: their arguments, and what they come to
 * for one mail.  Actions and methods of mail share them.  Loop thread.
 */
#ifndef WEIR_LUA_POST_H
#define WEIR_LUA_POST_H

#include "lua/macro.h"

struct post;

/* From the arguments at index i: a table, or addresses.  Raises mistakes. */
struct post *post_bcc(lua_State *L, int i);
struct post *post_disclaimer(lua_State *L, int i);
struct post *post_notify(lua_State *L, int i);
void post_free(struct post *p);
enum rule_content post_content(const struct post *p);
/* c NULL: texts are as they are, without macros. A weir_status. */
int post_run(const struct post *p, struct macro_context *c);
int post_run_plain(const struct post *p, struct round *round);

#endif
