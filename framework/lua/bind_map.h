/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bind_map - tables in files: words, networks, regular expressions; read
 * again when the file changes, the old content stays when it can't be read.
 */
#ifndef WEIR_LUA_BIND_MAP_H
#define WEIR_LUA_BIND_MAP_H

#include "lua/rules.h"

/* Look at all files: called by a timer. */
void bind_map_refresh(struct rules *r);
void bind_map_free(struct rules *r);

#endif
