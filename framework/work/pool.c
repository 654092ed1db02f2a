/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "work/pool.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/check.h"
#include "loop/loop.h"

#define SPARE_STACK (32u * 1024)

enum work_state {
	WORK_OUT = 0, /* not in the pool */
	WORK_QUEUED,
	WORK_RUNNING,
	WORK_FINISHED /* done is still to be called */
};

enum { WORK_ORDINARY, WORK_URGENT, WORK_LANES };

struct work_lane {
	struct list queue;
	pthread_cond_t ready; /* queue or closing changed */
	pthread_t *thread;
	unsigned threads, threads_max, idle, queued;
};

static struct {
	pthread_mutex_t lock; /* protects all below but open and inside */
	pthread_cond_t ended; /* some work ended, and somebody waits for it */
	struct work_lane lane[WORK_LANES];
	struct list finished;
	unsigned queue_max, joiners;
	bool closing;
	bool open;	 /* [loop] */
	unsigned inside; /* [loop] submitted and not yet done */
	struct loop_wake wake;
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.ended = PTHREAD_COND_INITIALIZER };

/* work_thread - take work from one lane until the pool closes */
static void *
work_thread(void *arg)
{
	struct work_lane *lane = arg;
	struct work *w;
	bool first;
	/* a stack of its own for the handler of fatal signals, which is to
	   say whose code has used up this one */
	stack_t spare = { .ss_sp = xmalloc(SPARE_STACK),
		.ss_size = SPARE_STACK }, none = { .ss_flags = SS_DISABLE };

	sigaltstack(&spare, NULL);
	pthread_mutex_lock(&pool.lock);
	for (;;) {
		while (list_empty(&lane->queue) && !pool.closing) {
			lane->idle++;
			pthread_cond_wait(&lane->ready, &pool.lock);
			lane->idle--;
		}
		if (pool.closing)
			break;
		w = list_of(lane->queue.next, struct work, node);
		list_remove(&w->node);
		lane->queued--;
		w->state = WORK_RUNNING;
		pthread_mutex_unlock(&pool.lock);
		w->run(w);
		pthread_mutex_lock(&pool.lock);
		w->state = WORK_FINISHED;
		first = list_empty(&pool.finished);
		list_append(&pool.finished, &w->node);
		if (pool.joiners > 0)
			pthread_cond_broadcast(&pool.ended);
		if (first)
			loop_wake_send(&pool.wake);
	}
	pthread_mutex_unlock(&pool.lock);
	sigaltstack(&none, NULL);
	free(spare.ss_sp);
	return NULL;
}

/* work_left - the work is no longer in the pool */
static void
work_left(struct work *w)
{
	w->state = WORK_OUT;
	expect(pool.inside > 0);
	pool.inside--;
	loop_release();
}

/* work_deliver - call done of those that have ended, at most so many */
static void
work_deliver(unsigned most)
{
	struct work *w;

	while (most-- > 0) {
		/* one by one: a done function may join work that is still in
		   the list */
		w = NULL;
		pthread_mutex_lock(&pool.lock);
		if (!list_empty(&pool.finished)) {
			w = list_of(pool.finished.next, struct work, node);
			list_remove(&w->node);
		}
		pthread_mutex_unlock(&pool.lock);
		if (w == NULL)
			return;
		work_left(w);
		w->done(w);
	}
}

/* work_on_wake - deliver a bounded number, let sockets have their turn */
static void
work_on_wake(struct loop_wake *wake)
{
	work_deliver(512);
	pthread_mutex_lock(&pool.lock);
	if (!list_empty(&pool.finished))
		loop_wake_send(wake);
	pthread_mutex_unlock(&pool.lock);
}

/* work_thread_start - one more thread for the lane, without signals */
static bool
work_thread_start(struct work_lane *lane)
{
	sigset_t all, old;
	int rc;

	/* but not those of its own faults: blocked, they kill without the
	   handler that says whose code it was */
	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGABRT);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&lane->thread[lane->threads], NULL, work_thread,
	    lane);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc == 0)
		lane->threads++;
	return rc == 0;
}

/* work_init - prepare the lanes; no thread yet */
int
work_init(unsigned threads, unsigned queue_max, struct err *err)
{
	expect(!pool.open);
	if (threads == 0 || queue_max == 0)
		return err_set(err, WEIR_E_INVAL,
		    "a work pool needs a thread and room for work");
	for (int i = 0; i < WORK_LANES; i++) {
		struct work_lane *lane = &pool.lane[i];

		memset(lane, 0, sizeof(*lane));
		list_init(&lane->queue);
		pthread_cond_init(&lane->ready, NULL);
		lane->threads_max = i == WORK_URGENT ? 1 : threads;
		lane->thread = xcalloc(lane->threads_max,
		    sizeof(*lane->thread));
	}
	list_init(&pool.finished);
	pool.queue_max = queue_max;
	pool.joiners = pool.inside = 0;
	pool.closing = false;
	pool.open = true;
	loop_wake_init(&pool.wake, work_on_wake);
	return WEIR_OK;
}

/* work_fini - wait for what runs, give back what waits */
void
work_fini(void)
{
	if (!pool.open)
		return;
	pool.open = false;
	pthread_mutex_lock(&pool.lock);
	pool.closing = true;
	for (int i = 0; i < WORK_LANES; i++)
		pthread_cond_broadcast(&pool.lane[i].ready);
	pthread_mutex_unlock(&pool.lock);
	for (int i = 0; i < WORK_LANES; i++)
		for (unsigned k = 0; k < pool.lane[i].threads; k++)
			pthread_join(pool.lane[i].thread[k], NULL);
	work_deliver(UINT_MAX);
	for (int i = 0; i < WORK_LANES; i++) {
		struct work_lane *lane = &pool.lane[i];

		while (!list_empty(&lane->queue)) {
			struct work *w = list_of(lane->queue.next,
			    struct work, node);

			list_remove(&w->node);
			lane->queued--;
			w->unwanted = true;
			work_left(w);
			w->done(w);
		}
		pthread_cond_destroy(&lane->ready);
		free(lane->thread);
		lane->thread = NULL;
		lane->threads = 0;
	}
	loop_wake_fini(&pool.wake);
}

/* work_prepare - fill in a piece of work */
void
work_prepare(struct work *w, void (*run)(struct work *),
    void (*done)(struct work *))
{
	memset(w, 0, sizeof(*w));
	list_init(&w->node);
	w->run = run;
	w->done = done;
}

/* work_submit - queue it, start a thread if none is idle */
int
work_submit(struct work *w)
{
	struct work_lane *lane = &pool.lane[w->urgent ? WORK_URGENT :
							WORK_ORDINARY];
	int rc = WEIR_OK;

	if (!pool.open)
		return WEIR_E_STATE;
	expect(loop_is_thread());
	pthread_mutex_lock(&pool.lock);
	expect(w->state == WORK_OUT);
	if (lane->queued >= pool.queue_max)
		rc = WEIR_E_LIMIT;
	else if (lane->idle <= lane->queued &&
	    lane->threads < lane->threads_max && !work_thread_start(lane) &&
	    lane->threads == 0)
		rc = WEIR_E_TEMP;
	if (rc == WEIR_OK) {
		w->state = WORK_QUEUED;
		w->unwanted = false;
		list_append(&lane->queue, &w->node);
		lane->queued++;
		pool.inside++;
		pthread_cond_signal(&lane->ready);
	}
	pthread_mutex_unlock(&pool.lock);
	if (rc == WEIR_OK)
		loop_hold();
	return rc;
}

/* work_take_out - unqueue it; the lock is held */
static void
work_take_out(struct work *w)
{
	list_remove(&w->node);
	if (w->state == WORK_QUEUED)
		pool.lane[w->urgent ? WORK_URGENT : WORK_ORDINARY].queued--;
	work_left(w);
}

/* work_cancel - take it out or mark it unwanted */
bool
work_cancel(struct work *w)
{
	bool out;

	expect(loop_is_thread());
	pthread_mutex_lock(&pool.lock);
	if (w->state == WORK_QUEUED)
		work_take_out(w);
	out = w->state == WORK_OUT;
	if (!out)
		w->unwanted = true;
	pthread_mutex_unlock(&pool.lock);
	return out;
}

/* work_join - take it out, or wait for its end and drop it */
bool
work_join(struct work *w)
{
	bool ran;

	expect(loop_is_thread());
	pthread_mutex_lock(&pool.lock);
	ran = w->state == WORK_RUNNING || w->state == WORK_FINISHED;
	pool.joiners++;
	while (w->state == WORK_RUNNING)
		pthread_cond_wait(&pool.ended, &pool.lock);
	pool.joiners--;
	if (w->state != WORK_OUT)
		work_take_out(w);
	pthread_mutex_unlock(&pool.lock);
	return ran;
}

/* work_queued - how many wait */
unsigned
work_queued(void)
{
	unsigned n;

	pthread_mutex_lock(&pool.lock);
	n = pool.lane[WORK_ORDINARY].queued + pool.lane[WORK_URGENT].queued;
	pthread_mutex_unlock(&pool.lock);
	return n;
}

/* work_inside - how many are not yet done */
unsigned
work_inside(void)
{
	return pool.inside;
}
