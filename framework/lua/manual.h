/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * manual - the reference of rules from the tables of bindings: for
 * weir-lua(3), and `weirctl rules help`.
 */
#ifndef WEIR_LUA_MANUAL_H
#define WEIR_LUA_MANUAL_H

#include "base/buf.h"

/* Sections of weir-lua(3), man(7) macros. */
void lua_manual(struct buf *out);
/* Plain text: all names, or those that contain `name` with their help; how
   many were found.  near_out: the nearest name if none was, or NULL. */
size_t lua_manual_help(const char *name, struct buf *out,
    const char **near_out);

#endif
