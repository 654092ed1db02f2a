/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns/cache.h"

#include "base/check.h"
#include "base/clock.h"

/* dns_cache_init - an empty cache */
void
dns_cache_init(struct dns_cache *c, size_t entries)
{
	*c = (struct dns_cache){ .map = MAP_INIT, .entries = entries };
	list_init(&c->lru);
}

/* cache_drop - forget one result */
static void
cache_drop(struct dns_cache *c, struct dns_result *r)
{
	expect(map_remove(&c->map, r->key) == r);
	list_remove(&r->lru);
	c->octets -= r->cost;
	dns_result_unref(&r);
}

/* dns_cache_fini - forget all */
void
dns_cache_fini(struct dns_cache *c)
{
	while (!list_empty(&c->lru))
		cache_drop(c, list_of(c->lru.next, struct dns_result, lru));
	map_fini(&c->map);
}

/* dns_cache_get - what is known and still true */
struct dns_result *
dns_cache_get(struct dns_cache *c, weir_str key)
{
	struct dns_result *r = map_get(&c->map, key);

	if (r == NULL)
		return NULL;
	if (clock_mono_ms() >= r->expires_ms) {
		cache_drop(c, r);
		return NULL;
	}
	list_remove(&r->lru);
	list_append(&c->lru, &r->lru);
	return r;
}

/* dns_cache_put - remember */
void
dns_cache_put(struct dns_cache *c, weir_str key, struct dns_result *r)
{
	struct dns_result *old;
	uint32_t ttl = r->ttl < DNS_TTL_MAX ? r->ttl : DNS_TTL_MAX;

	if (ttl == 0 || c->entries == 0)
		return;
	expect(list_empty(&r->lru));
	if ((old = map_get(&c->map, key)) != NULL)
		cache_drop(c, old);
	r->key = pool_str(r->pool, key);
	r->cost = pool_used(r->pool) + 1024;
	r->expires_ms = r->born_ms + (int64_t)ttl * 1000;
	map_set(&c->map, r->key, dns_result_ref(r));
	list_append(&c->lru, &r->lru);
	c->octets += r->cost;
	while (c->map.n > c->entries ||
	    c->octets > c->entries * DNS_CACHE_OCTETS)
		cache_drop(c, list_of(c->lru.next, struct dns_result, lru));
}
