/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * run - take one event of a session through the loaded modules.
 *
 * GLOSSARY
 *   plan   which modules are called for a stage and phase, in waves: a wave
 *          starts when all calls of the one before have closed
 *   call   one callback and what it started (pipe/call.h)
 *   run    one stage of one session on its way through the plan
 *
 * A front-end calls run_stage for each event, in SMTP order, one at a time per
 * session, and asks run_answer for what to say.  Everything happens on the
 * loop thread.
 */
#ifndef WEIR_PIPE_RUN_H
#define WEIR_PIPE_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/types.h>

#include "mail/message.h"
#include "mail/session.h"
#include "pipe/module.h"

/* What the loaded modules (and the host's own record) want of the MTA. */
struct run_wants {
	bool stage[WEIR_STAGE_COUNT];  /* the event at all */
	bool answer[WEIR_STAGE_COUNT]; /* something may be said to it at once;
					  false: the MTA need not wait */
	bool headers; /* header fields must be kept */
	bool spool;   /* the whole message must be kept */
	uint32_t edits; /* EDIT_CAP bits that modules may need */
};
const struct run_wants *run_wants(void);
/* Compute it once plan_build is done.  host_envelope: the record or the log
   wants client, sender and recipients even without modules. */
void run_wants_build(bool host_envelope, int64_t message_timeout_ms);

/* Afterwards: the host keeps tapes for a replay (replay/recorder.h). */
void run_wants_tape(bool bodies);

/* In a replay: true: the module is not called, somebody has spoken for it. */
extern bool (*run_stand_in)(struct module *m, struct session *s, int stage,
    int phase, uint32_t rcpt);

typedef void run_done_fn(struct session *s, enum weir_stage stage,
    uint32_t rcpt);

/* Run a stage.  true: it is finished now; false: done will be called later,
   exactly once, unless run_cancel comes first.  rcpt: index at RCPT, else
   WEIR_RCPT_NONE.  Not for header and body. */
bool run_stage(struct session *s, enum weir_stage stage, uint32_t rcpt,
    run_done_fn *done);
/* Header field and body chunk: these can't wait. */
void run_header(struct session *s, weir_str name, weir_str value);
void run_body(struct session *s, weir_str chunk);
/* Give up the stage that runs (the client is gone, ABORT); done is not
   called.  Harmless when none runs. */
void run_cancel(struct session *s);
bool run_is_active(const struct session *s);

/* The strongest opinion that applies now: session, message and, if given, the
   recipient.  NULL: none stronger than "go on". */
const struct opinion *run_answer(const struct session *s, uint32_t rcpt);

/* A scope ends: called by message_finish and session_close. */
void run_message_end(struct message *m);
void run_session_end(struct session *s);

#endif
