/* SPDX-License-Identifier: GPL-2.0-or-later */
/* board_test - marks of live and dead workers, the bench, poisoned mail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "obs/board.h"

static int
begin(void **state)
{
	(void)state;
	board_create();
	return 0;
}

static int
end(void **state)
{
	(void)state;
	board_destroy();
	return 0;
}

static void
slots_are_taken_and_released(void **state)
{
	(void)state;
	for (int i = 0; i < BOARD_SLOTS; i++) {
		assert_int_equal(board_slot_take(1), i);
		board_slot_pid(i, 1000 + i);
	}
	assert_int_equal(board_slot_take(1), WEIR_E_LIMIT);
	assert_int_equal(board_slot_find(1007), 7);
	board->slot[7].messages = 5;
	board_slot_release(7);
	assert_int_equal(board_slot_find(1007), WEIR_E_NOTFOUND);
	assert_int_equal(board_slot_take(2), 7);
	assert_int_equal(board->slot[7].messages, 0);
	assert_int_equal(board->slot[7].generation, 2);
}

static void
modules_are_entered_once(void **state)
{
	/* as long as a module's name may be: host/accept */
	static const char longest[] = "a23456789-b23456789-c23456789-d23456789-"
				      "e23456789-f23456789-g23";
	char name[32], got[BOARD_NAME_MAX];

	(void)state;
	assert_int_equal(strlen(longest), 63);
	assert_int_equal(board_module(longest), 0);
	assert_int_equal(board_module_find(longest), 0);
	board_module_name(0, got);
	assert_string_equal(got, longest);
	for (int i = 1; i < BOARD_MODULES; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		assert_int_equal(board_module(name), i);
		assert_int_equal(board_module(name), i);
	}
	assert_int_equal(board_module("more"), WEIR_E_LIMIT);
	assert_int_equal(board_module_find("m99"), 99);
	assert_int_equal(board_module_find("more"), WEIR_E_NOTFOUND);
}

static void
marks_nest_and_end(void **state)
{
	struct board_mark m;
	uint64_t outer, inner;

	(void)state;
	assert_int_equal(board_slot_take(1), 0);
	board->modules = BOARD_MODULES; /* those marked are there */
	assert_true(board_mark_read(0, &m));
	assert_int_equal(m.module, BOARD_NO_MODULE);
	outer = board_mark_enter(0, 3, WEIR_STAGE_EOM, 1, "ID-1", 111);
	inner = board_mark_enter(0, 127, WEIR_STAGE_RCPT, 2,
	    "an id that is longer than it may be", 222);
	assert_true(board_mark_read(0, &m));
	assert_int_equal(m.module, 127);
	assert_int_equal(m.stage, WEIR_STAGE_RCPT);
	assert_int_equal(m.phase, 2);
	assert_int_equal(m.since_ns, 222);
	assert_int_equal(m.sequence, 2);
	assert_string_equal(m.id, "an id that is longer th");
	board_mark_leave(0, inner);
	assert_true(board_mark_read(0, &m));
	assert_int_equal(m.module, 3);
	assert_int_equal(m.stage, WEIR_STAGE_EOM);
	board_mark_leave(0, outer);
	assert_true(board_mark_read(0, &m));
	assert_int_equal(m.module, BOARD_NO_MODULE);
}

/* die - a worker that dies inside a callback */
static void
die(int slot, int module, uint64_t fingerprint, struct board_crash *crash,
    int64_t now, const struct board_limits *limits)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		board->slot[slot].state = BOARD_SERVING;
		board_heartbeat(slot);
		board_fingerprint_set(slot, fingerprint);
		board_mark_enter(slot, module, WEIR_STAGE_BODY, 0, "D-77",
		    clock_mono_ns());
		raise(SIGKILL);
	}
	board_slot_pid(slot, pid);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(board_slot_find(pid), slot);
	board_crashed(slot, now, limits, crash);
}

static void
crashes_are_counted_and_bench(void **state)
{
	const struct board_limits limits = { 3, 60000, 600000 };
	static const struct {
		int64_t at;
		bool benched;
	} rows[] = { { 1000, false }, { 30000, false }, { 62000, false },
		{ 89000, true }, { 90000, true } };
	struct board_crash crash;
	int bad, slot = board_slot_take(1);

	(void)state;
	board_module("good");
	bad = board_module("bad");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		die(slot, bad, 42, &crash, rows[i].at, &limits);
		assert_string_equal(crash.module, "bad");
		assert_string_equal(crash.mark.id, "D-77");
		assert_int_equal(crash.mark.stage, WEIR_STAGE_BODY);
		assert_int_equal(crash.benched, rows[i].benched);
		assert_int_equal(crash.poison, i + 1);
		assert_int_equal(board_is_benched(bad, rows[i].at + 1),
		    rows[i].benched);
	}
	assert_true(board_is_benched(bad, 90000 + 599999));
	assert_false(board_is_benched(bad, 90000 + 600000));
	assert_false(board_is_benched(0, 90001));
	assert_int_equal(board_poison_count(42), 5);
	assert_int_equal(board_poison_count(43), 0);
	board_slot_release(slot);
}

static void
many_crashes_wrap_around(void **state)
{
	const struct board_limits limits = { BOARD_CRASHES, 100, 10 };
	struct board_crash crash;
	int slot = board_slot_take(1), m = board_module("m");

	(void)state;
	for (int i = 1; i <= 3 * BOARD_CRASHES; i++) {
		board_mark_enter(slot, m, 0, 0, NULL, 0);
		board_crashed(slot, i, &limits, &crash);
		assert_int_equal(crash.benched, i >= BOARD_CRASHES);
	}
	/* none of the mails was known */
	assert_int_equal(crash.poison, 0);
	assert_int_equal(board_poison_count(0), 0);
}

static void
a_wild_slot_harms_nobody(void **state)
{
	const struct board_limits limits = { 1, 100, 10 };
	struct board_crash crash;
	int slot = board_slot_take(1);

	(void)state;
	memset(&board->slot[slot], 0xff, sizeof(board->slot[slot]));
	board_crashed(slot, 1, &limits, &crash);
	assert_string_equal(crash.module, "");
	assert_int_equal(strlen(crash.mark.id), BOARD_ID_MAX - 1);
	/* nor do more modules than there can be, or names without an end */
	board->modules = 0x7fffffff;
	memset(board->module, 'x', sizeof(board->module));
	board_mark_enter(slot, 20000, 1, 1, "id", 1);
	board_crashed(slot, 1, &limits, &crash);
	assert_int_equal(crash.mark.module, BOARD_NO_MODULE);
	assert_false(crash.benched);
	board_mark_enter(slot, BOARD_MODULES - 1, 1, 1, "id", 1);
	board_crashed(slot, 1, &limits, &crash);
	assert_int_equal(strlen(crash.module), BOARD_NAME_MAX - 1);
	assert_int_equal(board_module("new"), WEIR_E_LIMIT);
	board_slot_release(slot);
}

static void
the_oldest_poison_makes_room(void **state)
{
	const struct board_limits limits = { 0, 0, 0 };
	struct board_crash crash;
	int slot = board_slot_take(1);

	(void)state;
	clock_set_wall(1000000);
	for (uint64_t f = 1; f <= BOARD_POISON + 1; f++) {
		board_fingerprint_set(slot, f);
		board_crashed(slot, 1, &limits, &crash);
		clock_advance(1000);
	}
	assert_int_equal(board_poison_count(1), 0);
	assert_int_equal(board_poison_count(2), 1);
	assert_int_equal(board_poison_count(BOARD_POISON + 1), 1);
	clock_set_wall(0);
}

static void
an_hour_is_everybodys(void **state)
{
	pid_t pids[4];
	int64_t now = 5000000;
	unsigned sum = 0;

	(void)state;
	assert_false(board_hour_take(&board->notified, now, 0));
	for (int i = 0; i < 4; i++) {
		int got = 0;

		pids[i] = fork();
		if (pids[i] != 0)
			continue;
		for (int k = 0; k < 100; k++)
			got += board_hour_take(&board->notified, now, 100);
		_exit(got);
	}
	for (int i = 0; i < 4; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status));
		sum += (unsigned)WEXITSTATUS(status);
	}
	assert_int_equal(sum, 100);
	assert_false(board_hour_take(&board->notified, now + 3599000, 100));
	assert_true(board_hour_take(&board->notified, now + 3600000, 1));
	assert_false(board_hour_take(&board->notified, now + 3600000, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(slots_are_taken_and_released,
		    begin, end),
		cmocka_unit_test_setup_teardown(modules_are_entered_once,
		    begin, end),
		cmocka_unit_test_setup_teardown(marks_nest_and_end, begin,
		    end),
		cmocka_unit_test_setup_teardown(crashes_are_counted_and_bench,
		    begin, end),
		cmocka_unit_test_setup_teardown(many_crashes_wrap_around,
		    begin, end),
		cmocka_unit_test_setup_teardown(a_wild_slot_harms_nobody,
		    begin, end),
		cmocka_unit_test_setup_teardown(the_oldest_poison_makes_room,
		    begin, end),
		cmocka_unit_test_setup_teardown(an_hour_is_everybodys, begin,
		    end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
