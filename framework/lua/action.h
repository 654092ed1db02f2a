/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * action - what a declared rule does for the recipients that it matched.
 * Loop thread.
 */
#ifndef WEIR_LUA_ACTION_H
#define WEIR_LUA_ACTION_H

#include "lua/macro.h"

struct action;

struct action *action_take(lua_State *L, int i); /* NULL: not an action */
void action_free(struct action *a);
const char *action_name_of(const struct action *a); /* "set_header" */
int action_priority(const struct action *a); /* lower ones come first */
bool action_is_final(const struct action *a);
bool action_is_edit(const struct action *a);
enum rule_content action_content(const struct action *a); /* of its macros */
/* all: everybody who has no verdict yet is meant. A weir_status. */
int action_run(const struct action *a, struct macro_context *c, bool all);
void action_init(lua_State *L);

#endif
