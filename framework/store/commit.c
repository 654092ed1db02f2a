/* SPDX-License-Identifier: GPL-2.0-or-later */
/* commit - groups of writes, one transaction each. */
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "store/store_int.h"

/* How often the writer itself sweeps a full file. */
#define COMMIT_FULL_NS 1000000000u

/* commit_get - a get that must see the writes before it in the group */
static int
commit_get(struct lmdb_txn *t, struct store_op *op)
{
	weir_str value;
	int rc = lmdb_get(t, op->key, store.group_now, &value, NULL);

	buf_clear(&op->result);
	if (rc == WEIR_OK)
		buf_add(&op->result, value.ptr, value.len);
	return rc;
}

/* commit_op - one operation of the group */
static int
commit_op(struct lmdb_txn *t, struct store_op *op)
{
	int rc = WEIR_OK;

	if (op->kind != STORE_PUT)
		rc = commit_get(t, op);
	if (op->kind == STORE_GET)
		return rc;
	if (op->kind == STORE_DEL) {
		if (rc == WEIR_OK)
			rc = lmdb_del(t, op->key);
		store.group_wrote |= rc == WEIR_OK;
		buf_clear(&op->result);
		return rc;
	}
	if (op->kind == STORE_ADD && rc != WEIR_E_NOTFOUND)
		return rc == WEIR_OK ? WEIR_E_EXISTS : rc;
	/* at first the whole group is rolled back, to sweep and try again */
	if (store.group_full)
		return store.again ? WEIR_E_TEMP : WEIR_E_LIMIT;
	rc = lmdb_put(t, op->key, op->value, op->expires_ms);
	store.group_wrote |= rc == WEIR_OK;
	return rc;
}

/* commit_apply - lmdb_fn: the group in the order in which it came */
static int
commit_apply(struct lmdb_txn *t, void *arg)
{
	(void)arg;
	list_each (n, &store.group) {
		struct store_op *op = list_of(n, struct store_op, node);

		op->status = commit_op(t, op);
		switch (op->status) {
		case WEIR_OK:
		case WEIR_E_NOTFOUND:
		case WEIR_E_EXISTS:
			break;
		case WEIR_E_TEMP:
			if (store.group_full)
				break;
			/* fall through */
		default:
			return op->status;
		}
	}
	return WEIR_OK;
}

/* commit_write - one transaction */
static int
commit_write(void)
{
	int rc = lmdb_is_full(store.db, &store.group_full, &store.group_err);

	if (rc < 0)
		return rc;
	return lmdb_write(store.db, commit_apply, NULL, &store.group_err);
}

/* commit_run - the job; the group is its own until done */
static void
commit_run(struct work *w)
{
	uint64_t begin = clock_mono_ns();

	(void)w;
	store.group_wrote = store.group_full = false;
	if (store.db == NULL)
		store.group_status = err_set(&store.group_err, WEIR_E_TEMP,
		    "the file can't be opened");
	else if (!lmdb_is_current(store.db))
		store.group_status = err_set(&store.group_err, WEIR_E_STALE,
		    "the file was replaced");
	else
		store.group_status = commit_write();
	store.group_swept = 0;
	store.group_sweep = false;
	if (store.group_status == WEIR_E_LIMIT &&
	    (store.full_ns == 0 || begin - store.full_ns > COMMIT_FULL_NS)) {
		store.full_ns = begin;
		store.group_sweep = true;
		store.group_swept = sweep_some(store.db, store.group_now);
	}
	store.group_us = (int64_t)((clock_mono_ns() - begin) / 1000);
}

/* commit_put_back - the file changed under us: the same group once more */
static void
commit_put_back(void)
{
	while (!list_empty(&store.group)) {
		struct store_op *op = list_of(store.group.prev,
		    struct store_op, node);

		list_remove(&op->node);
		/* at the head */
		list_append(store.queue.next, &op->node);
		store.queue_ops++;
		store.queue_octets += op->key.len + op->value.len;
	}
	store.group_ops = 0;
}

/* commit_fail - nothing of the group was written */
static void
commit_fail(void)
{
	list_each (n, &store.group) {
		struct store_op *op = list_of(n, struct store_op, node);

		buf_clear(&op->result);
		op->status = WEIR_E_TEMP;
		if (op->kind == STORE_GET)
			store_read(op);
	}
}

/* commit_repair - after a failure: is it worth while to try again at once */
static bool
commit_repair(int status)
{
	if (status == WEIR_E_STALE || status == WEIR_E_INTERNAL ||
	    store.db == NULL) {
		if (!sweep_is_busy())
			store_reopen(status == WEIR_E_INTERNAL ?
				store.group_err.text : NULL);
		return store.db != NULL;
	}
	return status == WEIR_E_LIMIT;
}

/* commit_done - back on the loop */
static void
commit_done(struct work *w)
{
	int status = store.group_status;

	(void)w;
	store.committing = false;
	store.commit_us = store.group_us;
	store.swept += store.group_swept;
	if (store.group_sweep)
		store_sweep(); /* the rest of the file */
	if (status < 0 && commit_repair(status) && !store.again) {
		store.again = true;
		commit_put_back();
		loop_defer(&store.start);
		return;
	}
	store.again = false;
	if (status < 0) {
		store_trouble(status, store.group_err.text);
		commit_fail();
	} else if (store.group_full) {
		store_trouble(WEIR_E_LIMIT, "the file is full");
		store.commits++;
	} else {
		store.commits++;
		if (store.group_wrote)
			store_trouble(WEIR_OK, "");
	}
	while (!list_empty(&store.group)) {
		struct store_op *op = list_of(store.group.next,
		    struct store_op, node);

		list_remove(&op->node);
		store_op_ready(op);
	}
	store.group_ops = 0;
	/* behind the callbacks, so that what they start comes along */
	loop_defer(&store.start);
}

/* commit_gather - take a group from the queue */
static void
commit_gather(void)
{
	size_t octets = 0;

	expect(list_empty(&store.group));
	while (!list_empty(&store.queue) && store.group_ops < STORE_GROUP_OPS &&
	    octets < STORE_GROUP_OCTETS) {
		struct store_op *op = list_of(store.queue.next,
		    struct store_op, node);

		list_remove(&op->node);
		list_append(&store.group, &op->node);
		store.queue_ops--;
		store.queue_octets -= op->key.len + op->value.len;
		store.group_ops++;
		octets += op->key.len + op->value.len;
	}
	store.group_now = clock_wall_ms();
}

/* commit_start - begin a commit unless one runs */
static void
commit_start(struct loop_task *task)
{
	int rc;

	(void)task;
	if (store.committing || list_empty(&store.queue))
		return;
	loop_timer_stop(&store.linger);
	commit_gather();
	store.committing = true;
	if (store.memory) {
		commit_run(&store.commit);
		commit_done(&store.commit);
		return;
	}
	rc = work_submit(&store.commit);
	if (rc < 0) {
		store.group_status = err_set(&store.group_err, WEIR_E_TEMP,
		    "no thread for the commit: %s", status_name(rc));
		store.group_full = store.group_sweep = false;
		store.group_swept = 0;
		commit_done(&store.commit);
	}
}

/* commit_linger - writes that nobody waits for have gathered long enough */
static void
commit_linger(struct loop_timer *t)
{
	(void)t;
	commit_start(&store.start);
}

/* commit_want - an operation was queued */
void
commit_want(struct store_op *op)
{
	if (op->fn != NULL || store.queue_ops >= STORE_GROUP_OPS ||
	    store.memory)
		loop_defer(&store.start);
	else if (!store.committing && !loop_timer_is_active(&store.linger))
		loop_timer_start(&store.linger, store.commit_ms);
}

/* commit_init - nothing waits */
void
commit_init(void)
{
	list_init(&store.queue);
	list_init(&store.group);
	loop_task_init(&store.start, commit_start);
	loop_timer_init(&store.linger, commit_linger);
	work_prepare(&store.commit, commit_run, commit_done);
	store.commit.urgent = true;
}

/* commit_finish - all that waits, here and now */
void
commit_finish(void)
{
	if (store.committing) {
		if (!work_join(&store.commit))
			commit_run(&store.commit);
		commit_done(&store.commit);
	}
	while (!list_empty(&store.queue)) {
		commit_gather();
		store.committing = true;
		commit_run(&store.commit);
		commit_done(&store.commit);
	}
	loop_task_cancel(&store.start);
	loop_timer_stop(&store.linger);
}
