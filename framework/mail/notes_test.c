/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notes_test - nothing that a mail does hides what was said of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/pool.h"
#include "base/text.h"
#include "mail/notes.h"

static const char names[4];
#define MODULE(i) ((const struct module *)(const void *)&names[i])

static struct pool *pool;
static struct notes notes;

static int
setup(void **state)
{
	(void)state;
	pool = pool_create(4096, 0);
	notes_init(&notes);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pool_destroy(&pool);
	return 0;
}

/* finding - one more */
static void
finding(int module, const char *symbol, uint32_t rcpt, int stage, double score)
{
	struct finding f = { .module = MODULE(module), .symbol = symbol,
		.rcpt = rcpt, .stage = (uint8_t)stage, .score = score,
		.reason = text_slice("because") };

	assert_int_equal(notes_finding(&notes, pool, &f), WEIR_OK);
}

/* total - sum of scores */
static double
total(void)
{
	double sum = 0;

	for (const struct finding *f = notes.findings; f != NULL; f = f->next)
		sum += f->score;
	return sum;
}

static void
test_findings_beyond_limit(void **state)
{
	static const char one[] = "ONE", two[] = "TWO";

	(void)state;
	for (int i = 0; i < 5 * NOTES_MAX; i++)
		finding(0, one, WEIR_RCPT_NONE, WEIR_STAGE_BODY, 0.5);
	assert_int_equal(notes.nfindings, NOTES_MAX);
	/* the one that counts comes last */
	finding(1, two, WEIR_RCPT_NONE, WEIR_STAGE_EOM, 100);
	finding(1, two, 3, WEIR_STAGE_EOM, 1000);
	finding(1, two, 3, WEIR_STAGE_EOM, 1000);
	assert_int_equal(notes.nfindings, NOTES_MAX + 2);
	assert_true(total() == 5 * NOTES_MAX * 0.5 + 2100);
}

/* opinion - one more */
static void
opinion(int module, uint32_t action, uint32_t scope, uint32_t rcpt, int stage)
{
	struct opinion o = { .module = MODULE(module), .action = action,
		.scope = scope, .rcpt = rcpt, .stage = (uint8_t)stage,
		.text = "text", .enhanced = "4.7.1" };

	assert_int_equal(notes_opinion(&notes, pool, &o), WEIR_OK);
}

/* strongest - what was said about a recipient */
static uint32_t
strongest(uint32_t rcpt)
{
	uint32_t best = 0;

	for (const struct opinion *o = notes.opinions; o != NULL; o = o->next) {
		if (o->rcpt == rcpt && o->action > best)
			best = o->action;
	}
	return best;
}

static void
test_opinions_beyond_limit(void **state)
{
	(void)state;
	for (int i = 0; i < 3 * NOTES_MAX; i++)
		opinion(0, WEIR_ACT_QUARANTINE, WEIR_SCOPE_MESSAGE,
		    WEIR_RCPT_NONE, WEIR_STAGE_HEADER);
	assert_int_equal(notes.nopinions, NOTES_MAX);
	opinion(1, WEIR_ACT_REJECT, WEIR_SCOPE_MESSAGE, WEIR_RCPT_NONE,
	    WEIR_STAGE_EOM);
	assert_int_equal(strongest(WEIR_RCPT_NONE), WEIR_ACT_REJECT);
	/* stronger takes the place, weaker does not */
	opinion(0, WEIR_ACT_TEMPFAIL, WEIR_SCOPE_RCPT, 7, WEIR_STAGE_RCPT);
	opinion(0, WEIR_ACT_REJECT, WEIR_SCOPE_RCPT, 7, WEIR_STAGE_RCPT);
	opinion(0, WEIR_ACT_ACCEPT, WEIR_SCOPE_RCPT, 7, WEIR_STAGE_RCPT);
	assert_int_equal(strongest(7), WEIR_ACT_REJECT);
	/* each recipient is a thing of its own */
	for (uint32_t i = 0; i < 500; i++)
		opinion(0, WEIR_ACT_TEMPFAIL, WEIR_SCOPE_RCPT, 100 + i,
		    WEIR_STAGE_RCPT);
	for (uint32_t i = 0; i < 500; i++)
		assert_int_equal(strongest(100 + i), WEIR_ACT_TEMPFAIL);
	assert_int_equal(notes.nopinions, NOTES_MAX + 502);
}

static void
test_accepted(void **state)
{
	struct opinion o = { .module = MODULE(0), .action = WEIR_ACT_ACCEPT,
		.scope = WEIR_SCOPE_MESSAGE, .rcpt = WEIR_RCPT_NONE,
		.shadow = true };

	(void)state;
	notes_opinion(&notes, pool, &o);
	assert_false(notes.accepted);
	opinion(0, WEIR_ACT_ACCEPT, WEIR_SCOPE_RCPT, 0, WEIR_STAGE_RCPT);
	assert_false(notes.accepted);
	opinion(0, WEIR_ACT_ACCEPT, WEIR_SCOPE_SESSION, WEIR_RCPT_NONE,
	    WEIR_STAGE_HELO);
	assert_true(notes.accepted);
	notes_forget(&notes, WEIR_STAGE_HELO);
	assert_false(notes.accepted);
}

static void
test_forget(void **state)
{
	static const char one[] = "ONE";
	struct unscanned u = { .module = MODULE(0), .stage = WEIR_STAGE_HELO,
		.reason = text_slice("r") };

	(void)state;
	finding(0, one, WEIR_RCPT_NONE, WEIR_STAGE_CONNECT, 1);
	opinion(0, WEIR_ACT_ACCEPT, WEIR_SCOPE_SESSION, WEIR_RCPT_NONE,
	    WEIR_STAGE_CONNECT);
	for (int i = 0; i < 3; i++) {
		/* last in every list, so that the ends are tried, too */
		finding(0, one, WEIR_RCPT_NONE, WEIR_STAGE_HELO, 10);
		opinion(0, WEIR_ACT_REJECT, WEIR_SCOPE_SESSION,
		    WEIR_RCPT_NONE, WEIR_STAGE_HELO);
		assert_int_equal(notes_unscanned(&notes, pool, &u), WEIR_OK);
		assert_true(total() == 11);
		assert_int_equal(notes.nunscanned, 1);
		assert_int_equal(strongest(WEIR_RCPT_NONE), WEIR_ACT_REJECT);
		notes_forget(&notes, WEIR_STAGE_HELO);
		assert_true(total() == 1);
		assert_int_equal(notes.nfindings, 1);
		assert_int_equal(notes.nopinions, 1);
		assert_int_equal(notes.nunscanned, 0);
		assert_true(notes.accepted);
		assert_int_equal(strongest(WEIR_RCPT_NONE), WEIR_ACT_ACCEPT);
	}
}

/* fact - set one */
static int
fact(int module, uint32_t rcpt, bool shadow, const char *key, const char *value)
{
	struct fact f = { .module = MODULE(module), .rcpt = rcpt,
		.shadow = shadow, .key = (char *)(uintptr_t)key,
		.value = text_slice(value) };

	return notes_fact(&notes, pool, &f);
}

/* seen - what a reader finds */
static const char *
seen(int reader, uint32_t rcpt, const char *key)
{
	const struct fact *f = notes_fact_find(&notes, MODULE(reader), rcpt,
	    key);

	return f != NULL ? f->value.ptr : NULL;
}

static void
test_facts(void **state)
{
	char key[32];

	(void)state;
	fact(0, WEIR_RCPT_NONE, false, "a.x", "1");
	fact(0, WEIR_RCPT_NONE, false, "a.x", "2");
	assert_int_equal(notes.nfacts, 1);
	assert_string_equal(seen(1, WEIR_RCPT_NONE, "a.x"), "2");
	assert_null(seen(1, 0, "a.x"));
	fact(0, 0, false, "a.x", "rcpt");
	assert_string_equal(seen(1, 0, "a.x"), "rcpt");
	/* a shadow's is seen by itself alone */
	fact(2, WEIR_RCPT_NONE, true, "s.x", "shadow");
	assert_null(seen(1, WEIR_RCPT_NONE, "s.x"));
	assert_string_equal(seen(2, WEIR_RCPT_NONE, "s.x"), "shadow");
	fact(2, WEIR_RCPT_NONE, true, "a.x", "mine");
	assert_string_equal(seen(1, WEIR_RCPT_NONE, "a.x"), "2");
	for (int i = 0; notes.nfacts < NOTES_MAX; i++) {
		snprintf(key, sizeof(key), "k.%d", i);
		assert_int_equal(fact(0, WEIR_RCPT_NONE, false, key, ""),
		    WEIR_OK);
	}
	assert_int_equal(fact(0, WEIR_RCPT_NONE, false, "new", ""),
	    WEIR_E_LIMIT);
	assert_int_equal(fact(0, WEIR_RCPT_NONE, false, "a.x", "3"), WEIR_OK);
}

/* A mail to many does not hide what is found out about it. */
static void
test_facts_of_many(void **state)
{
	uint32_t taken = 0;

	(void)state;
	while (taken < 2 * NOTES_RCPT_FACTS &&
	    fact(0, taken, false, "greylist.state", "new") == WEIR_OK)
		taken++;
	assert_int_equal(taken, NOTES_RCPT_FACTS);
	assert_int_equal(fact(1, WEIR_RCPT_NONE, false, "dmarc.result",
	    "fail"), WEIR_OK);
	assert_string_equal(seen(1, WEIR_RCPT_NONE, "dmarc.result"), "fail");
	assert_string_equal(seen(1, taken - 1, "greylist.state"), "new");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_findings_beyond_limit,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(test_opinions_beyond_limit,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(test_accepted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forget, setup, teardown),
		cmocka_unit_test_setup_teardown(test_facts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_facts_of_many, setup,
		    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
