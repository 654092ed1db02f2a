/* SPDX-License-Identifier: GPL-2.0-only */
#include "cache.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 4u

struct cache_entry {
	uint8_t key[CACHE_KEY];
	uint32_t generation; /* 0: free */
	uint32_t used;	     /* the clock when it was last of use */
};

struct cache {
	pthread_mutex_t lock;
	uint32_t sets;
	uint32_t clock;
	struct cache_entry entry[];
};

/* cache_create - all at once */
struct cache *
cache_create(uint32_t entries)
{
	uint32_t sets = (entries + WAYS - 1) / WAYS;
	struct cache *c = sets > 0 ? calloc(1, sizeof(*c) +
	    (size_t)sets * WAYS * sizeof(c->entry[0])) : NULL;

	if (c == NULL)
		return NULL;
	pthread_mutex_init(&c->lock, NULL);
	c->sets = sets;
	return c;
}

/* cache_destroy - and all entries */
void
cache_destroy(struct cache **c)
{
	if (*c != NULL)
		pthread_mutex_destroy(&(*c)->lock);
	free(*c);
	*c = NULL;
}

/* cache_set - where a key may be; nobody can aim at a set without a mail of
   that hash */
static struct cache_entry *
cache_set(struct cache *c, const uint8_t key[CACHE_KEY])
{
	uint32_t word;

	memcpy(&word, key, sizeof(word));
	return &c->entry[(size_t)(word % c->sets) * WAYS];
}

/* cache_has - under this engine */
bool
cache_has(struct cache *c, const uint8_t key[CACHE_KEY], uint32_t generation)
{
	struct cache_entry *set;
	bool found = false;

	if (c == NULL)
		return false;
	set = cache_set(c, key);
	pthread_mutex_lock(&c->lock);
	for (uint32_t i = 0; i < WAYS && !found; i++) {
		found = set[i].generation == generation &&
		    memcmp(set[i].key, key, CACHE_KEY) == 0;
		if (found)
			set[i].used = ++c->clock;
	}
	pthread_mutex_unlock(&c->lock);
	return found;
}

/* cache_add - in the place of one of another engine, or the least used */
void
cache_add(struct cache *c, const uint8_t key[CACHE_KEY], uint32_t generation)
{
	struct cache_entry *set, *e;

	if (c == NULL)
		return;
	set = e = cache_set(c, key);
	pthread_mutex_lock(&c->lock);
	for (uint32_t i = 0; i < WAYS; i++) {
		bool same = memcmp(set[i].key, key, CACHE_KEY) == 0;

		if (same || (set[i].generation != generation &&
			e->generation == generation) ||
		    ((set[i].generation == generation) ==
			    (e->generation == generation) &&
			(int32_t)(set[i].used - e->used) < 0))
			e = &set[i];
		if (same)
			break;
	}
	memcpy(e->key, key, CACHE_KEY);
	e->generation = generation;
	e->used = ++c->clock;
	pthread_mutex_unlock(&c->lock);
}

/* cache_key - of a mail */
bool
cache_key(const void *data, size_t len, uint8_t key[CACHE_KEY])
{
	unsigned n = CACHE_KEY;

	return EVP_Digest(data, len, key, &n, EVP_sha256(), NULL) == 1 &&
	    n == CACHE_KEY;
}
