/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base_test - the small things everything stands on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/budget.h"
#include "base/buf.h"
#include "base/ip.h"
#include "base/map.h"
#include "base/pool.h"
#include "base/text.h"

static int order[4], ordered;

static void
note(void *arg)
{
	order[ordered++] = *(int *)arg;
}

static void
pool_frees_in_reverse_and_zeroes(void **state)
{
	struct pool *pool = pool_create(100, 10000);
	int one = 1, two = 2;
	char *p;

	(void)state;
	pool_cleanup(pool, note, &one);
	pool_cleanup(pool, note, &two);
	for (int i = 0; i < 200; i++) {
		p = pool_alloc(pool, 37);
		for (int k = 0; k < 37; k++)
			assert_int_equal(p[k], 0);
		memset(p, 'x', 37);
	}
	p = pool_alloc(pool, 1 << 20);
	memset(p, 'y', 1 << 20);
	assert_null(pool_try_alloc(pool, 1));
	assert_string_equal(pool_printf(pool, "%d-%s", 7, "z"), "7-z");
	pool_destroy(&pool);
	assert_null(pool);
	assert_int_equal(ordered, 2);
	assert_int_equal(order[0], 2);
	assert_int_equal(order[1], 1);
	pool_destroy(&pool);
}

static void
pool_limit_refuses(void **state)
{
	struct pool *pool = pool_create(1024, 1000);

	(void)state;
	assert_non_null(pool_try_alloc(pool, 900));
	assert_null(pool_try_alloc(pool, 200));
	assert_null(pool_try_alloc(pool, SIZE_MAX / 4));
	pool_destroy(&pool);
}

static void
map_keeps_what_it_is_given(void **state)
{
	struct map m = MAP_INIT;
	char key[32];
	int v[1000];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "key%d", i);
		assert_null(map_set(&m, text_slice(key), &v[i]));
	}
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "key%d", i);
		assert_ptr_equal(map_get(&m, text_slice(key)), &v[i]);
		if (i % 2 == 0)
			assert_ptr_equal(map_remove(&m, text_slice(key)),
			    &v[i]);
	}
	assert_int_equal(m.n, 500);
	assert_null(map_get(&m, text_slice("key0")));
	map_fini(&m);
}

static void
siphash_matches_the_paper(void **state)
{
	unsigned char in[15];

	(void)state;
	/* SipHash: a fast short-input PRF, appendix A */
	map_seed(0x0706050403020100u, 0x0f0e0d0c0b0a0908u);
	for (unsigned char i = 0; i < 15; i++)
		in[i] = i;
	assert_true(map_hash(in, 15) == 0xa129ca6149be45e5u);
}

static void
addresses_parse_and_print(void **state)
{
	static const struct {
		const char *in, *out;
	} ok[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "2001:DB8::1", "2001:db8::1" },
	};
	static const char *const bad[] = { "", "1.2.3", "1.2.3.4.5", "x", "::g",
		"1.2.3.4 " };
	struct ip ip;
	char text[IP_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(ok) / sizeof(*ok); i++) {
		assert_true(ip_parse(ok[i].in, &ip));
		ip_print(&ip, text);
		assert_string_equal(text, ok[i].out);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(ip_parse(bad[i], &ip));
}

static void
networks_contain(void **state)
{
	static const struct {
		const char *net, *addr;
		bool in;
	} t[] = {
		{ "192.0.2.0/24", "192.0.2.255", true },
		{ "192.0.2.0/24", "192.0.3.0", false },
		{ "192.0.2.128/25", "192.0.2.127", false },
		{ "0.0.0.0/0", "1.2.3.4", true },
		{ "0.0.0.0/0", "::1", false },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "::1", "::1", true },
	};
	struct ip_net net;
	struct ip ip;
	char rev[65];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		assert_true(ip_net_parse(t[i].net, &net));
		assert_true(ip_parse(t[i].addr, &ip));
		assert_int_equal(ip_in_net(&ip, &net), t[i].in);
	}
	assert_false(ip_net_parse("192.0.2.1/24", &net));
	assert_false(ip_net_parse("192.0.2.0/33", &net));
	assert_false(ip_net_parse("192.0.2.0/", &net));
	assert_false(ip_net_parse("192.0.2.0/8x", &net));
	assert_true(ip_parse("127.0.0.2", &ip));
	ip_reverse(&ip, rev);
	assert_string_equal(rev, "2.0.0.127.");
	assert_true(ip_parse("2001:db8::1", &ip));
	ip_reverse(&ip, rev);
	assert_string_equal(rev,
	    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
	    "0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.");
}

static void
escaping_leaves_nothing_dangerous(void **state)
{
	static const struct {
		const char *in, *out;
	} t[] = {
		{ "plain", "plain" },
		{ "a\nb", "a\\x0ab" },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
		{ "bad\xff", "bad\\xff" },
		{ "\xe2\x80\xae" "evil", "\\xe2\\x80\\xaeevil" },
		{ "back\\slash", "back\\x5cslash" },
		{ "\xc0\x80", "\\xc0\\x80" },
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		text_escape(out, sizeof(out), text_slice(t[i].in));
		assert_string_equal(out, t[i].out);
	}
	assert_int_equal(text_escape(out, 4, text_slice("a\n")), 1);
	assert_string_equal(out, "a");
}

static void
nearest_finds_the_typo(void **state)
{
	static const char *const words[] = { "listener", "module", "networks",
		NULL };

	(void)state;
	assert_string_equal(text_nearest("listner", words), "listener");
	assert_string_equal(text_nearest("network", words), "networks");
	assert_null(text_nearest("elephant", words));
}

static void
budget_refuses_over_the_cap(void **state)
{
	(void)state;
	budget_limit(1000);
	assert_true(budget_take(900));
	assert_false(budget_is_open());
	assert_false(budget_take(101));
	assert_true(budget_fits(1000));
	assert_false(budget_fits(1001));
	assert_int_equal(budget_used(), 900);
	budget_give(900);
	assert_true(budget_is_open());
	budget_limit(0);
}

static void
buf_grows_and_drops(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	for (int i = 0; i < 100; i++)
		buf_printf(&b, "%d,", i);
	assert_int_equal(b.len, 290);
	buf_drop(&b, 288);
	assert_string_equal(b.ptr, "9,");
	buf_fini(&b);
	assert_int_equal(buf_str(&b).len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pool_frees_in_reverse_and_zeroes),
		cmocka_unit_test(pool_limit_refuses),
		cmocka_unit_test(siphash_matches_the_paper),
		cmocka_unit_test(map_keeps_what_it_is_given),
		cmocka_unit_test(addresses_parse_and_print),
		cmocka_unit_test(networks_contain),
		cmocka_unit_test(escaping_leaves_nothing_dangerous),
		cmocka_unit_test(nearest_finds_the_typo),
		cmocka_unit_test(budget_refuses_over_the_cap),
		cmocka_unit_test(buf_grows_and_drops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
