/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cache - results by question, until their TTL has passed.
 *
 * Bounded by entries and by octets (DNS_CACHE_OCTETS each on average); the
 * least recently used go first.  The cache holds one reference of each result
 * and writes its private fields: a result is in one cache at most.  Time is
 * clock_mono_ms().  Loop thread only.
 */
#ifndef WEIR_DNS_CACHE_H
#define WEIR_DNS_CACHE_H

#include <stddef.h>

#include "base/list.h"
#include "base/map.h"
#include "dns/answer.h"

#define DNS_CACHE_OCTETS 4096

struct dns_cache {
	struct map map;	 /* key to struct dns_result */
	struct list lru; /* least recently used first */
	size_t entries;	 /* most that it may hold */
	size_t octets;	 /* held now */
};

void dns_cache_init(struct dns_cache *c, size_t entries);
void dns_cache_fini(struct dns_cache *c); /* gives all references back */
/* Borrowed until the next call that may change the cache; NULL: unknown. */
struct dns_result *dns_cache_get(struct dns_cache *c, weir_str key);
/* Keep r for r->ttl seconds in place of what was there; ttl 0: keep nothing.
   The key is copied. */
void dns_cache_put(struct dns_cache *c, weir_str key, struct dns_result *r);

#endif
