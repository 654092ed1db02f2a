/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * object - what the slots of declared rules are made of: addresses, networks,
 * time frames, fields, names.
 *
 * Matching gives marks: nothing, the whole mail, or some of its parts.
 * Loop thread.
 */
#ifndef WEIR_LUA_OBJECT_H
#define WEIR_LUA_OBJECT_H

#include "base/buf.h"
#include "lua/mark.h"
#include "lua/round.h"

struct object;
struct view;

/* In which slots an object may stand, and on what it depends. */
#define OBJECT_FROM (1u << 0)
#define OBJECT_TO (1u << 1)
#define OBJECT_WHEN (1u << 2)
#define OBJECT_WHAT (1u << 3)
#define OBJECT_PER_RCPT (1u << 4)
#define OBJECT_HEADERS (1u << 5)
#define OBJECT_BODY (1u << 6)

#define OBJECT_TYPE "weir.object"

/* The object at index i of the stack, or NULL. It lives as long as the
   declare that took it: object_take. */
struct object *object_take(lua_State *L, int i);
void object_free(struct object *o);
unsigned object_flags(const struct object *o);
const char *object_name(const struct object *o);
void object_init(lua_State *L);

/* rcpt: whom `to` and scores are about.  Negative: an expression gave up. */
int object_match(const struct object *o, struct view *view, bool to,
    uint32_t rcpt, struct mark *mark);
/* What it looks at, for people, into a list without doubles. */
void object_seen(const struct object *o, struct view *view, bool to,
    uint32_t rcpt, struct buf *out);

#endif
