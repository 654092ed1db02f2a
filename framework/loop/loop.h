/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * loop - one event loop per process, on libev.
 *
 * Watchers are embedded in their owner's struct; no ev_ type is seen outside
 * this folder's .c files and this header.  loop_defer is how completions are
 * delivered: they never run inside the function that starts them, and all that
 * are deferred run before the loop sleeps.
 */
#ifndef WEIR_LOOP_LOOP_H
#define WEIR_LOOP_LOOP_H

#define EV_MULTIPLICITY 1
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

/* Readiness of a descriptor. */
#define LOOP_READ EV_READ
#define LOOP_WRITE EV_WRITE

struct loop_io {
	ev_io ev; /* private */
	void (*fn)(struct loop_io *io, int events);
};

/* One-shot timer, on the monotonic clock. */
struct loop_timer {
	ev_timer ev; /* private */
	void (*fn)(struct loop_timer *t);
};

/* One deferred completion; embedded, may be cancelled while it waits. */
struct loop_task {
	struct list node; /* private */
	void (*fn)(struct loop_task *task);
};

/* Wake-up from other threads. */
struct loop_wake {
	ev_async ev; /* private */
	void (*fn)(struct loop_wake *w);
};

/* Create the process's loop. After a fork the child calls loop_fini(true) and
   loop_init again. */
void loop_init(void);
void loop_fini(bool forked);
void loop_run(void); /* until loop_stop */
void loop_stop(void);
/* Run what is ready, wait at most until the first event; for tests and the
   harness.  wait false: do not sleep. */
void loop_once(bool wait);
bool loop_is_thread(void); /* is this the loop's thread */
/* For the harness: deliver completions one at a time (a round of loop_once
   runs no more than one) and, with a seed, in an order drawn from it instead
   of the order of loop_defer.  seed 0: the usual order. */
void loop_single(bool on, uint64_t seed);
/* Something that no watcher shows is under way (a job in a thread): do not end
   loop_run, and sleep in loop_once until it reports.  Calls pair. */
void loop_hold(void);
void loop_release(void);

void loop_io_init(struct loop_io *io, void (*fn)(struct loop_io *, int));
void loop_io_set(struct loop_io *io, int fd, int events); /* events 0: stop */
void loop_io_stop(struct loop_io *io);

void loop_timer_init(struct loop_timer *t, void (*fn)(struct loop_timer *));
void loop_timer_start(struct loop_timer *t, int64_t ms); /* restarts */
void loop_timer_stop(struct loop_timer *t);
bool loop_timer_is_active(const struct loop_timer *t);

void loop_task_init(struct loop_task *task, void (*fn)(struct loop_task *));
void loop_defer(struct loop_task *task); /* harmless when already waiting */
void loop_task_cancel(struct loop_task *task);

void loop_wake_init(struct loop_wake *w, void (*fn)(struct loop_wake *));
void loop_wake_send(struct loop_wake *w); /* [any] */
void loop_wake_fini(struct loop_wake *w);

#endif
