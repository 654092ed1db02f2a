/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/map.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "base/check.h"

static uint64_t seed[2];
static bool seeded;

#define ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))

/* sip_round - one round of SipHash (Aumasson, Bernstein 2012) */
static inline void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = ROTL(v[1], 13) ^ v[0];
	v[0] = ROTL(v[0], 32);
	v[2] += v[3];
	v[3] = ROTL(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = ROTL(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = ROTL(v[1], 17) ^ v[2];
	v[2] = ROTL(v[2], 32);
}

/* map_seed - fix the seed */
void
map_seed(uint64_t k0, uint64_t k1)
{
	seed[0] = k0;
	seed[1] = k1;
	seeded = true;
}

/* map_hash - SipHash-2-4 under the process's seed */
uint64_t
map_hash(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t v[4], m;
	size_t left = len & 7;

	if (!seeded) {
		if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
			fatal("no random numbers from the kernel");
		seeded = true;
	}
	v[0] = seed[0] ^ 0x736f6d6570736575u;
	v[1] = seed[1] ^ 0x646f72616e646f6du;
	v[2] = seed[0] ^ 0x6c7967656e657261u;
	v[3] = seed[1] ^ 0x7465646279746573u;
	for (const unsigned char *end = p + (len - left); p != end; p += 8) {
		memcpy(&m, p, 8);
		v[3] ^= m;
		sip_round(v);
		sip_round(v);
		v[0] ^= m;
	}
	m = (uint64_t)len << 56;
	for (size_t i = 0; i < left; i++)
		m |= (uint64_t)p[i] << (8 * i);
	v[3] ^= m;
	sip_round(v);
	sip_round(v);
	v[0] ^= m;
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* map_slot - the link that points at the key's entry, or at NULL */
static struct map_entry **
map_slot(const struct map *m, weir_str key, uint64_t hash)
{
	struct map_entry **e = &m->bucket[hash & (m->buckets - 1)];

	while (*e != NULL &&
	    ((*e)->hash != hash || (*e)->len != key.len ||
		memcmp((*e)->key, key.ptr, key.len) != 0))
		e = &(*e)->next;
	return e;
}

/* map_resize - spread over more buckets */
static void
map_resize(struct map *m, size_t buckets)
{
	struct map_entry **fresh = xcalloc(buckets, sizeof(*fresh));
	struct map_entry *e, *next;

	for (size_t i = 0; i < m->buckets; i++) {
		for (e = m->bucket[i]; e != NULL; e = next) {
			next = e->next;
			e->next = fresh[e->hash & (buckets - 1)];
			fresh[e->hash & (buckets - 1)] = e;
		}
	}
	free(m->bucket);
	m->bucket = fresh;
	m->buckets = buckets;
}

/* map_fini - free entries, not values */
void
map_fini(struct map *m)
{
	struct map_entry *e, *next;

	for (size_t i = 0; i < m->buckets; i++) {
		for (e = m->bucket[i]; e != NULL; e = next) {
			next = e->next;
			free(e);
		}
	}
	free(m->bucket);
	memset(m, 0, sizeof(*m));
}

/* map_get - look up */
void *
map_get(const struct map *m, weir_str key)
{
	struct map_entry *e;

	if (m->n == 0)
		return NULL;
	e = *map_slot(m, key, map_hash(key.ptr, key.len));
	return e != NULL ? e->value : NULL;
}

/* map_set - insert or replace */
void *
map_set(struct map *m, weir_str key, void *value)
{
	uint64_t hash = map_hash(key.ptr, key.len);
	struct map_entry **slot, *e;
	void *old;

	if (m->n >= m->buckets)
		map_resize(m, m->buckets != 0 ? m->buckets * 2 : 16);
	slot = map_slot(m, key, hash);
	if (*slot != NULL) {
		old = (*slot)->value;
		(*slot)->value = value;
		return old;
	}
	e = xmalloc(sizeof(*e) + key.len + 1);
	e->next = NULL;
	e->hash = hash;
	e->value = value;
	e->len = key.len;
	memcpy(e->key, key.ptr, key.len);
	e->key[key.len] = '\0';
	*slot = e;
	m->n++;
	return NULL;
}

/* map_remove - take out */
void *
map_remove(struct map *m, weir_str key)
{
	struct map_entry **slot, *e;
	void *value;

	if (m->n == 0)
		return NULL;
	slot = map_slot(m, key, map_hash(key.ptr, key.len));
	if ((e = *slot) == NULL)
		return NULL;
	*slot = e->next;
	value = e->value;
	free(e);
	m->n--;
	return value;
}

/* map_each - visit all entries */
void
map_each(struct map *m, bool (*fn)(weir_str, void *, void *), void *arg)
{
	struct map_entry *e, *next;
	weir_str key;

	for (size_t i = 0; i < m->buckets; i++) {
		for (e = m->bucket[i]; e != NULL; e = next) {
			next = e->next;
			key.ptr = e->key;
			key.len = e->len;
			if (!fn(key, e->value, arg))
				return;
		}
	}
}
