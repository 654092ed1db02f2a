/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guard - the mark that says whose code runs now, and what it cost.
 *
 * The mark lies in shared memory (obs/board.h): when the worker dies or stalls
 * the master reads module, stage and decision id there.
 */
#ifndef WEIR_PIPE_GUARD_H
#define WEIR_PIPE_GUARD_H

#include "pipe/call.h"

/* this worker's slot of the board; without one nothing is marked */
void guard_slot(int board_slot);

void guard_enter(struct call *c);
void guard_leave(struct call *c);
/* Callbacks follow at once upon one another: when one has left the next one
   enters, and the clock is asked once for both. */
void guard_chain(bool on);
/* the call is over: its time goes to the module's histogram.  now_ns: 0, or
   what time it is */
void guard_closed(struct call *c, uint64_t now_ns);
/* What was counted since this turn of the loop began goes to the board; by
   itself at the turn's end. */
void guard_flush(void);
void guard_failed(struct call *c, int status, weir_str reason);
/* may the module be called at all, or is it benched after crashes */
bool guard_is_benched(const struct module *m);

/* Around a module's drop function, which has no call. */
void guard_drop_enter(const struct module *m);
void guard_drop_leave(void);

/* What a job thread is busy with, for the handler of fatal signals. */
struct guard_job {
	int module, stage, phase;
	uint64_t fingerprint;
	char id[24];
};
/* fill it in [loop], set it (NULL: no longer) in the thread */
void guard_job_fill(struct guard_job *j, const struct call *c);
void guard_job_set(const struct guard_job *j);
/* in the handler: if this is such a thread the mark is made to say so */
void guard_job_blame(void);

/* How many workers have died inside a call about this mail. */
uint32_t guard_deaths(uint64_t fingerprint);

/* A transaction, or a client before one, was decided: count it. */
void guard_decided(void);

#endif
