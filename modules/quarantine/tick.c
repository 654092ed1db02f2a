/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tick - periodic work, by one process at a time: care_lock. */
#include "quarantine.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"

#define TICK_RELEASES 20   /* of one run */
#define TICK_GRACE_MS 3600000 /* files that may still get their row */

struct tick {
	struct quarantine *q;
	bool repair; /* the first time */
	struct care_purged purged;
	struct care_repaired repaired;
	struct care_synced synced;
	unsigned released, later, refused;
	struct learn *learn;
	struct fault fault;
};

/* A job that may be told to end. */
struct tick_wait {
	const struct weir_job *job;
	weir_jobctx *ctx;
};

/* tick_unwanted - in its thread */
static bool
tick_unwanted(void *arg)
{
	const struct tick_wait *w = arg;

	return w->job->unwanted(w->ctx);
}

/* tick_release - those that are due */
static int
tick_release(struct tick *t, weir_jobctx *ctx)
{
	char ids[TICK_RELEASES][ID_LEN + 1];
	struct tick_wait wait = { t->q->job, ctx };
	struct release_conf conf = t->q->release;
	int n = release_due(t->q->store, ids, TICK_RELEASES, &t->fault);

	conf.unwanted = tick_unwanted;
	conf.arg = &wait;
	for (int i = 0; i < n && !t->q->job->unwanted(ctx); i++) {
		struct release_result r;
		struct fault f;

		if (release_try(t->q->store, &conf, ids[i], &r, &f) < 0)
			continue;
		t->released += r.state == ITEM_RELEASED;
		t->later += r.state == ITEM_QUEUED;
		t->refused += r.state == ITEM_NEW;
		if (r.state == ITEM_RELEASED)
			learn_read(t->q, &r.item, &t->learn);
	}
	return n < 0 ? n : WEIR_OK;
}

/* tick_run - in a job */
static int
tick_run(weir_jobctx *ctx, void *arg)
{
	struct tick *t = arg;
	struct store *st = t->q->store;
	int status = WEIR_OK, lock;

	if (access(t->q->store->folder, F_OK) != 0)
		return WEIR_OK; /* nothing was ever kept */
	status = store_open(st, &t->fault);
	if (status < 0)
		return status;
	lock = care_lock(st, &t->fault);
	if (lock == WEIR_E_STATE)
		return WEIR_OK; /* another worker is at it */
	if (lock < 0)
		return lock;
	if (t->repair)
		status = care_repair(st, TICK_GRACE_MS, &t->repaired,
		    &t->fault);
	if (status == WEIR_OK)
		status = care_sync(st, &t->q->care, t->repair, &t->synced,
		    &t->fault);
	if (status == WEIR_OK)
		status = tick_release(t, ctx);
	if (status == WEIR_OK)
		status = care_purge(st, &t->q->care, false, &t->purged,
		    &t->fault);
	close(lock);
	return status;
}

/* tick_say - what is worth a line */
static void
tick_say(struct quarantine *q, weir_call *call, const struct tick *t)
{
	uint64_t purged = t->purged.items[1] + t->purged.items[2] +
	    t->purged.items[3];

	if (t->repaired.rows > 0)
		quarantine_log(q, call, WEIR_LOG_ERROR, "%llu items have lost "
		    "their file and are gone",
		    (unsigned long long)t->repaired.rows);
	if (t->repaired.old > 0)
		quarantine_log(q, call, WEIR_LOG_WARN, "%llu mails are older "
		    "than the index and unknown to it: they are left alone",
		    (unsigned long long)t->repaired.old);
	if (t->repaired.files + t->repaired.views > 0)
		quarantine_log(q, call, WEIR_LOG_INFO, "%llu files and %llu "
		    "views of interrupted work removed",
		    (unsigned long long)t->repaired.files,
		    (unsigned long long)t->repaired.views);
	if (purged > 0)
		quarantine_log(q, call, WEIR_LOG_INFO, "%llu items are past "
		    "their retention and gone", (unsigned long long)purged);
	if (t->released + t->later + t->refused > 0)
		quarantine_log(q, call, WEIR_LOG_INFO, "releases: %u "
		    "delivered, %u to be tried again, %u refused", t->released,
		    t->later, t->refused);
	if (t->synced.deleted + t->synced.refused > 0)
		quarantine_log(q, call, WEIR_LOG_INFO, "by IMAP: %llu deleted, "
		    "%llu not released because of a virus",
		    (unsigned long long)t->synced.deleted,
		    (unsigned long long)t->synced.refused);
}

/* tick_done - say it */
static void
tick_done(weir_call *call, int status, void *arg)
{
	struct tick *t = arg;
	struct quarantine *q = t->q;

	if (status < 0 && status != WEIR_E_CANCELLED && !q->trouble)
		quarantine_log(q, call, WEIR_LOG_ERROR, "%s", t->fault.text);
	else if (status == WEIR_OK && q->trouble)
		quarantine_log(q, call, WEIR_LOG_INFO, "works again");
	q->trouble = status < 0;
	if (status < 0 && t->repair)
		q->repaired = false;
	if (q->store->no_links && !q->told_links) {
		q->told_links = true;
		quarantine_log(q, call, WEIR_LOG_WARN, "this kernel's sandbox "
		    "allows no hard links: there are no Maildirs");
	}
	tick_say(q, call, t);
	q->metric->add(q->self, q->metric_released, t->released);
	learn_ham(q, call, &t->learn, NULL, NULL);
	free(t);
}

/* tick_care - each interval */
void
tick_care(weir_call *call, int status, void *arg)
{
	struct quarantine *q = arg;
	struct tick *t;

	if (status < 0)
		return;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return;
	t->q = q;
	learn_find(q);
	t->repair = !q->repaired;
	q->repaired = true;
	if (q->job->start(call, tick_run, tick_done, t) < 0) {
		q->repaired = !t->repair && q->repaired;
		free(t);
	}
}
