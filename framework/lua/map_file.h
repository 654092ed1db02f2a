/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * map_file - what a file of a map holds: words, networks, regular
 * expressions, or a constant database (cdb).
 *
 * Content never changes once it has been read; a file that has changed is
 * read into new content that takes the old one's place.  A file that can't
 * be read whole gives none.  Files are to be replaced by rename (as cdb tools
 * do); one that is written or cut short in place while it is read is refused,
 * and what has been read is in memory: a cdb is not mapped from the disk.
 */
#ifndef WEIR_LUA_MAP_FILE_H
#define WEIR_LUA_MAP_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"

enum map_kind { MAP_WORDS, MAP_CIDR, MAP_REGEX, MAP_CDB };
extern const char *const map_kinds[]; /* NULL-ended */

struct map_content;

/* Read path, of at most size_max octets; NULL: err names file and line.
   st_out: what was read, set also on failure if the file is there, zeroed if
   not. [any] */
struct map_content *map_content_read(const char *path, enum map_kind kind,
    size_t size_max, struct stat *st_out, struct err *err);
void map_content_free(struct map_content **content);
size_t map_content_count(const struct map_content *c); /* entries */

/* Look a key up; its value goes to out (octets, perhaps none).  1: there, 0:
   not there, WEIR_E_LIMIT: an expression gave up, WEIR_E_TEMP: the database is
   damaged.  *work: what it cost, in instructions of Lua. [loop] */
int map_content_find(struct map_content *c, weir_str key, struct buf *out,
    size_t *work);

#endif
