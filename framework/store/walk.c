/* SPDX-License-Identifier: GPL-2.0-or-later */
/* walk - entries in order: the file's, with the overlay laid over them. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/vec.h"
#include "store/store_int.h"

/* One turn of the loop's time; the octets are checked after each row. */
#define WALK_LOOKS 4096
#define WALK_ROWS 256
#define WALK_OCTETS ((size_t)1 << 20)

struct walk_row {
	size_t key, key_len, value, value_len; /* in data */
	int64_t expires_ms;
};

struct store_walk {
	struct buf prefix; /* name space NUL prefix */
	struct buf at;	   /* where the next step begins */
	bool beyond;	   /* the entry at `at` itself was seen */
	size_t ns_len;	   /* with its NUL */
	uint32_t left;
	store_row_fn *row; /* NULL: cancelled */
	/* of one step */
	VEC(struct walk_row) rows;
	VEC(struct store_op *) over; /* writes that wait, by key */
	size_t over_next;
	struct buf data;
	unsigned looks;
	int64_t now_ms;
	bool paused;
};

/* walk_compare - in the file's order */
static int
walk_compare(weir_str a, weir_str b)
{
	size_t least = a.len < b.len ? a.len : b.len;
	int c = memcmp(a.ptr, b.ptr, least);

	return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

/* walk_compare_op - for qsort */
static int
walk_compare_op(const void *a, const void *b)
{
	return walk_compare((*(struct store_op *const *)a)->key,
	    (*(struct store_op *const *)b)->key);
}

/* walk_create - begin at the prefix or behind from, whichever is later */
struct store_walk *
walk_create(weir_str prefix, size_t ns_len, weir_str from, uint32_t limit,
    store_row_fn *row)
{
	struct store_walk *w = xcalloc(1, sizeof(*w));

	w->ns_len = ns_len;
	w->left = limit;
	w->row = row;
	buf_add(&w->prefix, prefix.ptr, prefix.len);
	if (from.len > 0) {
		buf_add(&w->at, prefix.ptr, ns_len);
		buf_add(&w->at, from.ptr, from.len);
		w->beyond = true;
	}
	if (from.len == 0 || walk_compare(buf_str(&w->at), prefix) < 0) {
		buf_clear(&w->at);
		buf_add(&w->at, prefix.ptr, prefix.len);
		w->beyond = false;
	}
	return w;
}

/* walk_free - end of it */
void
walk_free(struct store_walk *w)
{
	buf_fini(&w->prefix);
	buf_fini(&w->at);
	buf_fini(&w->data);
	vec_fini(&w->rows);
	vec_fini(&w->over);
	free(w);
}

/* walk_cancel - show no more rows */
void
walk_cancel(struct store_walk *w)
{
	w->row = NULL;
}

/* walk_wants - is the key under the prefix */
static bool
walk_wants(const struct store_walk *w, weir_str key)
{
	return key.len >= w->prefix.len &&
	    memcmp(key.ptr, w->prefix.ptr, w->prefix.len) == 0;
}

/* walk_pick - for map_each: a key of the overlay */
static bool
walk_pick(weir_str key, void *value, void *arg)
{
	struct store_walk *w = arg;
	struct store_pending *p = value;
	int c = walk_compare(key, buf_str(&w->at));

	if (p->last != NULL && walk_wants(w, key) &&
	    (c > 0 || (c == 0 && !w->beyond)))
		*vec_push(&w->over) = p->last;
	return true;
}

/* walk_keep - note one row, false if the step is full */
static bool
walk_keep(struct store_walk *w, weir_str key, weir_str value,
    int64_t expires_ms)
{
	struct walk_row *r;

	w->looks++;
	if (w->looks > WALK_LOOKS || w->rows.n >= WALK_ROWS ||
	    w->data.len >= WALK_OCTETS) {
		w->paused = true;
		return false;
	}
	buf_clear(&w->at);
	buf_add(&w->at, key.ptr, key.len);
	w->beyond = true;
	if (expires_ms <= w->now_ms)
		return true;
	r = vec_push(&w->rows);
	r->key = w->data.len;
	r->key_len = key.len - w->ns_len;
	buf_add(&w->data, key.ptr + w->ns_len, r->key_len);
	buf_add_char(&w->data, '\0');
	r->value = w->data.len;
	r->value_len = value.len;
	buf_add(&w->data, value.ptr, value.len);
	buf_add_char(&w->data, '\0');
	r->expires_ms = expires_ms;
	/* one more than wanted tells whether there are more */
	return w->rows.n <= w->left;
}

/* walk_keep_op - a write that waits; a del hides what the file has */
static bool
walk_keep_op(struct store_walk *w, const struct store_op *op)
{
	return walk_keep(w, op->key, op->value,
	    op->kind == STORE_PUT ? op->expires_ms : 0);
}

/* walk_merge - lmdb_row_fn: what waits before it, then the entry */
static bool
walk_merge(weir_str key, weir_str value, int64_t expires_ms, void *arg)
{
	struct store_walk *w = arg;
	int c = walk_compare(key, buf_str(&w->at));

	if (c < 0 || (c == 0 && w->beyond))
		return true; /* the place where the last step ended */
	if (!walk_wants(w, key))
		return false;
	while (w->over_next < w->over.n) {
		struct store_op *op = w->over.v[w->over_next];

		c = walk_compare(op->key, key);
		if (c > 0)
			break;
		if (!walk_keep_op(w, op))
			return false;
		w->over_next++;
		if (c == 0)
			return true;
	}
	return walk_keep(w, key, value, expires_ms);
}

/* walk_in - lmdb_fn */
static int
walk_in(struct lmdb_txn *t, void *arg)
{
	struct store_walk *w = arg;
	/* the walk's own place moves while LMDB reads this one */
	struct buf from = BUF_INIT;
	int rc;

	buf_add(&from, w->at.ptr, w->at.len);
	rc = lmdb_walk(t, buf_str(&from), walk_merge, w);
	buf_fini(&from);
	return rc == WEIR_E_NOTFOUND ? WEIR_OK : rc;
}

/* walk_collect - the rows of one step */
static int
walk_collect(struct store_walk *w)
{
	struct err err = { "" };
	int rc = WEIR_E_TEMP;

	store_look();
	w->rows.n = w->over.n = w->over_next = 0;
	w->looks = 0;
	w->paused = false;
	w->now_ms = clock_wall_ms();
	buf_clear(&w->data);
	map_each(&store.overlay, walk_pick, w);
	if (w->over.n > 0)
		qsort(w->over.v, w->over.n, sizeof(*w->over.v),
		    walk_compare_op);
	if (store.db != NULL)
		rc = lmdb_read(store.db, walk_in, w, &err);
	if (rc < 0) {
		store_trouble(rc, err.text);
		return WEIR_E_TEMP;
	}
	while (!w->paused && w->rows.n <= w->left &&
	    w->over_next < w->over.n &&
	    walk_keep_op(w, w->over.v[w->over_next]))
		w->over_next++;
	return WEIR_OK;
}

/* walk_step - one step; true when the walk has ended, with op's status */
bool
walk_step(struct store_op *op)
{
	struct store_walk *w = op->walk;

	if (w->row == NULL)
		return true; /* cancelled; status may tell why */
	op->status = walk_collect(w);
	if (op->status < 0)
		return true;
	for (size_t i = 0; i < w->rows.n; i++) {
		struct walk_row *r = &w->rows.v[i];

		if (w->left == 0) {
			op->status = WEIR_E_LIMIT;
			return true;
		}
		w->left--;
		if (!w->row((weir_str){ w->data.ptr + r->key, r->key_len },
			(weir_str){ w->data.ptr + r->value, r->value_len },
			r->expires_ms, op->arg))
			return true;
		if (w->row == NULL)
			return true;
	}
	return !w->paused;
}
