/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ext_timer - weir.timer/1 on loop/loop. */
#include "host/ext_timer.h"

#include <stdlib.h>

#include <weir/ext/timer.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "host/limits.h"
#include "host/table.h"
#include "host/trial.h"
#include "pipe/guard.h"

struct ext_timer_after {
	struct call_op op;
	struct loop_timer timer;
	weir_task_fn *fn;
	void *arg;
};

struct ext_timer_every {
	struct list node;
	struct loop_timer timer;
	struct module *module;
	uint32_t ms;
	int64_t due_ms; /* of the monotonic clock */
	weir_task_fn *fn;
	void *arg;
};

static struct list periodic = LIST_INIT(periodic);

/* ext_timer_end - the time came, or the call was given up */
static void
ext_timer_end(struct ext_timer_after *t, int status)
{
	struct call *c = t->op.call;

	loop_timer_stop(&t->timer);
	call_enter(c);
	t->fn(call_handle(c), status, t->arg);
	call_op_end(&t->op);
	call_leave(c);
	free(t);
}

static void
ext_timer_fired(struct loop_timer *timer)
{
	ext_timer_end(list_of(timer, struct ext_timer_after, timer), WEIR_OK);
}

static bool
ext_timer_cancel(struct call_op *op, int status)
{
	ext_timer_end(list_of(op, struct ext_timer_after, op), status);
	return true;
}

/* ext_timer_start - a delay inside a call */
static int
ext_timer_start(weir_call *handle, uint32_t ms, weir_task_fn *fn, void *arg)
{
	int status;
	struct call *c = table_starter(handle, &status);
	struct ext_timer_after *t;

	if (c == NULL)
		return status;
	if (fn == NULL)
		return WEIR_E_INVAL;
	trial_counts.timers++;
	t = xcalloc(1, sizeof(*t));
	t->fn = fn;
	t->arg = arg;
	loop_timer_init(&t->timer, ext_timer_fired);
	call_op_begin(c, &t->op, ext_timer_cancel);
	loop_timer_start(&t->timer, ms);
	return WEIR_OK;
}

/* ext_timer_wait - for the next run */
static void
ext_timer_wait(struct ext_timer_every *t)
{
	t->due_ms = clock_mono_ms() + t->ms;
	loop_timer_start(&t->timer, t->ms);
}

/* ext_timer_again - that run has closed */
static void
ext_timer_again(struct call *c)
{
	ext_timer_wait(c->closed_arg);
}

/* ext_timer_tick - one run of periodic work */
static void
ext_timer_tick(struct loop_timer *timer)
{
	struct ext_timer_every *t = list_of(timer, struct ext_timer_every,
	    timer);
	struct call *c;

	if (guard_is_benched(t->module)) {
		ext_timer_wait(t);
		return;
	}
	c = call_begin(t->module, NULL, NULL, WEIR_STAGE_COUNT,
	    WEIR_PHASE_COUNT, WEIR_RCPT_NONE);
	c->timeout_ms = t->ms > 30000 ? t->ms : 30000;
	c->closed = ext_timer_again;
	c->closed_arg = t;
	call_enter(c);
	t->fn(call_handle(c), WEIR_OK, t->arg);
	call_leave(c);
}

/* ext_timer_every - periodic work of a module */
static int
ext_timer_every(weir_self *self, uint32_t ms, weir_task_fn *fn, void *arg)
{
	struct ext_timer_every *t;

	if (!loop_is_thread())
		return WEIR_E_STATE;
	if (self == NULL || ms < 100 || fn == NULL)
		return WEIR_E_INVAL;
	if (host_is_still)
		return WEIR_OK;
	t = xcalloc(1, sizeof(*t));
	t->module = table_module(self);
	t->ms = ms;
	t->fn = fn;
	t->arg = arg;
	list_append(&periodic, &t->node);
	loop_timer_init(&t->timer, ext_timer_tick);
	ext_timer_wait(t);
	return WEIR_OK;
}

/* ext_timer_catch_up - the loop's timers do not see that the clock was turned */
void
ext_timer_catch_up(void)
{
	list_each(n, &periodic) {
		struct ext_timer_every *t = list_of(n, struct ext_timer_every,
		    node);

		if (!loop_timer_is_active(&t->timer) ||
		    t->due_ms > clock_mono_ms())
			continue;
		loop_timer_stop(&t->timer);
		ext_timer_tick(&t->timer);
	}
}

/* ext_timer_stop - no further periodic work */
void
ext_timer_stop(void)
{
	while (!list_empty(&periodic)) {
		struct ext_timer_every *t = list_of(periodic.next,
		    struct ext_timer_every, node);

		list_remove(&t->node);
		loop_timer_stop(&t->timer);
		free(t);
	}
}

const struct weir_timer ext_timer_table = { .after = ext_timer_start,
	.every = ext_timer_every };
