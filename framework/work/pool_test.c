/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pool_test - blocking work beside the loop. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "loop/loop.h"
#include "work/pool.h"

struct job {
	struct work work;
	int number;
	_Atomic int runs;
	int dones;
	bool unwanted_seen; /* by run */
	bool masked;	    /* signals were blocked in run */
};

static int done_order[16];
static int done_count;
static bool in_submit;

/* A gate holds run functions until a test opens it. */
static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_moved = PTHREAD_COND_INITIALIZER;
static bool gate_open;
static int gate_waiting;

static void
gate_set(bool open)
{
	pthread_mutex_lock(&gate_lock);
	gate_open = open;
	pthread_cond_broadcast(&gate_moved);
	pthread_mutex_unlock(&gate_lock);
}

/* wait until n run functions stand at the gate */
static void
gate_await(int n)
{
	pthread_mutex_lock(&gate_lock);
	while (gate_waiting < n)
		pthread_cond_wait(&gate_moved, &gate_lock);
	pthread_mutex_unlock(&gate_lock);
}

static void
run_gated(struct work *w)
{
	struct job *j = list_of(w, struct job, work);

	pthread_mutex_lock(&gate_lock);
	gate_waiting++;
	pthread_cond_broadcast(&gate_moved);
	while (!gate_open)
		pthread_cond_wait(&gate_moved, &gate_lock);
	gate_waiting--;
	pthread_mutex_unlock(&gate_lock);
	j->unwanted_seen = w->unwanted;
	j->runs++;
}

static void
run_plain(struct work *w)
{
	struct job *j = list_of(w, struct job, work);
	sigset_t set;

	pthread_sigmask(SIG_SETMASK, NULL, &set);
	j->masked = sigismember(&set, SIGTERM) == 1 &&
	    sigismember(&set, SIGHUP) == 1;
	j->runs++;
}

static void
done_note(struct work *w)
{
	struct job *j = list_of(w, struct job, work);

	assert_false(in_submit);
	assert_true(loop_is_thread());
	j->dones++;
	if (done_count < 16)
		done_order[done_count] = j->number;
	done_count++;
}

static void
job_submit(struct job *j, int number, void (*run)(struct work *))
{
	memset(j, 0, sizeof(*j));
	work_prepare(&j->work, run, done_note);
	j->number = number;
	in_submit = true;
	assert_int_equal(work_submit(&j->work), WEIR_OK);
	in_submit = false;
}

static int
setup(void **state)
{
	(void)state;
	done_count = 0;
	gate_waiting = 0;
	gate_set(false);
	loop_init();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	gate_set(true);
	work_fini();
	loop_fini(false);
	return 0;
}

static void
work_needs_threads_and_room(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(work_init(0, 1, &err), WEIR_E_INVAL);
	assert_int_equal(work_init(1, 0, &err), WEIR_E_INVAL);
	assert_true(strlen(err.text) > 0);
}

static void
work_runs_in_order_without_signals(void **state)
{
	struct job job[8];

	(void)state;
	assert_int_equal(work_init(1, 100, NULL), 0);
	for (int i = 0; i < 8; i++)
		job_submit(&job[i], i, run_plain);
	assert_int_equal(done_count, 0);
	loop_run(); /* ends when nothing is under way */
	assert_int_equal(done_count, 8);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(done_order[i], i);
		assert_int_equal(job[i].runs, 1);
		assert_true(job[i].masked);
	}
}

static void
work_queue_has_a_limit(void **state)
{
	struct job job[4];

	(void)state;
	assert_int_equal(work_init(1, 2, NULL), 0);
	job_submit(&job[0], 0, run_gated);
	gate_await(1);
	job_submit(&job[1], 1, run_plain);
	job_submit(&job[2], 2, run_plain);
	assert_int_equal(work_queued(), 2);
	memset(&job[3], 0, sizeof(job[3]));
	work_prepare(&job[3].work, run_plain, done_note);
	assert_int_equal(work_submit(&job[3].work), WEIR_E_LIMIT);
	gate_set(true);
	loop_run();
	assert_int_equal(done_count, 3);
	assert_int_equal(job[3].runs, 0);
	assert_int_equal(work_submit(&job[3].work), WEIR_OK);
	loop_run();
	assert_int_equal(job[3].dones, 1);
}

static void
work_cancel_takes_out_or_marks(void **state)
{
	struct job job[2];

	(void)state;
	assert_int_equal(work_init(1, 8, NULL), 0);
	job_submit(&job[0], 0, run_gated);
	gate_await(1);
	job_submit(&job[1], 1, run_plain);
	assert_true(work_cancel(&job[1].work));
	assert_true(work_cancel(&job[1].work));
	assert_false(work_cancel(&job[0].work));
	gate_set(true);
	loop_run();
	assert_int_equal(job[0].dones, 1);
	assert_true(job[0].unwanted_seen);
	assert_int_equal(job[1].runs, 0);
	assert_int_equal(job[1].dones, 0);
	assert_true(work_cancel(&job[0].work));
}

static void *
gate_opener(void *arg)
{
	(void)arg;
	gate_await(1);
	gate_set(true);
	return NULL;
}

static void
work_join_waits_and_drops(void **state)
{
	struct job job[2];
	pthread_t opener;

	(void)state;
	assert_int_equal(work_init(1, 8, NULL), 0);
	job_submit(&job[0], 0, run_gated);
	job_submit(&job[1], 1, run_plain);
	gate_await(1);
	pthread_create(&opener, NULL, gate_opener, NULL);
	assert_true(work_join(&job[0].work));
	assert_int_equal(job[0].runs, 1);
	pthread_join(opener, NULL);
	loop_run();
	assert_int_equal(job[0].dones, 0);
	assert_int_equal(job[1].dones, 1);
	assert_false(work_join(&job[1].work));
}

static void
work_fini_waits_and_gives_back(void **state)
{
	struct job job[4];
	pthread_t opener;

	(void)state;
	assert_int_equal(work_init(1, 8, NULL), 0);
	for (int i = 0; i < 4; i++)
		job_submit(&job[i], i, i == 0 ? run_gated : run_plain);
	gate_await(1);
	pthread_create(&opener, NULL, gate_opener, NULL);
	work_fini();
	pthread_join(opener, NULL);
	assert_int_equal(done_count, 4);
	assert_int_equal(job[0].runs, 1);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(job[i].dones, 1);
		/* each either ran, or was given back unwanted */
		assert_true(job[i].runs == 1 || job[i].work.unwanted);
	}
	work_prepare(&job[0].work, run_plain, done_note);
	assert_int_equal(work_submit(&job[0].work), WEIR_E_STATE);
	assert_int_equal(work_init(1, 8, NULL), 0);
	job_submit(&job[0], 0, run_plain);
	loop_run();
	assert_int_equal(job[0].dones, 1);
}

static void
work_urgent_passes_by(void **state)
{
	struct job slow, fast;

	(void)state;
	assert_int_equal(work_init(1, 8, NULL), 0);
	job_submit(&slow, 0, run_gated);
	gate_await(1);
	memset(&fast, 0, sizeof(fast));
	work_prepare(&fast.work, run_plain, done_note);
	fast.work.urgent = true;
	assert_int_equal(work_submit(&fast.work), WEIR_OK);
	while (fast.dones == 0)
		loop_once(true);
	assert_int_equal(slow.runs, 0);
	gate_set(true);
	loop_run();
}

#define MANY 10000
static struct job many[MANY];

static void
work_does_ten_thousand(void **state)
{
	(void)state;
	assert_int_equal(work_init(4, MANY, NULL), 0);
	for (int i = 0; i < MANY; i++)
		job_submit(&many[i], i, run_plain);
	loop_run();
	assert_int_equal(done_count, MANY);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(many[i].runs, 1);
		assert_int_equal(many[i].dones, 1);
	}
}

static void
work_idle_costs_nothing(void **state)
{
	struct timespec before, after;
	struct job job;

	(void)state;
	assert_int_equal(work_init(4, 8, NULL), 0);
	job_submit(&job, 0, run_plain);
	loop_run();
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	poll(NULL, 0, 100); /* the thing under test is passing time */
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	assert_true((after.tv_sec - before.tv_sec) * 1000000000L +
		after.tv_nsec - before.tv_nsec < 10000000L);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(work_needs_threads_and_room,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(
		    work_runs_in_order_without_signals, setup, teardown),
		cmocka_unit_test_setup_teardown(work_queue_has_a_limit, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(work_cancel_takes_out_or_marks,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(work_join_waits_and_drops,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(work_fini_waits_and_gives_back,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(work_urgent_passes_by, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(work_does_ten_thousand, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(work_idle_costs_nothing, setup,
		    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
