/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * map - octet strings to pointers, hashed with a secret seed (SipHash-2-4) so
 * that a sender can't choose keys that collide.  Keys are copied.
 */
#ifndef WEIR_BASE_MAP_H
#define WEIR_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/types.h>

struct map_entry {
	struct map_entry *next; /* same bucket */
	uint64_t hash;
	void *value;
	size_t len;
	char key[]; /* with a NUL behind */
};

struct map {
	struct map_entry **bucket;
	size_t buckets, n;
};

#define MAP_INIT { NULL, 0, 0 }

void map_fini(struct map *m); /* values are the caller's */
void *map_get(const struct map *m, weir_str key); /* NULL: absent */
/* set, return the value that was there before */
void *map_set(struct map *m, weir_str key, void *value);
void *map_remove(struct map *m, weir_str key);
/* visit all; return false to stop; the visited entry may be removed */
void map_each(struct map *m, bool (*fn)(weir_str key, void *value, void *arg),
    void *arg);

/* The seeded hash itself. */
uint64_t map_hash(const void *data, size_t len);
/* Fix the seed (tests only). */
void map_seed(uint64_t k0, uint64_t k1);

#endif
