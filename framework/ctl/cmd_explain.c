/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmd_explain - weirctl explain: the search runs in the work pool. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/list.h"
#include "ctl/commands.h"
#include "ctl/explain_text.h"
#include "ctl/find.h"
#include "ctl/format.h"
#include "daemon/worker.h"
#include "work/pool.h"

struct explain_job {
	struct work work;
	struct ctl_request *request; /* lives until it is answered */
	const char *path;
	json_t *found;
	struct err err;
	int status;
};

/* explain_run - [job] */
static void
explain_run(struct work *w)
{
	struct explain_job *j = list_of(w, struct explain_job, work);

	j->status = find_records(j->path, j->request->argv[1], &j->found,
	    &j->err);
}

/* explain_done - found, or not */
static void
explain_done(struct work *w)
{
	struct explain_job *j = list_of(w, struct explain_job, work);
	struct ctl_request *r = j->request;

	if (j->status < 0) {
		struct buf why = BUF_INIT;

		format_clean(j->err.text, &why);
		ctl_fail(r, CTL_FAILED, "%s", buf_str(&why).ptr);
		buf_fini(&why);
	} else {
		ctl_answer(r, j->found, explain_text_all);
	}
	free(j);
}

/* cmd_explain - weirctl explain ID|QUEUE-ID */
void
cmd_explain(struct ctl_request *r)
{
	const struct conf *conf = worker_conf();
	struct explain_job *j;

	if (!conf->explain.enabled) {
		ctl_fail(r, CTL_FAILED, "no records are kept: see `explain { "
		    "enabled }` in the configuration");
		return;
	}
	j = xcalloc(1, sizeof(*j));
	j->request = r;
	j->path = conf->explain.path;
	j->status = WEIR_E_CANCELLED;
	err_set(&j->err, 0, "the worker ends");
	work_prepare(&j->work, explain_run, explain_done);
	if (work_submit(&j->work) < 0) {
		free(j);
		ctl_fail(r, CTL_FAILED, "too many jobs are waiting");
	}
}
