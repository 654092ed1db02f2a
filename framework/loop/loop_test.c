/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loop_test - timers keep their time when the wall clock is set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "loop/loop.h"

static double ahead; /* of the real time, in seconds */
static bool fired;

/* ev_time - libev's wall clock; this one takes the library's place */
double
ev_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9 + ahead;
}

static void
on_timer(struct loop_timer *t)
{
	(void)t;
	fired = true;
}

static void
test_clock_is_set(void **state)
{
	static const double steps[] = { 3600, -3600 };
	struct loop_timer t;
	int64_t begun;

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		loop_init();
		loop_once(false);
		ahead += steps[i];
		fired = false;
		loop_timer_init(&t, on_timer);
		begun = clock_mono_ms();
		loop_timer_start(&t, 200);
		assert_true(loop_timer_is_active(&t));
		while (!fired && clock_mono_ms() - begun < 5000)
			loop_once(false);
		assert_true(fired);
		assert_true(clock_mono_ms() - begun >= 190);
		loop_timer_stop(&t);
		loop_fini(false);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clock_is_set)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
