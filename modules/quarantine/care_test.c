/* SPDX-License-Identifier: GPL-2.0-or-later */
/* care_test - how long things are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <time.h>

#include "care.h"
#include "release.h"
#include "test_store.h"

/* Each class for its own time. */
static void
test_retention(void **state)
{
	struct care_conf conf = { .keep_ms = { 0, 1000, 3000, 2000 },
		.audit_ms = 5000 };
	struct store *st = *state;
	struct care_purged p;
	struct item i;
	struct fault f;
	char id[3][ID_LEN + 1], text[40];

	for (int c = 1; c < CLASSES; c++) {
		snprintf(text, sizeof(text), "Subject: %d\r\n\r\n", c);
		assert_int_equal(keep_one(st, text, "a@example.net", c,
		    id[c - 1]), WEIR_OK);
	}
	clock_ms += 1500;
	assert_int_equal(care_purge(st, &conf, true, &p, &f), WEIR_OK);
	assert_int_equal(p.items[1], 1);
	assert_int_equal(count(st, "item"), 3);
	assert_int_equal(care_purge(st, &conf, false, &p, &f), WEIR_OK);
	assert_int_equal(p.items[1] + p.items[2] + p.items[3], 1);
	clock_ms += 1000;
	/* what is on its way waits */
	assert_int_equal(release_ask(st, id[2], 0, "t", &i, &f), WEIR_OK);
	assert_int_equal(care_purge(st, &conf, false, &p, &f), WEIR_OK);
	assert_int_equal(count(st, "item"), 2);
	clock_ms += 1000;
	assert_int_equal(care_purge(st, &conf, false, &p, &f), WEIR_OK);
	assert_int_equal(p.items[2], 1);
	assert_int_equal(count(st, "mail"), 1);
	assert_true(count(st, "audit") > 0);
	clock_ms += 10000;
	assert_int_equal(care_purge(st, &conf, false, &p, &f), WEIR_OK);
	assert_int_equal(count(st, "audit"), 0);
	/* sums are right after all that */
	assert_int_equal(count(st, "used WHERE octets < 0 OR items < 0"), 0);
	assert_int_equal(count(st, "used WHERE user = '' AND items = 1"), 1);
}

/* Days end at midnight. */
static void
test_retention_of_days(void **state)
{
	const int64_t day = 86400000;
	struct care_conf conf = { .keep_ms = { 0, day, day, day },
		.audit_ms = 90 * day };
	struct store *st = *state;
	struct care_purged p;
	struct fault f;
	char id[ID_LEN + 1];
	struct tm tm;
	time_t t = (time_t)(clock_ms / 1000);

	/* noon, so that it is far from both midnights */
	assert_non_null(localtime_r(&t, &tm));
	tm.tm_hour = 12;
	tm.tm_min = tm.tm_sec = 0;
	tm.tm_isdst = -1;
	clock_ms = (int64_t)mktime(&tm) * 1000;
	assert_int_equal(keep_one(st, "a\r\n", "a@example.net", 1, id),
	    WEIR_OK);
	clock_ms += 35 * 3600000; /* an hour before the second midnight */
	assert_int_equal(care_purge(st, &conf, false, &p, &f), WEIR_OK);
	assert_int_equal(p.items[1], 0);
	clock_ms += 2 * 3600000;
	assert_int_equal(care_purge(st, &conf, false, &p, &f), WEIR_OK);
	assert_int_equal(p.items[1], 1);
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		T(test_retention),
		T(test_retention_of_days),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
