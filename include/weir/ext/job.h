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

typedef struct weir_jobctx weir_jobctx;
typedef int weir_job_run(weir_jobctx *, void *arg); /* [job] */
/* status: what run returned, or WEIR_E_CANCELLED / E_TIMEOUT [loop] */
typedef void weir_job_done(weir_call *, int status, void *arg);

struct weir_job {
	/* Queue the work.  WEIR_E_LIMIT when the queue is full. done runs
	   exactly once, never before start() returns. [loop] */
	int (*start)(weir_call *, weir_job_run *run, weir_job_done *done,
	    void *arg);
	/* Has the call been given up?  Long work asks now and then. [job] */
	bool (*unwanted)(weir_jobctx *);
	/* The whole message, read only, as a descriptor that the host closes
	   after run(); negative status when there is none (before eom). [job] */
	int (*message_fd)(weir_jobctx *);
};

#ifdef __cplusplus
}
#endif
#endif
