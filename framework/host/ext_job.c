/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ext_job - weir.job/1 on work/pool. */
#include <stdlib.h>
#include <unistd.h>

#include <weir/ext/job.h>

#include "base/alloc.h"
#include "host/table.h"
#include "host/trial.h"
#include "pipe/guard.h"
#include "pipe/run.h"
#include "work/pool.h"

struct ext_job {
	struct call_op op;
	struct work work;
	struct module *module;
	struct guard_job mark;
	weir_job_run *run;
	weir_job_done *done;
	void *arg;
	int fd;	       /* sealed message, or a status */
	int status;    /* what run returned */
	int given_up;  /* status of the cancellation, or 0 */
	bool ran;
};

/* ext_job_run - in the thread */
static void
ext_job_run(struct work *w)
{
	struct ext_job *j = list_of(w, struct ext_job, work);

	table_thread_module = j->module;
	guard_job_set(&j->mark);
	j->status = j->run((weir_jobctx *)(void *)j, j->arg);
	guard_job_set(NULL);
	table_thread_module = NULL;
	j->ran = true;
}

/* ext_job_end - on the loop: done, and everything goes */
static void
ext_job_end(struct ext_job *j, int status)
{
	struct call *c = j->op.call;

	if (j->fd >= 0)
		close(j->fd);
	call_enter(c);
	j->done(call_handle(c), status, j->arg);
	call_op_end(&j->op);
	call_leave(c);
	free(j);
}

/* ext_job_done - the thread is through */
static void
ext_job_done(struct work *w)
{
	struct ext_job *j = list_of(w, struct ext_job, work);

	/* the pool may have been closed while it waited */
	ext_job_end(j, j->given_up != 0 ? j->given_up :
		    j->ran		    ? j->status :
					      WEIR_E_CANCELLED);
}

/* ext_job_cancel - at once if it has not begun, else when it returns */
static bool
ext_job_cancel(struct call_op *op, int status)
{
	struct ext_job *j = list_of(op, struct ext_job, op);

	j->given_up = status;
	if (!work_cancel(&j->work))
		return false;
	ext_job_end(j, status);
	return true;
}

/* ext_job_start - queue it */
static int
ext_job_start(weir_call *handle, weir_job_run *run, weir_job_done *done,
    void *arg)
{
	int status;
	struct call *c = table_starter(handle, &status);
	struct ext_job *j;

	if (c == NULL)
		return status;
	if (run == NULL || done == NULL)
		return WEIR_E_INVAL;
	if (trial_faults.jobs)
		return WEIR_E_LIMIT;
	trial_counts.jobs++;
	j = xcalloc(1, sizeof(*j));
	j->module = c->module;
	guard_job_fill(&j->mark, c);
	j->run = run;
	j->done = done;
	j->arg = arg;
	j->fd = WEIR_E_STATE;
	if (c->message != NULL && c->stage == WEIR_STAGE_EOM &&
	    run_wants()->spool) {
		weir_str raw;

		j->fd = message_raw(c->message, &raw);
		if (j->fd == WEIR_OK)
			j->fd = spool_fd(&c->message->spool);
	}
	work_prepare(&j->work, ext_job_run, ext_job_done);
	status = work_submit(&j->work);
	if (status < 0) {
		if (j->fd >= 0)
			close(j->fd);
		free(j);
		return status;
	}
	call_op_begin(c, &j->op, ext_job_cancel);
	return WEIR_OK;
}

static bool
ext_job_unwanted(weir_jobctx *ctx)
{
	return ctx == NULL || ((struct ext_job *)(void *)ctx)->work.unwanted;
}

static int
ext_job_message_fd(weir_jobctx *ctx)
{
	return ctx != NULL ? ((struct ext_job *)(void *)ctx)->fd : WEIR_E_INVAL;
}

const struct weir_job ext_job_table = { .start = ext_job_start,
	.unwanted = ext_job_unwanted, .message_fd = ext_job_message_fd };
