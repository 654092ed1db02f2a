/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * batch - copies become durable.
 *
 * Each copy's file is written in a job of its own call; its row waits for the
 * next commit.  One commit runs at a time: what comes meanwhile goes together
 * into the next one.  A copy whose call has been given up is finished all the
 * same and taken back.
 */
#include "quarantine.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_MS 600000 /* a commit waits for locks, not for mail */

static void batch_kick(struct quarantine *q);

/* batch_free - its commit and its call are both through */
static void
batch_free(struct batch_one *b)
{
	keep_destroy(b->keep);
	free(b);
}

/* batch_withdraw - nobody was told of these items */
static void
batch_withdraw(struct quarantine *q, const struct keep *k)
{
	for (uint32_t i = 0; i < k->nrcpts; i++)
		if (!k->rcpts[i].adopted)
			batch_note(q, KEEP_WITHDRAWN, k->rcpts[i].id, "");
}

/* batch_note - for the next commit */
void
batch_note(struct quarantine *q, enum keep_end end, const char *id,
    const char *nonce)
{
	struct keep_note *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return;
	n->end = end;
	memcpy(n->id, id, strnlen(id, ID_LEN));
	memcpy(n->nonce, nonce, strnlen(nonce, ID_LEN));
	*q->notes_end = n;
	q->notes_end = &n->next;
}

/* batch_run - the commit, in a job */
static int
batch_run(weir_jobctx *ctx, void *arg)
{
	struct quarantine *q = arg;
	struct keep *first = NULL, **end = &first;
	struct fault f = { 0, "" };

	(void)ctx;
	q->commit_ran = true;
	for (struct batch_one *b = q->committing; b != NULL; b = b->next) {
		*end = b->keep;
		end = &b->keep->next;
	}
	*end = NULL;
	return keep_commit(q->store, first, q->notes_committing, &f);
}

/* batch_notes_done - written, or to come again */
static void
batch_notes_done(struct quarantine *q, bool ok)
{
	struct keep_note *n = q->notes_committing, *last = n;

	q->notes_committing = NULL;
	if (!ok && n != NULL) {
		while (last->next != NULL)
			last = last->next;
		last->next = q->notes;
		if (q->notes == NULL)
			q->notes_end = &last->next;
		q->notes = n;
		return;
	}
	while (n != NULL) {
		struct keep_note *next = n->next;

		free(n);
		n = next;
	}
}

/* batch_done - tell those who wait */
static void
batch_done(weir_call *call, int status, void *arg)
{
	struct quarantine *q = arg;
	struct batch_one *b = q->committing;

	(void)call;
	q->committing = NULL;
	q->commit_runs = false;
	batch_notes_done(q, status == WEIR_OK && q->commit_ran);
	while (b != NULL) {
		struct batch_one *next = b->next;

		/* a job that never ran has committed nothing */
		if (!q->commit_ran && b->keep->status == WEIR_OK) {
			b->keep->status = fault_set(&b->keep->fault,
			    WEIR_E_TEMP, "no thread was free");
			keep_drop(q->store, b->keep);
		}
		b->in_commit = false;
		b->committed = b->keep->status == WEIR_OK;
		if (b->left) {
			if (b->keep->status == WEIR_OK)
				batch_withdraw(q, b->keep);
			batch_free(b);
		} else {
			q->host->release(b->hold, b->keep->status);
		}
		b = next;
	}
	if (q->waiting != NULL)
		batch_kick(q);
}

/* batch_task - a call of its own for the commit */
static void
batch_task(weir_call *call, int status, void *arg)
{
	struct quarantine *q = arg;

	if (status == WEIR_OK)
		status = q->job->start(call, batch_run, batch_done, q);
	if (status == WEIR_OK)
		return;
	batch_done(call, WEIR_E_TEMP, q);
}

/* batch_kick - start a commit with all that waits */
static void
batch_kick(struct quarantine *q)
{
	if (q->commit_runs || (q->waiting == NULL && q->notes == NULL))
		return;
	q->commit_runs = true;
	q->commit_ran = false;
	q->committing = q->waiting;
	q->waiting = NULL;
	q->waiting_end = &q->waiting;
	for (struct batch_one *b = q->committing; b != NULL; b = b->next)
		b->in_commit = true;
	q->notes_committing = q->notes;
	q->notes = NULL;
	q->notes_end = &q->notes;
	if (q->host->task(q->self, batch_task, q, BATCH_MS) < 0)
		batch_task(NULL, WEIR_E_TEMP, q);
}

/* batch_held - the commit is through, or the call is given up */
static void
batch_held(weir_call *call, int status, void *arg)
{
	struct batch_one *b = arg;

	b->done(call, status, b->keep, b->arg);
	if (b->in_commit || status == WEIR_E_TIMEOUT ||
	    status == WEIR_E_CANCELLED) {
		b->left = true;
		if (b->in_commit)
			return;
		/* the call was given up between the commit and its news */
		if (b->committed && status < 0)
			batch_withdraw(b->q, b->keep);
		/* it still waits: it need not be committed at all */
		for (struct batch_one **p = &b->q->waiting; *p != NULL;
		     p = &(*p)->next) {
			if (*p != b)
				continue;
			*p = b->next;
			if (*p == NULL)
				b->q->waiting_end = p;
			keep_drop(b->q->store, b->keep);
			break;
		}
	}
	batch_free(b);
}

/* batch_write - the file, in the call's job */
static int
batch_write(weir_jobctx *ctx, void *arg)
{
	struct batch_one *b = arg;
	int fd = b->q->job->message_fd(ctx);

	if (fd < 0)
		return b->keep->status = fault_set(&b->keep->fault, fd,
			   "the message was not kept for reading");
	return keep_write(b->q->store, fd, b->keep);
}

/* batch_written - wait for a commit */
static void
batch_written(weir_call *call, int status, void *arg)
{
	struct batch_one *b = arg;
	struct quarantine *q = b->q;

	if (status == WEIR_OK) {
		b->hold = q->host->hold(call, 0, batch_held, b);
		if (b->hold == NULL)
			status = WEIR_E_LIMIT;
	}
	if (status < 0) {
		/* a job that ran to its end although nobody waits */
		if (b->keep->file[0] != '\0')
			keep_drop(q->store, b->keep);
		b->done(call, status, b->keep, b->arg);
		batch_free(b);
		return;
	}
	*q->waiting_end = b;
	q->waiting_end = &b->next;
	batch_kick(q);
}

/* batch_start - write, then commit, then done */
int
batch_start(struct quarantine *q, weir_call *call, struct keep *keep,
    void (*done)(weir_call *, int, struct keep *, void *), void *arg)
{
	struct batch_one *b = calloc(1, sizeof(*b));
	int status = b != NULL ? WEIR_OK : WEIR_E_NOMEM;

	if (b != NULL) {
		b->q = q;
		b->keep = keep;
		b->done = done;
		b->arg = arg;
		status = q->job->start(call, batch_write, batch_written, b);
	}
	if (status < 0) {
		keep_destroy(keep);
		free(b);
	}
	return status;
}

/* batch_tick - notes without a mail that takes them along */
void
batch_tick(weir_call *call, int status, void *arg)
{
	(void)call;
	if (status == WEIR_OK)
		batch_kick(arg);
}

/* batch_fini - what is still to be written down */
void
batch_fini(struct quarantine *q)
{
	struct fault f;

	if (q->notes != NULL && keep_commit(q->store, NULL, q->notes, &f) < 0)
		quarantine_log(q, NULL, WEIR_LOG_WARN, "%s", f.text);
	q->notes_committing = q->notes;
	q->notes = NULL;
	batch_notes_done(q, true);
}
