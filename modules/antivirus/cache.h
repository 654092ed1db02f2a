/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cache - mails that this engine has called clean, by their SHA-256.
 *
 * Only clean verdicts are kept, of a whole scan, and only as long as the
 * engine that stated them: its generation is part of the entry.  A fixed
 * table; an old entry gives way to a new one. [any]
 */
#ifndef MODULE_ANTIVIRUS_CACHE_H
#define MODULE_ANTIVIRUS_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CACHE_KEY 32u

struct cache;

/* entries: about so many, 0: NULL, which the other functions take. */
struct cache *cache_create(uint32_t entries);
void cache_destroy(struct cache **c);
bool cache_has(struct cache *c, const uint8_t key[CACHE_KEY],
    uint32_t generation);
void cache_add(struct cache *c, const uint8_t key[CACHE_KEY],
    uint32_t generation);
/* false: the library has no SHA-256. */
bool cache_key(const void *data, size_t len, uint8_t key[CACHE_KEY]);

#endif
