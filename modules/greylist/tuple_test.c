/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tuple_test - keys, stored values, and times to the millisecond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "learn.h"
#include "record.h"
#include "tuple.h"

#define MINUTE INT64_C(60000)
#define DAY (1440 * MINUTE)

static void
sender_is_normalised(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "", "<>" },
		{ "A@Example.COM", "a@example.com" },
		{ "user+tag@example.com", "user@example.com" },
		{ "user+a+b@example.com", "user@example.com" },
		{ "+x@example.com", "@example.com" },
		{ "list-123-4@example.com", "list-#-#@example.com" },
		{ "list-123a-4@example.com", "list-123a-#@example.com" },
		{ "42@example.com", "#@example.com" },
		{ "a1b2@example.com", "a1b2@example.com" },
		{ "x_12@example.com", "x_12@example.com" },
		{ "bounce.77.u=h@l33t.example", "bounce.#.u=h@l33t.example" },
		{ "a@b@42.example", "a@b@42.example" },
		{ "noat-9", "noat-#" },
		{ "\"a b\"@example.com", "\"a?b\"@example.com" },
		{ "a\r\nb@example.com", "a??b@example.com" },
	};
	char out[TUPLE_ADDRESS_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		tuple_sender(out, sizeof(out), weir_str_of(cases[i].in));
		assert_string_equal(out, cases[i].out);
	}
}

static void
long_addresses_stay_apart(void **state)
{
	char in[3000], one[TUPLE_ADDRESS_SIZE], two[TUPLE_ADDRESS_SIZE];
	char key[TUPLE_KEY_SIZE], identity[TUPLE_IDENTITY_SIZE];
	size_t n;

	(void)state;
	for (size_t len = 120; len < sizeof(in); len += 137) {
		memset(in, 'a', len);
		tuple_sender(one, sizeof(one), (weir_str){ in, len });
		in[len - 1] = 'b';
		tuple_sender(two, sizeof(two), (weir_str){ in, len });
		assert_string_not_equal(one, two);
		assert_true(strlen(one) < sizeof(one));
	}
	memset(in, 'a', sizeof(in));
	tuple_spf(identity, sizeof(identity), (weir_str){ in, sizeof(in) });
	n = tuple_key(key, sizeof(key), identity, one, two);
	assert_int_equal(n, strlen(key));
	assert_true(strlen(key) <= WEIR_STORE_KEY_MAX);
	assert_memory_equal(key + strlen(key) - strlen(two), two,
	    strlen(two));
}

static void
netblock_has_its_borders(void **state)
{
	static const struct {
		unsigned char addr[16];
		size_t len;
		int mask4, mask6;
		const char *out;
	} cases[] = {
		{ { 203, 0, 113, 255 }, 4, 24, 64, "net:203.0.113.0/24" },
		{ { 203, 0, 113, 0 }, 4, 24, 64, "net:203.0.113.0/24" },
		{ { 203, 0, 114, 0 }, 4, 24, 64, "net:203.0.114.0/24" },
		{ { 203, 0, 113, 7 }, 4, 32, 64, "net:203.0.113.7/32" },
		{ { 203, 0, 113, 7 }, 4, 22, 64, "net:203.0.112.0/22" },
		{ { 0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 255, 255, 255, 255, 255,
		    255, 255, 255 }, 16, 24, 64, "net:2001:db8:0:1::/64" },
		{ { 0x20, 1, 0xd, 0xb8, 0, 0, 0, 3, 1 }, 16, 24, 63,
		    "net:2001:db8:0:2::/63" },
		{ { 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9 },
		    16, 24, 128, "net:2001:db8::9/128" },
	};
	char out[TUPLE_IDENTITY_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		tuple_netblock(out, sizeof(out), cases[i].addr, cases[i].len,
		    cases[i].mask4, cases[i].mask6);
		assert_string_equal(out, cases[i].out);
	}
}

static void
name_is_an_identity_if_it_says_whose(void **state)
{
	static const unsigned char v4[] = { 203, 0, 113, 7 };
	static const unsigned char v6[] = { 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0,
		1, 0, 2, 0, 3, 0, 4 };
	static const struct {
		const char *name;
		bool is_v6;
		const char *out; /* NULL: falls back to the netblock */
	} cases[] = {
		{ "mail-ed1-f41.Example.COM", false, "dns:example.com" },
		{ "mail.example.co.uk.", false, "dns:example.co.uk" },
		{ "a113-7.smtp-out.example.com", false, "dns:example.com" },
		{ "203-0-113-7.pool.example.net", false, NULL },
		{ "7.113.0.203.dyn.example.net", false, NULL },
		{ "p3-cb007107.example.net", false, NULL },
		{ "host203000113007.example.net", false, NULL },
		{ "com", false, NULL },
		{ "co.uk", false, NULL },
		{ "unknown", false, NULL },
		{ "[203.0.113.7]", false, NULL },
		{ "", false, NULL },
		{ "mx.example.com", true, "dns:example.com" },
		{ "2001-db8--0001-0002-0003-0004.example.net", true, NULL },
	};
	char out[TUPLE_IDENTITY_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool found = tuple_domain(out, sizeof(out),
		    weir_str_of(cases[i].name), cases[i].is_v6 ? v6 : v4,
		    cases[i].is_v6 ? 16 : 4);

		assert_int_equal(found, cases[i].out != NULL);
		if (found)
			assert_string_equal(out, cases[i].out);
	}
}

static void
record_survives_and_refuses(void **state)
{
	static const char *const bad[] = { "", "1", "1 2 3 4 5", "2 1 1 1 1 1",
		"1 1 1 1 1 1 ", "1 1 1 1 1 1 1", "1 -1 1 1 1 1",
		"1 1 1 1 4294967296 1", "1 9223372036854775808 1 1 1 1",
		"1  1 1 1 1 1", "x", "1 1 1 1 1 x" };
	struct record r = { .first = INT64_C(1700000000000),
		.passed = INT64_MAX, .last = 3, .deferred = UINT32_MAX, .passes = 7 }, out;
	struct learn l = { 5, INT64_C(1700000000000),
		INT64_C(1700000000001) }, lout;
	char text[RECORD_TEXT_SIZE];
	size_t len = record_encode(&r, text, sizeof(text));

	(void)state;
	assert_true(record_decode(&out, (weir_str){ text, len }));
	assert_int_equal(out.first, r.first);
	assert_int_equal(out.passed, r.passed);
	assert_int_equal(out.last, r.last);
	assert_int_equal(out.deferred, r.deferred);
	assert_int_equal(out.passes, r.passes);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(record_decode(&out, weir_str_of(bad[i])));
	len = learn_encode(&l, text, sizeof(text));
	assert_true(learn_decode(&lout, (weir_str){ text, len }));
	assert_int_equal(l.count, lout.count);
	assert_int_equal(l.since, lout.since);
	assert_int_equal(l.last, lout.last);
	assert_false(learn_decode(&lout, WEIR_STR("1 1 1")));
	assert_false(learn_decode(&lout, WEIR_STR("2 1 1 1")));
}

/* Every edge of every time, from the first attempt on. */
static void
times_hold_to_the_millisecond(void **state)
{
	static const struct record_times t = { 3 * MINUTE, 2 * DAY, 36 * DAY };
	static const struct {
		int64_t first, passed, last, now;
		enum record_state want;
		int64_t wait;
	} cases[] = {
		{ 0, 0, 0, 0, RECORD_EARLY, 3 * MINUTE },
		{ 0, 0, 0, 3 * MINUTE - 1, RECORD_EARLY, 1 },
		{ 0, 0, 0, 3 * MINUTE, RECORD_PASS, 0 },
		{ 0, 0, 0, 2 * DAY - 1, RECORD_PASS, 0 },
		{ 0, 0, 0, 2 * DAY, RECORD_NEW, 3 * MINUTE },
		{ 0, 1, 5 * DAY, 41 * DAY - 1, RECORD_PASS, 0 },
		{ 0, 1, 5 * DAY, 41 * DAY, RECORD_NEW, 3 * MINUTE },
		/* the clock was set back */
		{ DAY, 0, DAY, DAY - 1, RECORD_NEW, 3 * MINUTE },
		{ DAY, DAY, DAY, 0, RECORD_PASS, 0 },
	};
	int64_t wait;

	(void)state;
	assert_int_equal(record_judge(NULL, &t, 0, &wait), RECORD_NEW);
	assert_int_equal(wait, t.delay);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct record r = { .first = cases[i].first,
			.passed = cases[i].passed, .last = cases[i].last };

		assert_int_equal(record_judge(&r, &t, cases[i].now, &wait),
		    cases[i].want);
		assert_int_equal(wait, cases[i].wait);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sender_is_normalised),
		cmocka_unit_test(long_addresses_stay_apart),
		cmocka_unit_test(netblock_has_its_borders),
		cmocka_unit_test(name_is_an_identity_if_it_says_whose),
		cmocka_unit_test(record_survives_and_refuses),
		cmocka_unit_test(times_hold_to_the_millisecond),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
