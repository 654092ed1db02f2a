/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cache_test - expiry by the turned clock, bounds, references. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/text.h"
#include "dns/cache.h"

/* put - cache an answer of this size; the cache alone holds it */
static void
put(struct dns_cache *c, const char *key, uint32_t ttl, size_t octets)
{
	struct dns_result *r = dns_result_create();

	r->ttl = ttl;
	pool_alloc(r->pool, octets);
	dns_cache_put(c, text_slice(key), r);
	dns_result_unref(&r);
}

static bool
has(struct dns_cache *c, const char *key)
{
	return dns_cache_get(c, text_slice(key)) != NULL;
}

static void
entries_expire(void **state)
{
	static const struct {
		uint32_t ttl;
		int64_t alive_ms, dead_ms;
	} rows[] = {
		{ 1, 900, 1000 },
		{ 300, 299900, 300000 },
		{ 86400, 86399900, 86400000 },
		{ UINT32_MAX, 86399900, 86400000 }
	};
	struct dns_cache c;

	(void)state;
	dns_cache_init(&c, 10);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put(&c, "k", rows[i].ttl, 10);
		assert_true(has(&c, "k"));
		clock_advance(rows[i].alive_ms - 50);
		assert_true(has(&c, "k"));
		clock_advance(rows[i].dead_ms - rows[i].alive_ms + 50);
		assert_false(has(&c, "k"));
		assert_int_equal(c.map.n, 0);
		assert_int_equal(c.octets, 0);
	}
	put(&c, "k", 0, 10);
	assert_false(has(&c, "k"));
	dns_cache_fini(&c);
}

static void
the_least_used_goes_first(void **state)
{
	struct dns_cache c;

	(void)state;
	dns_cache_init(&c, 3);
	put(&c, "a", 60, 10);
	put(&c, "b", 60, 10);
	put(&c, "c", 60, 10);
	assert_true(has(&c, "a"));
	put(&c, "d", 60, 10);
	assert_false(has(&c, "b"));
	assert_true(has(&c, "a") && has(&c, "c") && has(&c, "d"));
	put(&c, "a", 60, 10); /* in place of itself */
	assert_int_equal(c.map.n, 3);
	dns_cache_fini(&c);
}

static void
octets_are_bounded_too(void **state)
{
	struct dns_cache c;
	char key[16];

	(void)state;
	dns_cache_init(&c, 100);
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		put(&c, key, 60, 65536);
		assert_true(c.octets <= 100 * DNS_CACHE_OCTETS);
	}
	assert_in_range(c.map.n, 4, 6);
	assert_true(has(&c, "k99"));
	put(&c, "huge", 60, 100 * DNS_CACHE_OCTETS); /* alone too large */
	assert_int_equal(c.map.n, 0);
	dns_cache_fini(&c);
}

static void
a_user_keeps_what_the_cache_dropped(void **state)
{
	struct dns_cache c;
	struct dns_result *r;

	(void)state;
	dns_cache_init(&c, 1);
	put(&c, "a", 60, 10);
	r = dns_result_ref(dns_cache_get(&c, text_slice("a")));
	put(&c, "b", 60, 10);
	assert_int_equal(r->refs, 1);
	assert_int_equal(r->answer.status, WEIR_E_NOTFOUND);
	dns_result_unref(&r);
	dns_cache_fini(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_expire),
		cmocka_unit_test(the_least_used_goes_first),
		cmocka_unit_test(octets_are_bounded_too),
		cmocka_unit_test(a_user_keeps_what_the_cache_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
