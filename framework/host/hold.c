/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/hold.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/check.h"
#include "base/list.h"
#include "base/vec.h"
#include "host/limits.h"
#include "host/table.h"
#include "host/trial.h"
#include "loop/loop.h"
#include "pipe/guard.h"

#define SLOT_BITS 20
#define BENCHED_MS 1000 /* look again whether a benched module may run */

/* What the module gets is slot and generation in disguise: a hold that was
   released twice, or that has timed out, is not found any more. */
struct hold {
	struct call_op op;
	struct list node; /* in released */
	struct loop_timer timer;
	uint32_t slot;
	weir_task_fn *done;
	void *arg;
	int status;
};

struct hold_slot {
	struct hold *hold; /* NULL: free, ended or already released */
	uint64_t generation;
};

struct hold_task {
	struct loop_task task;
	struct loop_timer timer; /* while the module is benched */
	struct module *module;
	weir_task_fn *fn;
	void *arg;
	uint32_t timeout_ms;
	struct list node;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* these three under the lock */
static VEC(struct hold_slot) table;
static VEC(uint32_t) unused;
static struct list released = LIST_INIT(released);
static struct list waiting_tasks = LIST_INIT(waiting_tasks);
static struct loop_wake wake;
static bool awake;

/* hold_slot_take - a row of the table; the handle for the module */
static weir_hold *
hold_slot_take(struct hold *h)
{
	struct hold_slot *s;
	weir_hold *handle;

	pthread_mutex_lock(&lock);
	if (unused.n > 0) {
		h->slot = unused.v[--unused.n];
	} else {
		expect(table.n < (1u << SLOT_BITS));
		h->slot = (uint32_t)table.n;
		(void)vec_push(&table);
	}
	s = &table.v[h->slot];
	s->hold = h;
	s->generation++;
	handle = (weir_hold *)(uintptr_t)(s->generation << SLOT_BITS | h->slot);
	pthread_mutex_unlock(&lock);
	return handle;
}

/* hold_slot_give - the hold is over: no release finds it */
static void
hold_slot_give(struct hold *h)
{
	pthread_mutex_lock(&lock);
	list_remove(&h->node);
	table.v[h->slot].hold = NULL;
	*vec_push(&unused) = h->slot;
	pthread_mutex_unlock(&lock);
}

/* hold_end - let done run, once */
static void
hold_end(struct hold *h, int status)
{
	struct call *c = h->op.call;

	loop_timer_stop(&h->timer);
	hold_slot_give(h);
	call_enter(c);
	h->done(call_handle(c), status, h->arg);
	call_op_end(&h->op);
	call_leave(c);
	free(h);
}

/* hold_cancel - the call is given up */
static bool
hold_cancel(struct call_op *op, int status)
{
	hold_end(list_of(op, struct hold, op), status);
	return true;
}

/* hold_on_timer - nobody released it in time */
static void
hold_on_timer(struct loop_timer *t)
{
	hold_end(list_of(t, struct hold, timer), WEIR_E_TIMEOUT);
}

/* hold_on_wake - releases that came from other threads */
static void
hold_on_wake(struct loop_wake *w)
{
	struct hold *h;

	(void)w;
	/* one by one: a done function may end others in the list */
	do {
		h = NULL;
		pthread_mutex_lock(&lock);
		if (!list_empty(&released))
			h = list_of(released.next, struct hold, node);
		pthread_mutex_unlock(&lock);
		if (h != NULL)
			hold_end(h, h->status);
	} while (h != NULL);
}

/* hold_init - ready for releases */
void
hold_init(void)
{
	loop_wake_init(&wake, hold_on_wake);
	awake = true;
}

/* hold_fini - the loop ends */
void
hold_fini(void)
{
	if (!awake)
		return;
	hold_on_wake(&wake);
	while (!list_empty(&waiting_tasks)) {
		struct hold_task *t = list_of(waiting_tasks.next,
		    struct hold_task, node);

		list_remove(&t->node);
		loop_task_cancel(&t->task);
		loop_timer_stop(&t->timer);
		free(t);
	}
	pthread_mutex_lock(&lock);
	awake = false;
	loop_wake_fini(&wake);
	vec_fini(&table);
	vec_fini(&unused);
	pthread_mutex_unlock(&lock);
}

/* hold_begin - keep the call open */
weir_hold *
hold_begin(weir_call *handle, uint32_t timeout_ms, weir_task_fn *done,
    void *arg)
{
	int status;
	struct call *c = table_starter(handle, &status);
	struct hold *h;

	if (c == NULL || done == NULL)
		return NULL;
	trial_counts.holds++;
	h = xcalloc(1, sizeof(*h));
	list_init(&h->node);
	h->done = done;
	h->arg = arg;
	loop_timer_init(&h->timer, hold_on_timer);
	call_op_begin(c, &h->op, hold_cancel);
	if (timeout_ms != 0)
		loop_timer_start(&h->timer, timeout_ms);
	return hold_slot_take(h);
}

/* hold_release - from any thread, once */
void
hold_release(weir_hold *handle, int status)
{
	uintptr_t v = (uintptr_t)handle;
	uint32_t slot = v & ((1u << SLOT_BITS) - 1);
	struct hold_slot *s;

	pthread_mutex_lock(&lock);
	s = slot < table.n ? &table.v[slot] : NULL;
	if (s != NULL && s->hold != NULL &&
	    (uintptr_t)(s->generation << SLOT_BITS | slot) == v) {
		s->hold->status = status;
		list_append(&released, &s->hold->node);
		s->hold = NULL;
		if (awake)
			loop_wake_send(&wake);
	}
	pthread_mutex_unlock(&lock);
}

/* hold_run_task - the module's own call */
static void
hold_run_task(struct loop_task *lt)
{
	struct hold_task *t = list_of(lt, struct hold_task, task);
	struct call *c;

	if (guard_is_benched(t->module)) {
		loop_timer_start(&t->timer, BENCHED_MS);
		return;
	}
	c = call_begin(t->module, NULL, NULL, WEIR_STAGE_COUNT,
	    WEIR_PHASE_COUNT, WEIR_RCPT_NONE);
	list_remove(&t->node);
	c->timeout_ms = t->timeout_ms != 0 ? t->timeout_ms : 30000;
	call_enter(c);
	t->fn(call_handle(c), WEIR_OK, t->arg);
	call_leave(c);
	free(t);
}

/* hold_on_retry - is it still benched */
static void
hold_on_retry(struct loop_timer *timer)
{
	hold_run_task(&list_of(timer, struct hold_task, timer)->task);
}

/* hold_task - run fn soon in a call that belongs to no mail */
int
hold_task(weir_self *self, weir_task_fn *fn, void *arg, uint32_t timeout_ms)
{
	struct hold_task *t;

	if (!loop_is_thread())
		return WEIR_E_STATE;
	if (self == NULL || fn == NULL)
		return WEIR_E_INVAL;
	if (host_is_still)
		return WEIR_OK;
	t = xcalloc(1, sizeof(*t));
	loop_task_init(&t->task, hold_run_task);
	loop_timer_init(&t->timer, hold_on_retry);
	t->module = table_module(self);
	t->fn = fn;
	t->arg = arg;
	t->timeout_ms = timeout_ms;
	list_append(&waiting_tasks, &t->node);
	loop_defer(&t->task);
	return WEIR_OK;
}
