/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sweep - remove expired entries, a slice at a time.
 *
 * A pass looks at all entries in slices: reads some thousand with a snapshot,
 * removes the expired ones in a short transaction, rests.  A worker begins a
 * pass by timer, and leaves it to others when one of them has removed entries
 * since its last one (the record "\0sweep"); it rests longer when nothing is
 * due to expire.  An idle store is not written at all.
 */
#include <string.h>

#include "base/clock.h"
#include "base/vec.h"
#include "store/store_int.h"

#define SWEEP_EVERY_MS 60000
#define SWEEP_LATEST_MS (10 * SWEEP_EVERY_MS)
#define SWEEP_REST_MS 100 /* between slices */
#define SWEEP_LOOKS 8192  /* entries a slice looks at */
#define SWEEP_REMOVES 1024

struct sweep_slice {
	struct buf at;	/* where it begins, then where the next one does */
	struct buf keys; /* the expired ones, one behind the other */
	VEC(size_t) lengths;
	unsigned looks;
	int64_t now_ms;
	int64_t earliest_ms; /* of the entries that stay */
	bool end;	     /* of the pass */
	bool polite;	     /* leave the pass to a worker that did it lately */
	uint64_t removed;
	int status;
	struct err err;
};

static struct {
	struct work work;
	struct loop_timer timer;
	struct sweep_slice slice;
	bool running, busy;
} sweep;

/* sweep_row - lmdb_row_fn: note an expired key */
static bool
sweep_row(weir_str key, weir_str value, int64_t expires_ms, void *arg)
{
	struct sweep_slice *s = arg;

	(void)value;
	if (s->looks++ >= SWEEP_LOOKS || s->lengths.n >= SWEEP_REMOVES) {
		buf_clear(&s->at);
		buf_add(&s->at, key.ptr, key.len);
		s->end = false;
		return false;
	}
	if (expires_ms > s->now_ms) {
		if (expires_ms < s->earliest_ms)
			s->earliest_ms = expires_ms;
		return true;
	}
	buf_add(&s->keys, key.ptr, key.len);
	*vec_push(&s->lengths) = key.len;
	return true;
}

/* sweep_when - the time in the record, 0 if there is none */
static int64_t
sweep_when(struct lmdb_txn *t)
{
	weir_str v;
	uint64_t when = 0;

	if (lmdb_get(t, (weir_str){ LMDB_OWN_SWEEP, 6 }, 0, &v, NULL) !=
	    WEIR_OK || v.len != 8)
		return 0;
	for (int i = 0; i < 8; i++)
		when |= (uint64_t)(unsigned char)v.ptr[i] << (8 * i);
	return (int64_t)when;
}

/* sweep_look - lmdb_fn: find expired entries */
static int
sweep_look(struct lmdb_txn *t, void *arg)
{
	struct sweep_slice *s = arg;
	struct buf from = BUF_INIT;
	int64_t when;
	int rc;

	s->end = true;
	if (s->polite && s->at.len == 0) {
		when = sweep_when(t);
		if (when <= s->now_ms && s->now_ms - when < SWEEP_EVERY_MS)
			return WEIR_OK;
	}
	buf_add(&from, s->at.ptr, s->at.len);
	rc = lmdb_walk(t, buf_str(&from), sweep_row, s);
	buf_fini(&from);
	return rc == WEIR_E_NOTFOUND ? WEIR_OK : rc;
}

/* sweep_remove - lmdb_fn: remove them, unless they were renewed meanwhile */
static int
sweep_remove(struct lmdb_txn *t, void *arg)
{
	struct sweep_slice *s = arg;
	const char *p = s->keys.ptr;
	char when[8];
	int rc;

	s->removed = 0;
	for (size_t i = 0; i < s->lengths.n; i++) {
		weir_str key = { p, s->lengths.v[i] };

		p += key.len;
		rc = lmdb_get(t, key, s->now_ms, NULL, NULL);
		if (rc == WEIR_OK)
			continue;
		if (rc == WEIR_E_NOTFOUND)
			rc = lmdb_del(t, key);
		if (rc == WEIR_OK)
			s->removed++;
		else if (rc != WEIR_E_NOTFOUND)
			return rc;
	}
	for (int i = 0; i < 8; i++)
		when[i] = (char)((uint64_t)s->now_ms >> (8 * i));
	return lmdb_put(t, (weir_str){ LMDB_OWN_SWEEP, 6 },
	    (weir_str){ when, 8 }, LMDB_NEVER);
}

/* sweep_slice - look and remove */
static int
sweep_slice(struct lmdb *db, struct sweep_slice *s)
{
	int rc;

	s->looks = 0;
	s->lengths.n = 0;
	s->removed = 0;
	buf_clear(&s->keys);
	rc = lmdb_read_job(db, sweep_look, s, &s->err);
	if (rc == WEIR_OK && s->lengths.n > 0)
		rc = lmdb_write(db, sweep_remove, s, &s->err);
	return rc;
}

/* sweep_slice_fini - free its memory */
static void
sweep_slice_fini(struct sweep_slice *s)
{
	buf_fini(&s->at);
	buf_fini(&s->keys);
	vec_fini(&s->lengths);
}

/* sweep_some - a bounded part for the writer that met a full file */
uint64_t
sweep_some(struct lmdb *db, int64_t now_ms)
{
	struct sweep_slice s = { .now_ms = now_ms, .earliest_ms = LMDB_NEVER };
	uint64_t removed = 0;

	for (int i = 0; i < 16 && !s.end; i++) {
		if (sweep_slice(db, &s) < 0)
			break;
		removed += s.removed;
	}
	sweep_slice_fini(&s);
	return removed;
}

/* sweep_run - the job */
static void
sweep_run(struct work *w)
{
	(void)w;
	sweep.slice.status = sweep_slice(store.db, &sweep.slice);
}

/* sweep_pass_end - rest until something is due */
static void
sweep_pass_end(void)
{
	int64_t rest = sweep.slice.earliest_ms - clock_wall_ms();

	sweep.running = false;
	sweep_slice_fini(&sweep.slice);
	if (rest < SWEEP_EVERY_MS)
		rest = SWEEP_EVERY_MS;
	if (!store.memory)
		loop_timer_start(&sweep.timer,
		    rest < SWEEP_LATEST_MS ? rest : SWEEP_LATEST_MS);
}

/* sweep_done - a slice ended */
static void
sweep_done(struct work *w)
{
	struct sweep_slice *s = &sweep.slice;

	(void)w;
	sweep.busy = false;
	if (s->status == WEIR_OK)
		store.swept += s->removed;
	else
		store_trouble(s->status, s->err.text);
	if ((s->status == WEIR_E_INTERNAL || s->status == WEIR_E_STALE) &&
	    !store.committing)
		store_reopen(s->status == WEIR_E_INTERNAL ? s->err.text : NULL);
	if (s->status < 0 || s->end)
		sweep_pass_end();
	else
		loop_timer_start(&sweep.timer, SWEEP_REST_MS);
}

/* sweep_next - start the next slice */
static void
sweep_next(void)
{
	store_look();
	if (store.db == NULL) {
		sweep_pass_end();
		return;
	}
	sweep.slice.now_ms = clock_wall_ms();
	sweep.busy = true;
	if (store.memory) {
		sweep_run(&sweep.work);
		sweep_done(&sweep.work);
	} else if (work_submit(&sweep.work) < 0) {
		sweep.busy = false;
		sweep_pass_end();
	}
}

/* sweep_begin - a new pass */
static void
sweep_begin(bool polite)
{
	memset(&sweep.slice, 0, sizeof(sweep.slice));
	sweep.slice.earliest_ms = LMDB_NEVER;
	sweep.slice.polite = polite;
	sweep.running = true;
	sweep_next();
}

/* sweep_on_timer - a pass or a slice is due */
static void
sweep_on_timer(struct loop_timer *t)
{
	(void)t;
	if (sweep.running)
		sweep_next();
	else
		sweep_begin(true);
}

/* store_sweep - a pass now */
void
store_sweep(void)
{
	if (!store.open || store.closing || sweep.running)
		return;
	loop_timer_stop(&sweep.timer);
	sweep_begin(false);
}

/* sweep_is_busy, sweep_is_running - a slice, a pass */
bool
sweep_is_busy(void)
{
	return sweep.busy;
}

bool
sweep_is_running(void)
{
	return sweep.running;
}

/* sweep_init - the first pass is due in a while */
void
sweep_init(void)
{
	memset(&sweep, 0, sizeof(sweep));
	work_prepare(&sweep.work, sweep_run, sweep_done);
	loop_timer_init(&sweep.timer, sweep_on_timer);
	if (!store.memory)
		loop_timer_start(&sweep.timer, SWEEP_EVERY_MS);
}

/* sweep_fini - give up the pass */
void
sweep_fini(void)
{
	if (sweep.busy)
		(void)work_join(&sweep.work);
	loop_timer_stop(&sweep.timer);
	sweep_slice_fini(&sweep.slice);
	sweep.busy = sweep.running = false;
}
