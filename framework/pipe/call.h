/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * call - one callback of a module and everything it started.
 *
 * A call is open while the callback runs or an op (a query, timer, job, store
 * operation, hold) is pending; then it closes by itself.  Modules hold a
 * weir_call, which is slot and generation: call_find refuses stale ones.
 *
 * An op is embedded in the starter's own struct:
 *	call_op_begin(call, &q->op, q_cancel);		in the starter
 *	call_enter(call); fn(...); call_op_end(&q->op); call_leave(call);
 *						in the completion
 * cancel(op, status) must make that completion with the status, at once
 * (true), or later when it can't yet (false: a job that runs).
 */
#ifndef WEIR_PIPE_CALL_H
#define WEIR_PIPE_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "loop/loop.h"
#include "mail/message.h"
#include "pipe/module.h"

struct call;
struct run;

struct call_op {
	struct list node;
	struct call *call;
	bool (*cancel)(struct call_op *op, int status);
};

struct call {
	uint32_t slot;
	uint64_t generation;
	struct module *module;
	struct session *session; /* referenced; NULL: not about mail */
	struct message *message; /* referenced; may be NULL */
	struct run *run;	 /* NULL: belongs to no run (any more) */
	struct list run_node;	 /* in run->calls */
	uint8_t stage, phase;
	uint32_t rcpt;
	unsigned inside;   /* depth of call_enter */
	unsigned pending;  /* ops */
	struct list ops;
	bool failed;	   /* reported as not run */
	bool given_up;	   /* cancelled: only memory may be freed now */
	bool may_block;	   /* a command in weirctl's own process */
	bool is_control;   /* answers a command (host/control.h) */
	int64_t timeout_ms; /* from the first wait on */
	struct loop_timer timer;
	uint64_t begun_ns, entered_ns, left_ns;
	struct pool *pool; /* of a call that is not about mail */
	void (*closed)(struct call *call); /* or NULL; last thing that runs */
	void *closed_arg;
	/* who hears of its failure instead of on_failure; or NULL */
	void (*on_fail)(struct call *call, int status, weir_str reason);
};

void call_init(void);
void call_fini(void); /* all calls must be closed */
uint32_t call_count(void); /* open ones: the accounting test */

struct call *call_begin(struct module *module, struct session *s,
    struct message *m, int stage, int phase, uint32_t rcpt);
weir_call *call_handle(const struct call *call);
struct call *call_find(weir_call *handle); /* NULL: stale */

/* Around each piece of module code; leave closes the call if that was all.
   After call_leave the call may be gone. */
void call_enter(struct call *call);
void call_leave(struct call *call);

void call_op_begin(struct call *call, struct call_op *op,
    bool (*cancel)(struct call_op *, int));
void call_op_end(struct call_op *op);

/* The check did not run: on_failure decides, once per call. */
void call_fail(struct call *call, int status, weir_str reason);
/* Give it up: completions are made with this status. */
void call_cancel(struct call *call, int status);
/* Give all up: the process stops. */
void call_cancel_all(int status);
/* Memory of the call's message, session or own. */
struct pool *call_pool(struct call *call, uint32_t scope);

#endif
