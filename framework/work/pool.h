/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * work - blocking work, done by a few threads beside the loop.
 *
 * A struct work is embedded in its owner's struct, which must live until done
 * has run, or work_cancel or work_join has said that it will not.  Threads are
 * started by the first submit that finds none idle, and block all signals but
 * those of faults.
 *
 * There are two lanes.  Ordinary work shares the pool's threads.  Urgent work
 * (the store's commits) has a thread of its own and runs in order, so that
 * slow jobs of modules can't hold it up.
 */
#ifndef WEIR_WORK_POOL_H
#define WEIR_WORK_POOL_H

#include <stdbool.h>

#include "base/err.h"
#include "base/list.h"

struct work {
	struct list node; /* private */
	int state;	  /* private */
	void (*run)(struct work *);  /* [job] */
	void (*done)(struct work *); /* [loop] */
	/* Set when nobody wants the result any more; long work asks now and
	   then.  In done: true and run was not called, when the pool was
	   closed while this waited. */
	_Atomic bool unwanted;
	bool urgent; /* set before work_submit */
};

/* Prepare the pool: at most `threads` ordinary threads, at most queue_max
   pieces of work waiting in a lane. E_INVAL for zeros. [main] */
int work_init(unsigned threads, unsigned queue_max, struct err *err);
/* Wait for what runs; what is queued is not run any more, but marked unwanted.
   All done functions are called from here; work_submit refuses meanwhile. */
void work_fini(void);

/* Make w ready for use; it must not be in the pool. */
void work_prepare(struct work *w, void (*run)(struct work *),
    void (*done)(struct work *));
/* Queue it. E_LIMIT: the queue is full; E_TEMP: no thread can be started;
   E_STATE: the pool is not open. done runs exactly once, never in here.
   [loop] */
int work_submit(struct work *w);
/* true: it had not started or was not in the pool, done will not run;
   false: it runs or has run, is marked unwanted, and done will come. [loop] */
bool work_cancel(struct work *w);
/* Take it out, waiting for its end if it runs; done will not run.  true: run
   has been called. [loop] */
bool work_join(struct work *w);
/* How many wait for a thread; for status and metrics. [loop] */
unsigned work_queued(void);
/* How many were submitted and are not yet done. [loop] */
unsigned work_inside(void);

#endif
