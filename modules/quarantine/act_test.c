/* SPDX-License-Identifier: GPL-2.0-or-later */
/* act_test - what is kept and for whom, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "file.h"
#include "test_host.h"

static void
kept_for_those_who_do_not_get_it(void **state)
{
	struct message m = message("Subject: x\r\n\r\none\r\n");

	(void)state;
	assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
	/* nothing is promised before it is safe */
	assert_string_equal(m.kept[1], "");
	pump(EVENTS);
	assert_string_equal(m.kept[0], "");
	assert_int_equal(strlen(m.kept[1]), ID_LEN);
	assert_int_equal(strlen(m.kept[2]), ID_LEN);
	assert_string_not_equal(m.kept[1], m.kept[2]);
	assert_int_equal(m.action, WEIR_ACT_NONE);
	assert_int_equal(files(), 1);
	assert_int_equal(rows("item WHERE class = 1 AND user ="
	    " 'c@example.net' AND rcpt = 'C@example.net'"), 1);
	assert_int_equal(rows("item"), 2);
	ended(&m);
	assert_int_equal(rows("item"), 2);
}

static void
classes_follow_the_checks(void **state)
{
	struct message m = message("Subject: v\r\n\r\nvirus\r\n");

	(void)state;
	m.virus = "infected";
	assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
	pump(EVENTS);
	assert_int_equal(rows("item WHERE class = 2"), 2);
	ended(&m);
}

static void
nothing_where_nothing_is_to_be_kept(void **state)
{
	struct message m = message("Subject: x\r\n\r\none\r\n");

	(void)state;
	m.frontend = "policy";
	assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
	m = message("Subject: x\r\n\r\none\r\n");
	m.fate[1] = WEIR_ACT_REJECT;
	m.fate[2] = WEIR_E_UNSUPPORTED;
	assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
	m = message("Subject: x\r\n\r\none\r\n");
	m.nrcpts = 0;
	assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
	assert_int_equal(n_events, 0);
	assert_int_equal(files(), 0);
}

/* What can't be kept stays with the sender, and leaves nothing. */
static void
what_can_not_be_kept_is_deferred(void **state)
{
	char large[3000];

	(void)state;
	memset(large, 'x', sizeof(large));
	large[sizeof(large) - 1] = '\0';
	for (int how = 0; how < 4; how++) {
		struct message m = message("Subject: x\r\n\r\none\r\n");

		refuse_jobs = how == 0 ? 1 : 0; /* no thread for the file */
		if (how == 1)
			m.text = NULL; /* the host has no message */
		if (how == 2)
			m.text = large; /* a limit */
		if (how == 3)
			refuse_tasks = 1; /* no call for the commit */
		assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
		pump(EVENTS);
		assert_int_equal(m.action, WEIR_ACT_TEMPFAIL);
		assert_string_equal(m.enhanced, "4.3.1");
		assert_string_equal(m.kept[1], "");
		ended(&m);
		assert_int_equal(files(), 0);
		if (how > 1)
			assert_int_equal(rows("item"), 0);
	}
	/* said once, not for each mail of a bad hour */
	assert_int_equal(errors_logged, 1);
	clock_ms += 120000;
	act_failed(&q, NULL, "again");
	assert_int_equal(errors_logged, 2);
}

/* An answer that is none of ours takes the copies back; not those that were
   there before. */
static void
other_answers_take_copies_back(void **state)
{
	struct message m = message("Subject: x\r\n\r\nrefused\r\n");
	struct message again;

	(void)state;
	assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
	pump(EVENTS);
	m.fate[1] = m.fate[2] = WEIR_ACT_REJECT;
	ended(&m);
	assert_int_equal(rows("item"), 0);
	assert_int_equal(files(), 0);
	/* kept and answered; the same mail comes again and is refused */
	m = message("Subject: x\r\n\r\nkept\r\n");
	assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
	pump(EVENTS);
	ended(&m);
	assert_int_equal(rows("item"), 2);
	again = message("Subject: x\r\n\r\nkept\r\n");
	assert_int_equal(act_eom(&q, call_of(&again)), WEIR_OK);
	pump(EVENTS);
	assert_string_equal(again.kept[1], m.kept[1]);
	again.fate[1] = again.fate[2] = WEIR_E_CANCELLED;
	ended(&again);
	assert_int_equal(rows("item"), 2);
	assert_int_equal(files(), 1);
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, host_setup, host_teardown)
	const struct CMUnitTest tests[] = {
		T(kept_for_those_who_do_not_get_it),
		T(classes_follow_the_checks),
		T(nothing_where_nothing_is_to_be_kept),
		T(what_can_not_be_kept_is_deferred),
		T(other_answers_take_copies_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
