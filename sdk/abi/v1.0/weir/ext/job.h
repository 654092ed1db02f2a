/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir/ext/job.h - weir.job/1: blocking work in a pool thread.
 *
 * run() may use only its argument, the jobctx functions and [any] functions.
 * When the call is cancelled or times out while run() works, done() still
 * comes only after run() has returned: arg stays the job's until then, and so
 * does memory from alloc().
 */
#ifndef WEIR_EXT_JOB_H
#define WEIR_EXT_JOB_H

#include <weir/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_EXT_JOB "weir.job/1"

typedef struct weir_jobctx weir_jobctx; /* valid while run() runs */
/* The work; what it returns is done's status. [job] */
typedef int weir_job_run(weir_jobctx *, void *arg);
/* status: what run returned, or WEIR_E_CANCELLED, WEIR_E_TIMEOUT: the call was
   given up, whether run() ran or not. [loop] */
typedef void weir_job_done(weir_call *, int status, void *arg);

/* Frozen: what comes later is weir.job/2. */
struct weir_job {
	/* Queue the work; arg is not copied.  WEIR_E_LIMIT when the queue is
	   full: then neither run nor done comes.  Else done runs exactly once,
	   never before start() returns.  In every stage but header and body
	   (WEIR_E_STATE). [loop] */
	int (*start)(weir_call *, weir_job_run *run, weir_job_done *done,
	    void *arg);
	/* Has the call been given up?  Long work asks now and then; nobody
	   interrupts it. [job] */
	bool (*unwanted)(weir_jobctx *);
	/* The whole message, read only, as a descriptor that the host closes
	   after run(): WEIR_E_STATE when there is none (before eom, without
	   WEIR_F_WANT_BODY), WEIR_E_UNSUPPORTED where the front-end has no
	   content (policy). Its offset is shared: use pread or mmap. [job] */
	int (*message_fd)(weir_jobctx *);
};

#ifdef __cplusplus
}
#endif
#endif
