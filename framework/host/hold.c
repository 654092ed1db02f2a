/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/hold.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/list.h"
#include "host/table.h"
#include "loop/loop.h"

/* A hold ends twice: for the call (released, timed out, cancelled) and for the
   module (released); the memory goes with the second. */
struct weir_hold {
	struct call_op op;
	struct list node; /* in released */
	struct loop_timer timer;
	weir_task_fn *done;
	void *arg;
	int status;
	bool ended;    /* done has run */
	bool released; /* guarded by lock until it is on the loop */
};

struct hold_task {
	struct loop_task task;
	struct module *module;
	weir_task_fn *fn;
	void *arg;
	uint32_t timeout_ms;
	struct list node;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list released = LIST_INIT(released);
static struct list waiting_tasks = LIST_INIT(waiting_tasks);
static struct loop_wake wake;
static bool awake;

/* hold_end - let done run, once */
static void
hold_end(struct weir_hold *h, int status)
{
	struct call *c = h->op.call;

	h->ended = true;
	loop_timer_stop(&h->timer);
	call_enter(c);
	h->done(call_handle(c), status, h->arg);
	call_op_end(&h->op);
	call_leave(c);
}

/* hold_cancel - the call is given up */
static bool
hold_cancel(struct call_op *op, int status)
{
	hold_end(list_of(op, struct weir_hold, op), status);
	return true;
}

/* hold_on_timer - nobody released it in time */
static void
hold_on_timer(struct loop_timer *t)
{
	hold_end(list_of(t, struct weir_hold, timer), WEIR_E_TIMEOUT);
}

/* hold_on_wake - releases that came from other threads */
static void
hold_on_wake(struct loop_wake *w)
{
	struct list now;

	(void)w;
	list_init(&now);
	pthread_mutex_lock(&lock);
	while (!list_empty(&released)) {
		struct list *n = released.next;

		list_remove(n);
		list_append(&now, n);
	}
	pthread_mutex_unlock(&lock);
	while (!list_empty(&now)) {
		struct weir_hold *h = list_of(now.next, struct weir_hold, node);

		list_remove(&h->node);
		if (!h->ended)
			hold_end(h, h->status);
		free(h);
	}
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
		free(t);
	}
	loop_wake_fini(&wake);
	awake = false;
}

/* hold_begin - keep the call open */
weir_hold *
hold_begin(weir_call *handle, uint32_t timeout_ms, weir_task_fn *done,
    void *arg)
{
	int status;
	struct call *c = table_starter(handle, &status);
	struct weir_hold *h;

	if (c == NULL || done == NULL)
		return NULL;
	h = xcalloc(1, sizeof(*h));
	list_init(&h->node);
	h->done = done;
	h->arg = arg;
	loop_timer_init(&h->timer, hold_on_timer);
	call_op_begin(c, &h->op, hold_cancel);
	if (timeout_ms != 0)
		loop_timer_start(&h->timer, timeout_ms);
	return h;
}

/* hold_release - from any thread, once */
void
hold_release(weir_hold *h, int status)
{
	if (h == NULL)
		return;
	pthread_mutex_lock(&lock);
	if (!h->released) {
		h->released = true;
		h->status = status;
		list_append(&released, &h->node);
	}
	pthread_mutex_unlock(&lock);
	loop_wake_send(&wake);
}

/* hold_run_task - the module's own call */
static void
hold_run_task(struct loop_task *lt)
{
	struct hold_task *t = list_of(lt, struct hold_task, task);
	struct call *c = call_begin(t->module, NULL, NULL, WEIR_STAGE_COUNT,
	    WEIR_PHASE_COUNT, WEIR_RCPT_NONE);

	list_remove(&t->node);
	c->timeout_ms = t->timeout_ms != 0 ? t->timeout_ms : 30000;
	call_enter(c);
	t->fn(call_handle(c), WEIR_OK, t->arg);
	call_leave(c);
	free(t);
}

/* hold_task - run fn soon in a call that belongs to no mail */
int
hold_task(weir_self *self, weir_task_fn *fn, void *arg, uint32_t timeout_ms)
{
	struct hold_task *t;

	if (!loop_is_thread())
		return WEIR_E_STATE;
	if (fn == NULL)
		return WEIR_E_INVAL;
	t = xcalloc(1, sizeof(*t));
	loop_task_init(&t->task, hold_run_task);
	t->module = table_module(self);
	t->fn = fn;
	t->arg = arg;
	t->timeout_ms = timeout_ms;
	list_append(&waiting_tasks, &t->node);
	loop_defer(&t->task);
	return WEIR_OK;
}
