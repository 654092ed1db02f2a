/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/check.h"
#include "base/clock.h"
#include "store/aside.h"
#include "store/store_int.h"

#define STORE_LOOK_MS 1000   /* how often to see whether the file is ours */
#define STORE_REOPEN_MS 1000 /* how often to try to open it anew */

struct store store;

/* store_op_create - one operation with its key and value behind it */
static struct store_op *
store_op_create(enum store_kind kind, const char *ns, weir_str key,
    weir_str value)
{
	size_t ns_len = strlen(ns) + 1;
	struct store_op *op = xmalloc(sizeof(*op) + ns_len + key.len + 1 +
	    value.len + 1);
	char *p = op->data;

	memset(op, 0, sizeof(*op));
	list_init(&op->node);
	op->kind = kind;
	op->key.ptr = p;
	op->key.len = ns_len + key.len;
	memcpy(p, ns, ns_len);
	p += ns_len;
	if (key.len > 0)
		memcpy(p, key.ptr, key.len);
	p += key.len;
	*p++ = '\0';
	op->value.ptr = p;
	op->value.len = value.len;
	if (value.len > 0)
		memcpy(p, value.ptr, value.len);
	p[value.len] = '\0';
	return op;
}

/* store_op_free - it is in no list */
void
store_op_free(struct store_op *op)
{
	if (op->walk != NULL)
		walk_free(op->walk);
	buf_fini(&op->result);
	free(op);
}

/* store_leave_overlay - the operation waits no longer */
static void
store_leave_overlay(struct store_op *op)
{
	struct store_pending *p = op->pending;

	if (p == NULL)
		return;
	op->pending = NULL;
	if (p->last == op)
		p->last = NULL;
	p->ops--;
	if (op->ordered)
		p->ordered--;
	if (p->ops == 0) {
		map_remove(&store.overlay, op->key);
		free(p);
	}
}

/* store_op_ready - let the callback run before the loop sleeps */
void
store_op_ready(struct store_op *op)
{
	store_leave_overlay(op);
	list_append(&store.ready, &op->node);
	loop_defer(&store.deliver);
}

/* store_deliver - run the callbacks that are due now, not those that these
   bring about */
static void
store_deliver(struct loop_task *task)
{
	struct list end = LIST_INIT(end);
	struct store_op *op;

	(void)task;
	list_append(&store.ready, &end);
	while (store.ready.next != &end) {
		op = list_of(store.ready.next, struct store_op, node);
		list_remove(&op->node);
		if (op->kind == STORE_WALK && !walk_step(op)) {
			list_append(&store.ready, &op->node);
			continue;
		}
		if (op->fn != NULL)
			op->fn(op->status, buf_str(&op->result), op->arg);
		store_op_free(op);
	}
	list_remove(&end);
	if (!list_empty(&store.ready))
		loop_defer(&store.deliver);
}

/* store_trouble - note a failure, or with WEIR_OK that all is well again */
void
store_trouble(int status, const char *text)
{
	store.degraded = status < 0;
	if (status < 0) {
		store.failures++;
		snprintf(store.trouble, sizeof(store.trouble), "%s: %.200s",
		    status_name(status), text);
	}
}

/* store_open_file - open; set aside what is not ours and open again */
static int
store_open_file(struct err *err)
{
	const char *path = store.memory ? NULL : store.path;
	struct err why;
	ino_t ino = 0;
	int rc;

	store.opened_ms = clock_mono_ms();
	rc = lmdb_open(path, store.map_size, &store.db, &why, &ino);
	if (rc == WEIR_E_INTERNAL && path != NULL) {
		rc = aside_move(path, ino, why.text, err);
		if (rc < 0)
			return rc;
		rc = lmdb_open(path, store.map_size, &store.db, &why, &ino);
	}
	return rc < 0 ? err_set(err, rc == WEIR_E_INTERNAL ? rc : WEIR_E_TEMP,
			    "store: %s", why.text) : rc;
}

/* store_reopen - while no job uses the file */
void
store_reopen(const char *damaged)
{
	struct err err = { "" };
	int64_t now = clock_mono_ms();
	int rc = WEIR_OK;

	expect(!store.committing && !sweep_is_busy());
	if (store.db == NULL && now - store.opened_ms < STORE_REOPEN_MS)
		return;
	if (damaged != NULL && store.db != NULL && !store.memory)
		rc = aside_move(store.path, lmdb_inode(store.db), damaged,
		    &err);
	lmdb_close(&store.db);
	if (rc == WEIR_OK)
		rc = store_open_file(&err);
	if (rc < 0)
		store_trouble(rc, err.text);
}

/* store_look - reopen if the file was replaced or could not be opened */
void
store_look(void)
{
	int64_t now = clock_mono_ms();

	if (now - store.looked_ms < STORE_LOOK_MS)
		return;
	store.looked_ms = now;
	if (!store.committing && !sweep_is_busy() &&
	    (store.db == NULL || !lmdb_is_current(store.db)))
		store_reopen(NULL);
}

/* store_init - open the file, prepare the machinery */
int
store_init(const struct store_config *config, struct err *err)
{
	int rc;

	expect(!store.open);
	if (!config->memory && config->path == NULL)
		return err_set(err, WEIR_E_INVAL, "the store has no path");
	memset(&store, 0, sizeof(store));
	store.memory = config->memory;
	store.path = config->path != NULL ? xstrdup(config->path) : NULL;
	store.map_size = config->map_size != 0 ? config->map_size :
						 STORE_MAP_SIZE;
	store.commit_ms = config->commit_ms > 0 ? config->commit_ms : 10;
	list_init(&store.ready);
	loop_task_init(&store.deliver, store_deliver);
	rc = store_open_file(err);
	if (rc < 0 && config->tolerant) {
		store_trouble(rc, err->text);
	} else if (rc < 0) {
		free(store.path);
		store.path = NULL;
		return rc;
	}
	store.looked_ms = clock_mono_ms();
	commit_init();
	sweep_init();
	store.open = true;
	return WEIR_OK;
}

/* store_fini - commit, complete, close */
void
store_fini(void)
{
	if (!store.open)
		return;
	store.closing = true;
	sweep_fini();
	commit_finish();
	list_each (n, &store.ready) {
		struct store_op *op = list_of(n, struct store_op, node);

		if (op->kind == STORE_WALK) {
			op->status = WEIR_E_CANCELLED;
			walk_cancel(op->walk);
		}
	}
	/* starting is refused, so that this comes to an end */
	while (!list_empty(&store.ready))
		store_deliver(&store.deliver);
	loop_task_cancel(&store.deliver);
	expect(store.overlay.n == 0);
	map_fini(&store.overlay);
	lmdb_close(&store.db);
	free(store.path);
	store.path = NULL;
	store.open = false;
}

/* store_check_args - at the door */
static int
store_check_args(const char *ns, weir_str key, weir_str value, int64_t ttl_ms)
{
	size_t ns_len = strlen(ns);

	expect(loop_is_thread());
	if (!store.open || store.closing)
		return WEIR_E_STATE;
	if (ns_len == 0 || ns_len > STORE_NS_MAX || key.len == 0 ||
	    key.len > WEIR_STORE_KEY_MAX || value.len > WEIR_STORE_VALUE_MAX ||
	    ttl_ms <= 0)
		return WEIR_E_INVAL;
	return WEIR_OK;
}

/* store_enqueue - join the overlay and the queue */
static void
store_enqueue(struct store_op *op, struct store_pending *p)
{
	if (p == NULL) {
		p = xcalloc(1, sizeof(*p));
		map_set(&store.overlay, op->key, p);
	}
	op->pending = p;
	op->ordered = op->fn != NULL || op->kind == STORE_ADD;
	p->ops++;
	if (op->ordered)
		p->ordered++;
	if (op->kind == STORE_PUT || op->kind == STORE_DEL)
		p->last = op;
	list_append(&store.queue, &op->node);
	store.queue_ops++;
	store.queue_octets += op->key.len + op->value.len;
	commit_want(op);
}

/* store_get_in - lmdb_fn: copy the value out */
static int
store_get_in(struct lmdb_txn *t, void *arg)
{
	struct store_op *op = arg;
	weir_str value;
	int rc = lmdb_get(t, op->key, clock_wall_ms(), &value, NULL);

	if (rc == WEIR_OK)
		buf_add(&op->result, value.ptr, value.len);
	return rc;
}

/* store_read - answer a get from the file */
void
store_read(struct store_op *op)
{
	struct err err = { "" };

	store_look();
	op->status = WEIR_E_TEMP;
	if (store.db != NULL)
		op->status = lmdb_read(store.db, store_get_in, op, &err);
	if (op->status == WEIR_OK || op->status == WEIR_E_NOTFOUND)
		return;
	store_trouble(op->status, err.text);
	if (!store.committing && !sweep_is_busy() && store.db != NULL &&
	    (op->status == WEIR_E_INTERNAL || op->status == WEIR_E_STALE))
		store_reopen(op->status == WEIR_E_INTERNAL ? err.text : NULL);
	op->status = WEIR_E_TEMP;
}

/* store_get - from the overlay, the file, or behind the writes of this key */
int
store_get(const char *ns, weir_str key, store_fn *fn, void *arg,
    struct store_op **op_out)
{
	int rc = store_check_args(ns, key, (weir_str){ NULL, 0 }, 1);
	struct store_op *op;
	struct store_pending *p;

	if (op_out != NULL)
		*op_out = NULL;
	if (rc == WEIR_OK && fn == NULL)
		rc = WEIR_E_INVAL;
	if (rc < 0)
		return rc;
	op = store_op_create(STORE_GET, ns, key, (weir_str){ NULL, 0 });
	op->fn = fn;
	op->arg = arg;
	p = map_get(&store.overlay, op->key);
	if (p != NULL && p->ordered > 0) {
		store_enqueue(op, p);
	} else if (p != NULL) {
		op->status = WEIR_E_NOTFOUND;
		if (p->last->kind == STORE_PUT &&
		    p->last->expires_ms > clock_wall_ms()) {
			op->status = WEIR_OK;
			buf_add(&op->result, p->last->value.ptr,
			    p->last->value.len);
		}
		store_op_ready(op);
	} else {
		store_read(op);
		store_op_ready(op);
	}
	if (op_out != NULL)
		*op_out = op;
	return WEIR_OK;
}

/* store_write - start any write */
static int
store_write(enum store_kind kind, const char *ns, weir_str key, weir_str value,
    int64_t ttl_ms, store_fn *fn, void *arg, struct store_op **op_out)
{
	int rc = store_check_args(ns, key, value, ttl_ms);
	int64_t now = clock_wall_ms();
	struct store_op *op;

	if (op_out != NULL)
		*op_out = NULL;
	if (rc < 0)
		return rc;
	if (store.queue_ops >= STORE_QUEUE_OPS ||
	    store.queue_octets >= STORE_QUEUE_OCTETS)
		return WEIR_E_TEMP;
	op = store_op_create(kind, ns, key, value);
	op->fn = fn;
	op->arg = arg;
	/* the last moment is the store's own "never" */
	op->expires_ms = ttl_ms < LMDB_NEVER - 1 - now ? now + ttl_ms :
							  LMDB_NEVER - 1;
	store_enqueue(op, map_get(&store.overlay, op->key));
	if (op_out != NULL && fn != NULL)
		*op_out = op;
	return WEIR_OK;
}

/* store_put - insert or replace */
int
store_put(const char *ns, weir_str key, weir_str value, int64_t ttl_ms,
    store_fn *fn, void *arg, struct store_op **op_out)
{
	return store_write(STORE_PUT, ns, key, value, ttl_ms, fn, arg, op_out);
}

/* store_add - insert, unless it is there */
int
store_add(const char *ns, weir_str key, weir_str value, int64_t ttl_ms,
    store_fn *fn, void *arg, struct store_op **op_out)
{
	return store_write(STORE_ADD, ns, key, value, ttl_ms, fn, arg, op_out);
}

/* store_del - remove */
int
store_del(const char *ns, weir_str key, store_fn *fn, void *arg,
    struct store_op **op_out)
{
	return store_write(STORE_DEL, ns, key, (weir_str){ NULL, 0 }, 1, fn,
	    arg, op_out);
}

/* store_walk - visit in order */
int
store_walk(const char *ns, weir_str prefix, weir_str from, uint32_t limit,
    store_row_fn *row, store_fn *done, void *arg, struct store_op **op_out)
{
	int rc = store_check_args(ns, (weir_str){ "x", 1 },
	    (weir_str){ NULL, 0 }, 1);
	struct store_op *op;

	if (op_out != NULL)
		*op_out = NULL;
	if (rc == WEIR_OK && (prefix.len > WEIR_STORE_KEY_MAX ||
		from.len > WEIR_STORE_KEY_MAX || limit == 0 || row == NULL ||
		done == NULL))
		rc = WEIR_E_INVAL;
	if (rc < 0)
		return rc;
	op = store_op_create(STORE_WALK, ns, prefix, (weir_str){ NULL, 0 });
	op->fn = done;
	op->arg = arg;
	op->walk = walk_create(op->key, strlen(ns) + 1, from, limit, row);
	store_op_ready(op);
	if (op_out != NULL)
		*op_out = op;
	return WEIR_OK;
}

/* store_cancel - forget the callbacks */
void
store_cancel(struct store_op **opp)
{
	struct store_op *op = *opp;

	*opp = NULL;
	if (op == NULL)
		return;
	expect(loop_is_thread());
	op->fn = NULL;
	if (op->walk != NULL)
		walk_cancel(op->walk);
}

/* store_count - lmdb_fn */
static int
store_count(struct lmdb_txn *t, void *arg)
{
	return lmdb_count(t, arg);
}

/* store_status - for status pages and metrics */
void
store_status(struct store_status *out)
{
	memset(out, 0, sizeof(*out));
	out->trouble = store.degraded ? store.trouble : "";
	out->alarm = aside_alarm();
	if (!store.open)
		return;
	out->degraded = store.degraded;
	if (store.db != NULL)
		(void)lmdb_read(store.db, store_count, &out->entries, NULL);
	out->pending = store.queue_ops + store.group_ops;
	out->commits = store.commits;
	out->failures = store.failures;
	out->swept = store.swept;
	out->commit_us = store.commit_us;
	out->sweeping = sweep_is_running();
}
