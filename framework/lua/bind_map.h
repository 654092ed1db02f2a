/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bind_map - weir.map: tables in files.
 *
 * Files are looked at every few seconds and read again, in a thread, when
 * they have changed; the new content takes the old one's place at once, and
 * the old one stays when the new one can't be read.  Loop thread.
 */
#ifndef WEIR_LUA_BIND_MAP_H
#define WEIR_LUA_BIND_MAP_H

#include <jansson.h>

#include "lua/rules.h"

/* Look at all files: called by a timer, in a call of its own. */
void bind_map_refresh(struct rules *r, weir_call *call);
void bind_map_free(struct rules *r);
/* How they do: an array, empty without rules or maps. */
json_t *bind_map_status(void);

#endif
