/* SPDX-License-Identifier: GPL-2.0-or-later */
/* batch_test - commits that come together, calls that are given up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "file.h"
#include "test_host.h"

static void
commits_come_together(void **state)
{
	struct message m[5];

	(void)state;
	for (int i = 0; i < 5; i++) {
		static char text[5][40];

		snprintf(text[i], sizeof(text[i]), "Subject: %d\r\n\r\nx\r\n",
		    i);
		m[i] = message(text[i]);
		assert_int_equal(act_eom(&q, call_of(&m[i])), WEIR_OK);
	}
	/* five files; the first starts a commit, the others wait for it */
	pump(5);
	assert_int_equal(files(), 5);
	assert_int_equal(tasks, 1);
	pump(EVENTS);
	assert_int_equal(tasks, 2);
	assert_int_equal(rows("item"), 10);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(strlen(m[i].kept[1]), ID_LEN);
		ended(&m[i]);
	}
}

/* A call that is given up while its row waits, or while it is committed.
   Nothing is promised, nothing stays. */
static void
calls_that_are_given_up_leave_nothing(void **state)
{
	for (int when = 0; when < 2; when++) {
		struct message first = message("Subject: 1\r\n\r\n1\r\n");
		struct message m = message("Subject: 2\r\n\r\n2\r\n");
		weir_hold *h;

		(void)state;
		tasks = 0;
		assert_int_equal(act_eom(&q, call_of(&first)), WEIR_OK);
		pump(1); /* its file; a task for the commit */
		assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
		if (when == 0) {
			/* the first commit is under way, this one waits */
			pump(2);
			h = last_hold;
			give_up(h);
		} else {
			/* the first is through, this one's row is in the
			   commit that runs */
			pump(3);
			assert_int_equal(tasks, 2);
			h = last_hold;
			give_up(h);
		}
		pump(EVENTS);
		assert_int_equal(m.action, WEIR_ACT_TEMPFAIL);
		assert_string_equal(m.kept[1], "");
		ended(&m);
		ended(&first);
		assert_int_equal(rows("item WHERE m IN (SELECT m FROM mail"
		    " WHERE subject = '2')"), 0);
		assert_int_equal(files(), 1);
		first.fate[1] = first.fate[2] = WEIR_ACT_REJECT;
		ended(&first);
	}
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, host_setup, host_teardown)
	const struct CMUnitTest tests[] = {
		T(commits_come_together),
		T(calls_that_are_given_up_leave_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
