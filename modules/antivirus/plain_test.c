/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts that need no engine: results, wire, replies of clamd, breaker,
   cache. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "breaker.h"
#include "cache.h"
#include "clamd_reply.h"
#include "wire.h"

/* test_classes - by name */
static void
test_classes(void **state)
{
	(void)state;
	assert_int_equal(av_class_of("Win.Trojan.X-1"), AV_VIRUS);
	assert_int_equal(av_class_of("Email.Phishing.Y"), AV_VIRUS);
	assert_int_equal(av_class_of("Heuristics.Phishing.Email.X"),
	    AV_HEURISTIC);
	assert_int_equal(av_class_of("Heuristics.Limits.Exceeded.MaxFiles"),
	    AV_LIMIT);
	assert_int_equal(av_class_of("Heuristics.Encrypted.Zip"),
	    AV_ENCRYPTED);
	assert_int_equal(av_class_of("Heuristics.Structured.SSN"),
	    AV_STRUCTURED);
	assert_int_equal(av_class_of("PUA.Win.Tool"), AV_HEURISTIC);
	assert_int_equal(av_class_of("HeuristicsX"), AV_VIRUS);
}

/* test_result - names once, the worst is never lost */
static void
test_result(void **state)
{
	struct av_result r = { .n = 0 }, other = { .n = 0 };
	char name[40];

	(void)state;
	av_result_add(&r, AV_HEURISTIC, WEIR_STR("a\nb c"));
	av_result_add(&r, AV_HEURISTIC, WEIR_STR("a?b?c"));
	assert_int_equal(r.n, 1);
	assert_string_equal(r.hit[0].name, "a?b?c");
	av_result_add(&r, AV_VIRUS, WEIR_STR("a?b?c"));
	assert_int_equal(r.hit[0].class, AV_VIRUS);
	av_result_drop(&r, "a?b?c");
	assert_int_equal(r.n, 0);
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "H.%d", i);
		av_result_add(&r, AV_HEURISTIC, weir_str_of(name));
	}
	assert_int_equal(r.n, AV_HITS_MAX);
	av_result_add(&other, AV_VIRUS, WEIR_STR("V"));
	av_result_fail(&other, "why\n");
	av_result_fail(&other, "later");
	av_result_merge(&r, &other);
	assert_string_equal(av_result_find(&r, AV_VIRUS), "V");
	assert_true(r.failed);
	assert_string_equal(r.why, "why ");
	assert_true(r.more > 20);
}

/* test_wire - what is put is what is got, and nothing else */
static void
test_wire(void **state)
{
	static struct av_request q = { .ask = AV_ASK_SCAN, .n = 2,
		.flags = AV_FLAG_FRESH, .asker = 77,
		.range = { { 0, 10 }, { 10, 5 } } }, back;
	static char octets[AV_REQUEST_SIZE + 1];
	struct av_result r = { .elapsed_us = 5, .generation = 3,
		.scanned = 1 << 20 }, got;
	char answer[AV_RESPONSE_SIZE + 1];
	size_t len = av_request_put(octets, &q);

	(void)state;
	assert_int_equal(av_request_get((weir_str) { octets, len }, &back),
	    WEIR_OK);
	assert_int_equal(back.asker, 77);
	assert_int_equal(back.range[1].len, 5);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(av_request_get((weir_str) { octets, i },
		    &back), WEIR_E_INVAL);
	assert_int_equal(av_request_get((weir_str) { octets, len + 1 },
	    &back), WEIR_E_INVAL);
	av_result_add(&r, AV_VIRUS, WEIR_STR("V.1"));
	av_result_add(&r, AV_LIMIT, WEIR_STR("L"));
	av_result_fail(&r, "half");
	len = av_result_put(answer, &r);
	assert_int_equal(av_result_get((weir_str) { answer, len }, &got),
	    WEIR_OK);
	assert_int_equal(got.n, 2);
	assert_true(got.failed);
	assert_string_equal(got.why, "half");
	assert_string_equal(got.hit[1].name, "L");
	assert_int_equal(got.generation, 3);
	for (size_t i = 0; i < len; i++) {
		assert_int_equal(av_result_get((weir_str) { answer, i },
		    &got), WEIR_E_INVAL);
		assert_int_equal(got.n, 0);
	}
}

/* test_ranges - sums that overflow are refused */
static void
test_ranges(void **state)
{
	static struct av_request q = { .ask = AV_ASK_SCAN, .n = 1,
		.range = { { UINT64_MAX, 2 } } }, back;
	static char octets[AV_REQUEST_SIZE];

	(void)state;
	assert_int_equal(av_request_get((weir_str) { octets,
		av_request_put(octets, &q) }, &back), WEIR_E_INVAL);
}

/* test_replies - of a clamd */
static void
test_replies(void **state)
{
	static const struct {
		weir_str reply;
		const char *name; /* NULL: none */
		bool failed;
	} cases[] = {
		{ WEIR_STR("stream: OK\0"), NULL, false },
		{ WEIR_STR("fd[12]: Eicar-Test FOUND\0"), "Eicar-Test",
		    false },
		{ WEIR_STR("fd[1]: X.UNOFFICIAL(0123:44) FOUND\n"),
		    "X.UNOFFICIAL", false },
		{ WEIR_STR("fd[1]: OK\0fd[1]: V FOUND\0"), "V", false },
		{ WEIR_STR("INSTREAM size limit exceeded. ERROR\0"),
		    "Clamd.StreamMaxLength", false },
		{ WEIR_STR(""), NULL, true },
		{ WEIR_STR("stream: OK"), NULL, true },
		{ WEIR_STR("OK\0"), NULL, true },
		{ WEIR_STR("\0\0\n"), NULL, true },
		{ WEIR_STR("stream: NOK\0"), NULL, true },
		{ WEIR_STR("UNKNOWN COMMAND\0"), NULL, true },
		{ WEIR_STR(" FOUND\0"), "unnamed", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct av_result r = { .n = 0 };
		weir_str reply = cases[i].reply;

		clamd_reply_read(reply, &r);
		print_message("%zu: %s\n", i, reply.ptr);
		assert_int_equal(r.failed, cases[i].failed);
		assert_int_equal(r.n, cases[i].name != NULL);
		if (cases[i].name != NULL)
			assert_string_equal(r.hit[0].name, cases[i].name);
	}
}

/* breaker_hit - one mail with that name; is it still a virus? */
static bool
breaker_hit(struct breaker *b, const char *name, int64_t now)
{
	struct av_result r = { .n = 0 };

	if (name != NULL)
		av_result_add(&r, AV_VIRUS, weir_str_of(name));
	breaker_apply(b, &r, now);
	return name != NULL && r.hit[0].class == AV_VIRUS;
}

static const struct breaker_options options = { .hits = 3, .share = 0.5,
	.window_ms = 16000, .age_ms = 100000 };

/* test_breaker_trips - new, often, and a large share */
static void
test_breaker_trips(void **state)
{
	static struct breaker b;
	int64_t t = 1000000;

	(void)state;
	breaker_init(&b, &options);
	breaker_database(&b, 1, false, t);
	/* the first database may be old */
	for (int i = 0; i < 10; i++)
		assert_true(breaker_hit(&b, "Old", t));
	breaker_database(&b, 2, true, t);
	assert_true(breaker_hit(&b, "New", t));
	/* known before the change */
	assert_true(breaker_hit(&b, "Old", t));
	t += 20000; /* the window has gone by */
	for (int i = 0; i < 10; i++)
		assert_false(breaker_hit(&b, NULL, t));
	/* often, but in a small share */
	for (int i = 0; i < 3; i++)
		assert_true(breaker_hit(&b, "New", t));
	t += 20000;
	assert_true(breaker_hit(&b, "New", t));
	assert_true(breaker_hit(&b, "New", t));
	assert_false(breaker_hit(&b, "New", t));
	assert_int_equal(b.demoted, 1);
	/* it stays so, until the next database */
	t += 500000;
	assert_false(breaker_hit(&b, "New", t));
	breaker_database(&b, 3, true, t);
	for (int i = 0; i < 10; i++)
		assert_true(breaker_hit(&b, "New", t));
}

/* test_breaker_age - a database that is not new any more is believed */
static void
test_breaker_age(void **state)
{
	static struct breaker b;

	(void)state;
	breaker_init(&b, &options);
	breaker_database(&b, 1, true, 0);
	for (int i = 0; i < 10; i++)
		assert_true(breaker_hit(&b, "Late", 200000));
	/* many names give way to each other, a clock that steps back is no
	   trouble */
	for (int i = 0; i < 1000; i++) {
		char name[20];

		snprintf(name, sizeof(name), "N%d", i);
		breaker_hit(&b, name, 100000 - i);
	}
}

/* test_cache - by generation, bounded */
static void
test_cache(void **state)
{
	struct cache *c = cache_create(8), *none = cache_create(0);
	uint8_t key[CACHE_KEY], other[CACHE_KEY];
	unsigned kept = 0;

	(void)state;
	assert_null(none);
	assert_true(cache_key("a", 1, key));
	assert_false(cache_has(none, key, 1));
	cache_add(none, key, 1);
	assert_false(cache_has(c, key, 1));
	cache_add(c, key, 1);
	assert_true(cache_has(c, key, 1));
	assert_false(cache_has(c, key, 2));
	for (int i = 0; i < 100; i++) {
		assert_true(cache_key(&i, sizeof(i), other));
		cache_add(c, other, 2);
		assert_true(cache_has(c, other, 2));
	}
	for (int i = 0; i < 100; i++) {
		assert_true(cache_key(&i, sizeof(i), other));
		kept += cache_has(c, other, 2);
	}
	assert_in_range(kept, 1, 8);
	cache_destroy(&c);
	cache_destroy(&none);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_result),
		cmocka_unit_test(test_wire),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_breaker_trips),
		cmocka_unit_test(test_breaker_age),
		cmocka_unit_test(test_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
