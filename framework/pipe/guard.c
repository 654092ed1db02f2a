/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pipe/guard.h"

#include <stdatomic.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "obs/board.h"
#include "obs/log.h"
#include "obs/metric.h"

#define SLOW_NS 200000000u /* a callback that holds the loop this long */

static int slot = -1;
static uint64_t outer;
static bool chain;
/* of the callback before in a chain: when it left (0: there is none), and what
   it was about */
static uint64_t left_ns;
static const struct session *left_session;
static const struct message *left_message;
static struct module *counted; /* those with calls that the board lacks */
static void guard_on_flush(struct loop_task *t);
static struct loop_task flush = { LIST_INIT(flush.node), guard_on_flush };
static _Thread_local const struct guard_job *this_job;
/* a job's thread has left its mark and dies: the loop, which still turns, must
   not write over it */
static _Atomic bool dying;

/* guard_marks - is there a mark to leave */
static inline bool
guard_marks(void)
{
	return slot >= 0 &&
	    !atomic_load_explicit(&dying, memory_order_relaxed);
}

/* guard_flush - the board's rows are all workers': to write them for each
   callback would cost more than many a callback does */
void
guard_flush(void)
{
	while (counted != NULL) {
		struct module *m = counted;

		counted = m->counted;
		if (m->board >= 0)
			board_module_called(m->board, m->calls,
			    m->calls_ns);
		m->calls = 0;
		m->calls_ns = 0;
	}
}

/* guard_on_flush - the turn ends */
static void
guard_on_flush(struct loop_task *t)
{
	(void)t;
	guard_flush();
}

/* guard_count - one more call, for guard_flush */
static void
guard_count(struct module *m, uint64_t spent)
{
	if (m->calls++ == 0) {
		m->counted = counted;
		counted = m;
		loop_defer(&flush);
	}
	m->calls_ns += spent;
}

/* guard_slot - this worker's row of the board; negative: no board */
void
guard_slot(int board_slot)
{
	guard_flush();
	loop_task_cancel(&flush);
	slot = board_slot;
}

/* guard_chain - callbacks begin, or are over */
void
guard_chain(bool on)
{
	chain = on;
	left_ns = 0;
}

/* guard_id - the decision that this call is about */
static const char *
guard_id(const struct call *c)
{
	return c->message != NULL ? c->message->id :
	    c->session != NULL	  ? c->session->id :
				    NULL;
}

/* guard_enter - leave the mark */
void
guard_enter(struct call *c)
{
	bool next = chain && left_ns != 0;

	c->entered_ns = next ? left_ns : clock_mono_ns();
	if (c->begun_ns == 0)
		c->begun_ns = c->entered_ns;
	if (!guard_marks())
		return;
	/* the mail that this call is about, of all that are at work */
	board_fingerprint_set(slot,
	    c->message != NULL ? c->message->fingerprint : 0);
	if (next && c->session == left_session && c->message == left_message)
		outer = board_mark_again(slot, c->module->board, c->stage,
		    c->phase, c->entered_ns);
	else
		outer = board_mark_enter(slot, c->module->board, c->stage,
		    c->phase, guard_id(c), c->entered_ns);
}

/* guard_drop_enter - data of a scope is dropped */
void
guard_drop_enter(const struct module *m)
{
	left_ns = 0; /* the id of the callback before is written over */
	if (guard_marks())
		outer = board_mark_enter(slot, m->board, WEIR_STAGE_EOM,
		    WEIR_PHASE_ACT, NULL, clock_mono_ns());
}

/* guard_drop_leave - it has returned */
void
guard_drop_leave(void)
{
	if (guard_marks())
		board_mark_leave(slot, outer);
	outer = 0;
}

/* guard_job_fill - while the call is there to be asked */
void
guard_job_fill(struct guard_job *j, const struct call *c)
{
	const char *id = guard_id(c);

	j->module = c->module->board;
	j->stage = c->stage;
	j->phase = c->phase;
	j->fingerprint = c->message != NULL ? c->message->fingerprint : 0;
	snprintf(j->id, sizeof(j->id), "%s", id != NULL ? id : "");
}

/* guard_job_set - the thread begins, or has ended, its run */
void
guard_job_set(const struct guard_job *j)
{
	this_job = j;
}

/* guard_job_blame - this thread dies of a signal */
void
guard_job_blame(void)
{
	const struct guard_job *j = this_job;

	if (j == NULL || slot < 0)
		return;
	atomic_store(&dying, true);
	board_fingerprint_set(slot, j->fingerprint);
	board_mark_enter(slot, j->module, j->stage, j->phase, j->id,
	    clock_mono_ns());
}

/* guard_slow - it held the loop for too long */
static void
guard_slow(const struct call *c, uint64_t spent)
{
	struct log_ctx ctx = { .module = c->module->name,
		.stage = stage_name(c->stage) };
	const struct log_ctx *before;

	if (c->session != NULL)
		ctx.session = c->session->id;
	if (c->message != NULL)
		ctx.message = c->message->id;
	before = log_ctx_set(&ctx);
	log_event(WEIR_LOG_WARN, LOG_MODULE_SLOW,
	    "held the event loop for %u ms", (unsigned)(spent / 1000000u));
	log_ctx_set(before);
}

/* guard_leave - wipe the mark, count the time */
void
guard_leave(struct call *c)
{
	uint64_t now = clock_mono_ns(), spent = now - c->entered_ns;

	left_ns = c->left_ns = now;
	left_session = c->session;
	left_message = c->message;
	if (guard_marks()) {
		board_mark_leave(slot, outer);
		board_fingerprint_set(slot, 0);
		outer = 0;
		if (c->module->board >= 0)
			guard_count(c->module, spent);
	}
	if (spent > SLOW_NS && !c->may_block)
		guard_slow(c, spent);
}

/* guard_closed - how long it was open, waits included */
void
guard_closed(struct call *c, uint64_t now_ns)
{
	if (c->stage < WEIR_STAGE_COUNT && c->begun_ns != 0)
		metric_observe_own(c->module->metric_time[c->stage],
		    (now_ns != 0 ? now_ns : clock_mono_ns()) - c->begun_ns);
}

/* guard_failed - a check did not run: say so */
void
guard_failed(struct call *c, int status, weir_str reason)
{
	struct log_ctx ctx = { .module = c->module->name,
		.stage = stage_name(c->stage) };
	const struct log_ctx *before;

	metric_add(c->module->metric_failures, 1);
	if (slot >= 0 && c->module->board >= 0)
		board_module_failed(c->module->board);
	if (c->session != NULL)
		ctx.session = c->session->id;
	if (c->message != NULL)
		ctx.message = c->message->id;
	before = log_ctx_set(&ctx);
	log_event(WEIR_LOG_WARN, LOG_MODULE_FAILED, "did not run: %s (%.*s)",
	    status_name(status), (int)reason.len, reason.ptr);
	log_ctx_set(before);
}

/* guard_is_benched - has it crashed too often */
bool
guard_is_benched(const struct module *m)
{
	return slot >= 0 && m->board >= 0 &&
	    atomic_load_explicit(&board->module[m->board].benched_until,
		memory_order_relaxed) != 0 &&
	    board_is_benched(m->board, clock_mono_ms());
}

/* guard_deaths - has it killed before */
uint32_t
guard_deaths(uint64_t fingerprint)
{
	return slot >= 0 ? board_poison_count(fingerprint) : 0;
}

/* guard_decided - one more for the board */
void
guard_decided(void)
{
	if (slot >= 0)
		atomic_fetch_add_explicit(&board->slot[slot].messages, 1,
		    memory_order_relaxed);
}
