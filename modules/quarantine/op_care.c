/* SPDX-License-Identifier: GPL-2.0-or-later */
/* op_care - purge, sync, repair by hand. */
#include "command.h"

#include <string.h>
#include <unistd.h>

#define OP_WAIT_MS 10000 /* for another worker that is at it */
#define OP_GRACE_MS 60000 /* files that may still get their row */

/* care_wait - the lock, with some patience */
static int
care_wait(struct order *o)
{
	int lock = store_open(o->q->store, &o->fault);

	for (int i = 0; lock >= 0 && i < OP_WAIT_MS / 100; i++) {
		lock = care_lock(o->q->store, &o->fault);
		if (lock != WEIR_E_STATE)
			break;
		usleep(100000);
		lock = i + 1 < OP_WAIT_MS / 100 ? 0 : WEIR_E_STATE;
	}
	memset(&o->fault, 0, lock >= 0 ? sizeof(o->fault) : 0);
	return lock;
}

/* op_purge - what is past its retention */
int
op_purge(struct order *o)
{
	struct care_purged p;
	int lock = o->filter.check ? 0 : care_wait(o), status;

	if (lock < 0)
		return lock;
	status = care_purge(o->q->store, &o->q->care, o->filter.check, &p,
	    &o->fault);
	if (!o->filter.check)
		close(lock);
	if (status < 0)
		return status;
	if (o->json)
		order_json(o, json_pack("{s:I,s:I,s:I,s:b}", "spam",
		    (json_int_t)p.items[WEIR_QUARANTINE_SPAM], "virus",
		    (json_int_t)p.items[WEIR_QUARANTINE_VIRUS], "attachment",
		    (json_int_t)p.items[WEIR_QUARANTINE_ATTACHMENT], "deleted",
		    !o->filter.check));
	else
		fprintf(o->out, "%s: %llu spam, %llu virus, %llu attachment\n",
		    o->filter.check ? "past their retention" : "deleted",
		    (unsigned long long)p.items[WEIR_QUARANTINE_SPAM],
		    (unsigned long long)p.items[WEIR_QUARANTINE_VIRUS],
		    (unsigned long long)p.items[WEIR_QUARANTINE_ATTACHMENT]);
	return WEIR_OK;
}

/* sync_due - release what has been asked for */
static void
sync_due(struct order *o, unsigned *released)
{
	char ids[20][ID_LEN + 1];
	struct fault f;
	int n = release_due(o->q->store, ids, 20, &f);

	for (int i = 0; i < n; i++) {
		struct release_result r;

		if (release_try(o->q->store, &o->q->release, ids[i], &r, &f) <
			0 || r.state != ITEM_RELEASED)
			continue;
		(*released)++;
		o->q->metric->add(o->q->self, o->q->metric_released, 1);
		learn_read(o->q, &r.item, &o->learn);
	}
}

/* op_sync - moves by IMAP; then what waits for release */
int
op_sync(struct order *o)
{
	struct care_synced s, again;
	unsigned released = 0;
	int lock = care_wait(o), status;

	if (lock < 0)
		return lock;
	status = care_sync(o->q->store, &o->q->care, true, &s, &o->fault);
	if (status == WEIR_OK)
		sync_due(o, &released);
	/* what has just been released goes to the folder Released */
	if (status == WEIR_OK && released > 0)
		status = care_sync(o->q->store, &o->q->care, true, &again,
		    &o->fault);
	close(lock);
	if (status < 0)
		return status;
	if (o->json)
		order_json(o, json_pack("{s:I,s:I,s:I,s:I,s:I}", "moved",
		    (json_int_t)s.released, "released", (json_int_t)released,
		    "deleted", (json_int_t)s.deleted, "refused",
		    (json_int_t)s.refused, "foreign", (json_int_t)s.foreign));
	else
		fprintf(o->out, "%llu moved to Release, %u released now, %llu "
		    "deleted, %llu refused because of a virus, %llu that are "
		    "no items\n", (unsigned long long)s.released, released,
		    (unsigned long long)s.deleted,
		    (unsigned long long)s.refused,
		    (unsigned long long)s.foreign);
	return WEIR_OK;
}

/* op_repair - orphans on both sides */
int
op_repair(struct order *o)
{
	struct care_repaired r;
	int lock = care_wait(o), status;

	if (lock < 0)
		return lock;
	status = care_repair(o->q->store, OP_GRACE_MS, &r, &o->fault);
	close(lock);
	if (status < 0)
		return status;
	if (o->json)
		order_json(o, json_pack("{s:I,s:I,s:I,s:I}", "files",
		    (json_int_t)r.files, "items", (json_int_t)r.rows, "views",
		    (json_int_t)r.views, "older", (json_int_t)r.old));
	else
		fprintf(o->out, "%llu files without an item removed, %llu "
		    "items without a file deleted, %llu views removed, %llu "
		    "files older than the index left alone\n",
		    (unsigned long long)r.files, (unsigned long long)r.rows,
		    (unsigned long long)r.views, (unsigned long long)r.old);
	return WEIR_OK;
}
