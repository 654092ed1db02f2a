/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * play - what stands around a session that is decided again from a tape.
 *
 * Modules that need nothing but the session, the mail and the DNS run as they
 * always do, and so do the site's rules.  For the others - those that need the
 * store, helpers, jobs or each other's services - what they said when the
 * session was recorded is said again: nothing of theirs is started.  The same
 * is done for a module that wants to see a body that was not recorded.
 * Where that is not certain to be what they would say now, a reason is kept:
 * nothing is guessed in silence.
 *
 * In a process of its own.  [main], [loop]
 */
#ifndef WEIR_REPLAY_PLAY_H
#define WEIR_REPLAY_PLAY_H

#include "base/err.h"
#include "conf/core.h"
#include "replay/tape.h"

/* Why a decision is not certain. */
enum play_reason {
	PLAY_DNS,     /* an answer was not recorded */
	PLAY_BODY,    /* the body was not recorded, and somebody looked */
	PLAY_STORE,   /* a rule or module used the store */
	PLAY_OPTIONS, /* a module that is not run has other options now */
	PLAY_ABSENT,  /* ... was not there */
	PLAY_UNASKED, /* ... was not asked: the mail had been accepted */
	PLAY_WEIGHT,  /* a symbol that counted for nothing counts now */
	PLAY_HEADER,  /* the header was longer than the limits */
	PLAY_FAILED,  /* a module's check failed that had not */
	PLAY_REASONS
};
extern const char *const play_reasons[PLAY_REASONS];

/* Start the engine for replays; no network from now on. */
int play_open(const struct conf *conf, struct err *err);
void play_close(void);

/* Play this tape from now on; the clock is set to its time. */
void play_begin(struct tape *tape);
/* The last stage is through; s is still open: what shows only now. */
void play_end(const struct session *s);
/* Is the decision uncertain for this reason; what it was about ("" if there is
   nothing to say).  Until the next play_begin. */
bool play_is_uncertain(enum play_reason reason, const char **about);

#endif
