/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir/service/learn.h - weir.learn/1: tell a classifier what a mail was.
 *
 * A table of weir.service/1, provided by the module bayes.  The quarantine
 * tells it of releases ("not spam") and of mail that a user reports.
 */
#ifndef WEIR_SERVICE_LEARN_H
#define WEIR_SERVICE_LEARN_H

#include <weir/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_SERVICE_LEARN "weir.learn/1"

/* status: WEIR_OK: learned; WEIR_E_EXISTS: it was learned as this before,
   nothing changed.  before, after: probability of spam, 0..1, or negative if
   not known.  Runs exactly once, never before learn() returns. [loop] */
typedef void weir_learn_done(weir_call *, int status, double before,
    double after, void *arg);

/* The table. */
struct weir_learn {
	uint32_t size; /* sizeof(struct weir_learn), as provided */
	uint32_t reserved0; /* 0 */
	/* Learn a whole message (header, empty line, body; copied) as spam or
	   ham, for the site and, if user is not empty, for that address.  A
	   message learned as the other class before is moved.  The call is the
	   caller's own and stays open until done.  state: as weir_service.find
	   gave it.  A negative status: nothing was begun, done does not run.
	   [loop] */
	int (*learn)(void *state, weir_call *, bool spam, weir_str user,
	    weir_str message, weir_learn_done *done, void *arg);
	/* ---- end of ABI 1.0 ---- */
};

#ifdef __cplusplus
}
#endif
#endif
