/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pipe/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/pool.h"
#include "base/text.h"
#include "base/vec.h"
#include "pipe/guard.h"
#include "pipe/run_int.h"

#define SLOT_BITS 20

/* The call table: a slot is reused, its generation never is. */
static VEC(struct call *) table;
static VEC(uint32_t) unused;
static uint32_t open_calls;

/* call_init - an empty table */
void
call_init(void)
{
	expect(table.n == 0);
}

/* call_fini - free the table */
void
call_fini(void)
{
	expect(open_calls == 0);
	for (size_t i = 0; i < table.n; i++)
		free(table.v[i]);
	vec_fini(&table);
	vec_fini(&unused);
}

/* call_count - open calls */
uint32_t
call_count(void)
{
	return open_calls;
}

/* call_on_deadline - it waited too long */
static void
call_on_deadline(struct loop_timer *t)
{
	struct call *c = list_of(t, struct call, timer);
	char text[64];

	snprintf(text, sizeof(text), "no answer within %lld ms",
	    (long long)c->timeout_ms);
	call_fail(c, WEIR_E_TIMEOUT, text_slice(text));
	call_cancel(c, WEIR_E_TIMEOUT);
}

/* call_slot - a free row of the table */
static struct call *
call_slot(void)
{
	struct call *c;

	if (unused.n > 0)
		return table.v[unused.v[--unused.n]];
	expect(table.n < (1u << SLOT_BITS));
	c = xcalloc(1, sizeof(*c));
	c->slot = (uint32_t)table.n;
	c->generation = 0;
	loop_timer_init(&c->timer, call_on_deadline);
	*vec_push(&table) = c;
	return c;
}

/* call_begin - a new call; it closes with its last call_leave */
struct call *
call_begin(struct module *module, struct session *s, struct message *m,
    int stage, int phase, uint32_t rcpt)
{
	struct call *c = call_slot();

	c->generation++;
	c->module = module;
	c->session = s;
	c->message = m;
	if (s != NULL)
		session_ref(s);
	if (m != NULL)
		message_ref(m);
	c->run = NULL;
	list_init(&c->run_node);
	c->stage = (uint8_t)stage;
	c->phase = (uint8_t)phase;
	c->rcpt = rcpt;
	c->inside = 0;
	c->pending = 0;
	list_init(&c->ops);
	c->failed = c->given_up = c->is_control = false;
	c->timeout_ms = module->timeout_ms;
	c->pool = NULL;
	c->closed = NULL;
	c->closed_arg = NULL;
	c->on_fail = NULL;
	c->begun_ns = 0;
	open_calls++;
	return c;
}

/* call_handle - what the module holds */
weir_call *
call_handle(const struct call *c)
{
	return (weir_call *)(uintptr_t)(c->generation << SLOT_BITS | c->slot);
}

/* call_find - from the module's handle, if it is still good */
struct call *
call_find(weir_call *handle)
{
	uintptr_t v = (uintptr_t)handle;
	uint32_t slot = v & ((1u << SLOT_BITS) - 1);
	struct call *c;

	if (slot >= table.n)
		return NULL;
	c = table.v[slot];
	return c->module != NULL && call_handle(c) == handle ? c : NULL;
}

/* call_close - nothing is pending any more; now_ns as for guard_closed */
static void
call_close(struct call *c, uint64_t now_ns)
{
	struct run *run = c->run;
	struct session *s = c->session;
	struct message *m = c->message;
	void (*closed)(struct call *) = c->closed;

	loop_timer_stop(&c->timer);
	guard_closed(c, now_ns);
	if (closed != NULL)
		closed(c);
	list_remove(&c->run_node);
	pool_destroy(&c->pool);
	c->module = NULL;
	c->session = NULL;
	c->message = NULL;
	c->run = NULL;
	*vec_push(&unused) = c->slot;
	open_calls--;
	if (run != NULL)
		run_call_closed(run);
	if (m != NULL)
		message_unref(m);
	if (s != NULL)
		session_unref(s);
}

/* call_enter - module code is about to run */
void
call_enter(struct call *c)
{
	if (c->inside++ == 0)
		guard_enter(c);
}

/* call_leave - module code has returned */
void
call_leave(struct call *c)
{
	expect(c->inside > 0);
	if (--c->inside > 0)
		return;
	guard_leave(c);
	if (c->pending == 0)
		call_close(c, c->left_ns);
}

/* call_start_timer - the clock runs from the first wait */
static void
call_start_timer(struct call *c)
{
	int64_t ms = c->timeout_ms;

	if (c->message != NULL && c->message->deadline_ms != 0) {
		int64_t left = c->message->deadline_ms - clock_mono_ms();

		if (left < ms)
			ms = left > 0 ? left : 0;
	}
	c->timeout_ms = ms;
	loop_timer_start(&c->timer, ms);
}

/* call_op_begin - one more thing to wait for */
void
call_op_begin(struct call *c, struct call_op *op,
    bool (*cancel)(struct call_op *, int))
{
	op->call = c;
	op->cancel = cancel;
	list_append(&c->ops, &op->node);
	c->pending++;
	if (!c->given_up && !loop_timer_is_active(&c->timer))
		call_start_timer(c);
}

/* call_op_end - one thing less; made between call_enter and call_leave */
void
call_op_end(struct call_op *op)
{
	struct call *c = op->call;

	expect(c->inside > 0 && c->pending > 0);
	list_remove(&op->node);
	c->pending--;
}

/* call_fail - the check did not run */
void
call_fail(struct call *c, int status, weir_str reason)
{
	if (c->failed)
		return;
	c->failed = true;
	if (c->on_fail != NULL) {
		c->on_fail(c, status, reason);
		return;
	}
	guard_failed(c, status, reason);
	/* a module may return any status: only we know what was cancelled */
	if (c->session != NULL && !c->given_up)
		run_failed(c->module, c->session, c->message, c->stage,
		    c->rcpt, status, reason);
	if (c->message != NULL && c->phase == WEIR_PHASE_ACT)
		edits_drop(&c->message->edits, c->module);
}

/* call_cancel - give it up */
void
call_cancel(struct call *c, int status)
{
	struct list late = LIST_INIT(late);

	if (c->given_up)
		return;
	c->given_up = true;
	c->pending++; /* it may close only below */
	loop_timer_stop(&c->timer);
	while (!list_empty(&c->ops)) {
		struct call_op *op = list_of(c->ops.next, struct call_op, node);

		list_remove(&op->node);
		if (!op->cancel(op, status))
			list_append(&late, &op->node);
	}
	/* what can't complete yet keeps the memory, not the run */
	while (!list_empty(&late)) {
		struct list *n = late.next;

		list_remove(n);
		list_append(&c->ops, n);
	}
	c->pending--;
	if ((c->pending > 0 || c->inside > 0) && c->run != NULL) {
		struct run *run = c->run;

		c->run = NULL;
		list_remove(&c->run_node);
		run_call_closed(run);
	}
	if (c->inside == 0 && c->pending == 0)
		call_close(c, 0);
}

/* call_cancel_all - the process stops */
void
call_cancel_all(int status)
{
	for (size_t i = 0; i < table.n; i++) {
		if (table.v[i]->module != NULL)
			call_cancel(table.v[i], status);
	}
}

/* call_pool - where memory of that scope comes from */
struct pool *
call_pool(struct call *c, uint32_t scope)
{
	if (scope > WEIR_SCOPE_RCPT)
		return NULL;
	if (c->session != NULL && scope == WEIR_SCOPE_SESSION)
		return c->session->pool;
	if (c->session != NULL)
		return c->message != NULL ? c->message->pool : NULL;
	if (c->pool == NULL)
		c->pool = pool_create(1024, 64 * 1024 * 1024);
	return c->pool;
}
