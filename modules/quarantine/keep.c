/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "keep.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "item.h"
#include "release.h"

/* keep_create - room for the recipients */
struct keep *
keep_create(uint32_t nrcpts)
{
	struct keep *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	k->rcpts = calloc(nrcpts > 0 ? nrcpts : 1, sizeof(*k->rcpts));
	if (k->rcpts == NULL) {
		free(k);
		return NULL;
	}
	k->nrcpts = nrcpts;
	return k;
}

/* keep_destroy - the struct, not the mail */
void
keep_destroy(struct keep *k)
{
	if (k == NULL)
		return;
	for (uint32_t i = 0; i < k->nrcpts; i++) {
		free(k->rcpts[i].address);
		free(k->rcpts[i].user);
		free(k->rcpts[i].reason);
	}
	free(k->rcpts);
	free(k->sender);
	free(k->params);
	free(k->message_id);
	free(k->client);
	free(k->helo);
	free(k->queue_id);
	free(k->decision);
	free(k->findings);
	free(k->from);
	free(k->subject);
	free(k);
}

/* keep_views - ids, and hard links for all recipients */
static int
keep_views(struct store *st, struct keep *k, struct fault *f)
{
	int status = WEIR_OK;

	for (uint32_t i = 0; status == WEIR_OK && i < k->nrcpts; i++) {
		struct keep_rcpt *r = &k->rcpts[i];

		status = file_id(r->id, f);
		if (status == WEIR_OK && st->conf.maildir)
			status = file_view(st, k->file, r->user, r->id,
			    k->time_ms, r->view, f);
	}
	return status;
}

/* keep_sync - the names of file and views.  The file has been fsynced after
   they were made, so that a journal has most likely taken them along. */
static int
keep_sync(struct store *st, struct keep *k, struct fault *f)
{
	int status = file_sync_day(st, k->file, f);

	for (uint32_t i = 0; status == WEIR_OK && st->conf.maildir &&
	     i < k->nrcpts; i++)
		status = file_view_sync(st, k->rcpts[i].user, f);
	return status;
}

/* keep_write - the file and its views */
int
keep_write(struct store *st, int from, struct keep *k)
{
	int fd = -1, synced;

	if (store_open(st, &k->fault) < 0)
		return k->status = k->fault.status;
	k->status = file_write(st, from, st->conf.max_message, k->time_ms,
	    k->file, &k->size, k->digest, &fd, &k->fault);
	if (k->status < 0) {
		k->file[0] = '\0';
		return k->status;
	}
	k->status = keep_views(st, k, &k->fault);
	synced = file_sync(fd, &k->fault);
	if (k->status == WEIR_OK)
		k->status = synced;
	if (k->status == WEIR_OK)
		k->status = keep_sync(st, k, &k->fault);
	if (k->status < 0)
		keep_drop(st, k);
	return k->status;
}

/* keep_drop - remove the file and what views there are */
void
keep_drop(const struct store *st, struct keep *k)
{
	for (uint32_t i = 0; i < k->nrcpts; i++) {
		file_view_remove(st, k->rcpts[i].user, k->rcpts[i].view);
		k->rcpts[i].view[0] = '\0';
	}
	if (k->file[0] != '\0')
		file_unlink(st, k->file);
	k->file[0] = '\0';
}

/* keep_fail - this mail is not kept */
static void
keep_fail(struct keep *k, const struct fault *f)
{
	k->fault = *f;
	k->status = f->status;
}

/* keep_adopt - is this very mail there already, see ONCE */
static int
keep_adopt(sqlite3 *db, struct keep *k, struct keep_rcpt *r, struct fault *f)
{
	sqlite3_stmt *q = store_query(db, f, "SELECT i.n, i.id FROM mail m"
	    " JOIN item i ON i.m = m.m WHERE m.digest = ? AND m.size = ?"
	    " AND i.user = ? AND m.sender = ? AND (i.state = ? OR i.answered = 0)"
	    " ORDER BY i.n DESC LIMIT 1", "bissi", k->digest,
	    (size_t)DIGEST_LEN, (int64_t)k->size, r->user, k->sender,
	    (int64_t)ITEM_NEW);
	int64_t n = 0;
	int rc;

	if (q == NULL)
		return f->status;
	rc = sqlite3_step(q);
	if (rc == SQLITE_ROW) {
		n = sqlite3_column_int64(q, 0);
		snprintf(r->id, sizeof(r->id), "%s", store_text(q, 1));
		r->adopted = true;
	}
	sqlite3_finalize(q);
	if (rc != SQLITE_ROW)
		return rc == SQLITE_DONE ? WEIR_OK : store_fault(db, f, rc);
	return store_run(db, f, NULL, "UPDATE item SET copies = copies + 1"
	    " WHERE n = ?", "i", n);
}

/* keep_room - the limits, by the sums that triggers keep */
static int
keep_room(sqlite3 *db, const char *user, uint64_t size, uint64_t max,
    struct fault *f)
{
	sqlite3_stmt *q;
	int64_t used = 0;

	if (max == 0)
		return WEIR_OK;
	q = store_query(db, f, "SELECT octets FROM used WHERE user = ?", "s",
	    user);
	if (q == NULL)
		return f->status;
	if (sqlite3_step(q) == SQLITE_ROW)
		used = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	if ((uint64_t)used + size <= max)
		return WEIR_OK;
	return fault_set(f, WEIR_E_LIMIT, "%s is full: %" PRId64 " of %" PRIu64
	    " octets are used", user[0] != '\0' ? user : "the quarantine",
	    used, max);
}

/* keep_insert_mail - one row for the file */
static int
keep_insert_mail(sqlite3 *db, const struct keep *k, struct fault *f)
{
	return store_run(db, f, NULL, "INSERT INTO mail (file, digest, size,"
	    " time_ms, sender, params, message_id, client, helo, queue_id,"
	    " decision, findings) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
	    "sbiissssssss", k->file, k->digest, (size_t)DIGEST_LEN,
	    (int64_t)k->size, k->time_ms, k->sender, k->params, k->message_id,
	    k->client, k->helo, k->queue_id, k->decision, k->findings);
}

/* keep_insert - one row for a recipient */
static int
keep_insert(sqlite3 *db, const struct keep *k, const struct keep_rcpt *r,
    int64_t m, struct fault *f)
{
	return store_run(db, f, NULL, "INSERT INTO item (id, m, time_ms,"
	    " class, state, score, size, rcpt, user, sender, from_text,"
	    " subject, reason, verdict, view)"
	    " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", "siiiidissssssis",
	    r->id, m, k->time_ms, (int64_t)r->class_, (int64_t)ITEM_NEW,
	    r->score, (int64_t)k->size, r->address, r->user, k->sender,
	    k->from, k->subject, r->reason, (int64_t)k->verdict, r->view);
}

/* keep_rows - one mail inside the transaction */
static int
keep_rows(const struct store *st, sqlite3 *db, struct keep *k, bool *used_out,
    struct fault *f)
{
	int status = keep_room(db, "", k->size, st->conf.max_total, f);
	int64_t m = 0;

	*used_out = false;
	for (uint32_t i = 0; status == WEIR_OK && i < k->nrcpts; i++) {
		struct keep_rcpt *r = &k->rcpts[i];

		r->adopted = false;
		status = keep_adopt(db, k, r, f);
		if (status < 0 || r->adopted)
			continue;
		status = keep_room(db, r->user, k->size, st->conf.max_user, f);
		if (status == WEIR_OK && m == 0) {
			status = keep_insert_mail(db, k, f);
			m = sqlite3_last_insert_rowid(db);
			*used_out = true;
		}
		if (status == WEIR_OK)
			status = keep_insert(db, k, r, m, f);
	}
	return status;
}

/* keep_one - a mail in a savepoint of its own: its limits are its own */
static int
keep_one(const struct store *st, sqlite3 *db, struct keep *k, bool *used_out)
{
	struct fault f = { 0, "" };
	int rc = sqlite3_exec(db, "SAVEPOINT one", NULL, NULL, NULL);

	if (rc != SQLITE_OK) {
		store_fault(db, &f, rc);
		keep_fail(k, &f);
		return f.status;
	}
	if (keep_rows(st, db, k, used_out, &f) == WEIR_OK) {
		k->status = WEIR_OK;
		rc = sqlite3_exec(db, "RELEASE one", NULL, NULL, NULL);
		return rc == SQLITE_OK ? WEIR_OK :
					 store_fault(db, &k->fault, rc);
	}
	keep_fail(k, &f);
	rc = sqlite3_exec(db, "ROLLBACK TO one; RELEASE one", NULL, NULL,
	    NULL);
	return rc == SQLITE_OK ? WEIR_OK : store_fault(db, &k->fault, rc);
}

/* keep_adopted - views of items that are others now */
static void
keep_adopted(const struct store *st, struct keep *k)
{
	for (uint32_t i = 0; i < k->nrcpts; i++) {
		if (k->rcpts[i].adopted)
			file_view_remove(st, k->rcpts[i].user,
			    k->rcpts[i].view);
	}
	if (k->adopted_all)
		file_unlink(st, k->file);
}

/* keep_note - one end of a message, inside the transaction */
static int
keep_note(sqlite3 *db, const struct keep_note *n, struct item_files *gone,
    struct fault *f)
{
	int status;

	switch (n->end) {
	case KEEP_ANSWERED:
		return store_run(db, f, NULL, "UPDATE item SET answered = 1"
		    " WHERE id = ? AND answered = 0", "s", n->id);
	case KEEP_WITHDRAWN:
		status = item_delete(db, n->id, true, gone, f);
		return status == WEIR_E_NOTFOUND ? WEIR_OK : status;
	case KEEP_TOKEN_IN:
	case KEEP_TOKEN_BACK:
		break;
	}
	return release_token_end(db, n->id, n->nonce,
	    n->end == KEEP_TOKEN_IN, f);
}

/* keep_all - mails and notes inside the transaction */
static int
keep_all(const struct store *st, sqlite3 *db, struct keep *first,
    const struct keep_note *notes, struct item_files *gone, struct fault *f)
{
	int status = WEIR_OK;
	bool used;

	for (; notes != NULL && status == WEIR_OK; notes = notes->next)
		status = keep_note(db, notes, gone, f);
	for (struct keep *k = first; k != NULL && status == WEIR_OK;
	     k = k->next) {
		if (k->status < 0)
			continue;
		status = keep_one(st, db, k, &used);
		k->adopted_all = k->status == WEIR_OK && !used;
		if (status < 0)
			*f = k->fault;
	}
	return status;
}

/* keep_commit - one transaction for all of them */
int
keep_commit(struct store *st, struct keep *first,
    const struct keep_note *notes, struct fault *f)
{
	struct item_files gone = ITEM_FILES_INIT;
	sqlite3 *db = store_begin(st, true, f);
	int status = db != NULL ? keep_all(st, db, first, notes, &gone, f) :
				  f->status;

	if (db != NULL && status < 0)
		store_rollback(st);
	else if (db != NULL)
		status = store_commit(st, f);
	for (struct keep *k = first; k != NULL; k = k->next) {
		if (status < 0 && k->status == WEIR_OK)
			keep_fail(k, f);
		/* no row speaks of the file */
		if (k->status < 0)
			keep_drop(st, k);
		else
			keep_adopted(st, k);
	}
	if (status == WEIR_OK)
		item_files_unlink(st, &gone);
	item_files_fini(&gone);
	return status;
}
