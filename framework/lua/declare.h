/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * declare - rules without a function: from, to, when, what, action.
 *
 * Compiled when the files are loaded; no Lua runs for them.  Matching is done
 * on the mail as it came: from and when once, then what, then to for each
 * recipient; then the actions in the order of their priorities, until one is
 * final.  Loop thread.
 */
#ifndef WEIR_LUA_DECLARE_H
#define WEIR_LUA_DECLARE_H

#include "lua/round.h"

struct declare;

/* From the table at index 2 of the stack; raises. */
void declare_compile(lua_State *L, struct rules *r, struct rule *rule);
/* A rule with a function has no slots: raises if the table has any. */
void declare_refuse(lua_State *L, const struct rule *rule);
void declare_free(struct declare **declare);

/* Match round->rule and do what it says. */
void declare_run(struct round *round);
void declare_view_free(struct view **view);

#endif
