/* SPDX-License-Identifier: GPL-2.0-or-later */
/* db_learn - lessons as changes of counts, applied in the order of the keys. */
#include "db_int.h"

#include <stdlib.h>
#include <sys/mman.h>

#define DB_LARGE ((size_t)2 << 20)
/* Write all tokens anew if one of so many is changed: then most pages are. */
#define BATCH_REWRITE 2

/* One token counted up or down. */
struct db_change {
	uint64_t key;
	int8_t spam, ham; /* +1, -1 */
	uint16_t day;	  /* going down: when the message was learned */
};

struct db_batch {
	struct db_lesson *lessons;
	unsigned n, day;
	struct db_change *changes;
	size_t n_changes, room;
};

/* db_large - aligned, so that large pages fit */
void *
db_large(size_t size)
{
	void *p;

	if (size < DB_LARGE)
		return malloc(size);
	size = (size + DB_LARGE - 1) & ~(DB_LARGE - 1);
	p = aligned_alloc(DB_LARGE, size);
	if (p != NULL)
		(void)madvise(p, size, MADV_HUGEPAGE);
	return p;
}

/* batch_room - for n more changes */
static bool
batch_room(struct db_batch *b, size_t n)
{
	size_t room = b->room > 0 ? b->room : 64;
	struct db_change *p;

	/* the first time for all, taken back ones apart */
	for (unsigned i = 0; b->room == 0 && i < b->n; i++)
		room += b->lessons[i].n;

	while (room - b->n_changes < n)
		room *= 2;
	if (room == b->room)
		return true;
	p = db_large(room * sizeof(*p));
	if (p == NULL)
		return false;
	if (b->n_changes > 0)
		memcpy(p, b->changes, b->n_changes * sizeof(*p));
	free(b->changes);
	b->changes = p;
	b->room = room;
	return true;
}

/* batch_add - count tokens of a message up or down */
static bool
batch_add(struct db_batch *b, uint64_t scope, const uint64_t *keys,
    uint32_t n, enum db_class class_, int8_t step, uint16_t day)
{
	if (!batch_room(b, n))
		return false;
	for (uint32_t i = 0; i < n; i++)
		b->changes[b->n_changes++] = (struct db_change){
			db_key(scope, keys[i]),
			class_ == DB_SPAM ? step : 0,
			class_ == DB_HAM ? step : 0, day };
	return true;
}

/* lesson_way - how many of its last tokens tell how this copy came */
static uint32_t
lesson_way(const struct db_lesson *l)
{
	uint32_t n = 0;

	for (int g = 0; g < TOKEN_GROUPS; g++)
		n += token_on_way((enum token_group)g) ? l->groups[g] : 0;
	return n;
}

/* batch_take_back - what the message was learned as */
static int
batch_take_back(struct db_batch *b, uint64_t scope,
    const struct db_lesson *l, const MDB_val *v)
{
	struct db_message m;
	uint64_t key;
	const char *p = (const char *)v->mv_data + sizeof(m);

	memcpy(&m, v->mv_data, sizeof(m));
	if (v->mv_size != sizeof(m) + m.route * sizeof(key))
		return WEIR_E_INTERNAL;
	if (!batch_add(b, scope, l->keys, l->n - lesson_way(l), l->before, -1,
		m.day))
		return WEIR_E_NOMEM;
	/* this copy may have come another way than the one learned */
	for (uint32_t i = 0; i < m.route; i++) {
		memcpy(&key, p + i * sizeof(key), sizeof(key));
		if (!batch_add(b, scope, &key, 1, l->before, -1, m.day))
			return WEIR_E_NOMEM;
	}
	return WEIR_OK;
}

/* batch_message - remember, replace or forget the message */
static int
batch_message(struct db_batch *b, struct db *db, MDB_txn *txn,
    const struct db_lesson *l, MDB_val *k)
{
	uint32_t route = lesson_way(l);
	struct db_message m = { (uint8_t)l->class_, TOKEN_VERSION,
		(uint16_t)b->day, route };
	MDB_val v = { sizeof(m) + route * sizeof(uint64_t), NULL };
	int rc;

	if (l->class_ == DB_NONE)
		return db_status(mdb_del(txn, db->message, k, NULL));
	rc = mdb_put(txn, db->message, k, &v, MDB_RESERVE);
	if (rc != 0)
		return db_status(rc);
	memcpy(v.mv_data, &m, sizeof(m));
	if (route > 0)
		memcpy((char *)v.mv_data + sizeof(m),
		    l->keys + (l->n - route), route * sizeof(uint64_t));
	return WEIR_OK;
}

/* batch_totals - learned and kept messages of the scope */
static int
batch_totals(const struct db_batch *b, struct db *db, MDB_txn *txn,
    const struct db_lesson *l)
{
	struct db_totals t;
	int status = db_get_totals(db, txn, l->scope, &t);

	if (status < 0)
		return status;
	if (l->before == DB_SPAM && t.spam > 0)
		t.spam--;
	if (l->before == DB_HAM && t.ham > 0)
		t.ham--;
	t.spam += l->class_ == DB_SPAM;
	t.ham += l->class_ == DB_HAM;
	t.changed++;
	if (l->before != DB_NONE)
		status = kept_remove(db, txn, l, &t);
	if (status == WEIR_OK && l->class_ != DB_NONE)
		status = kept_add(db, txn, l, &t, b->day);
	return status < 0 ? status : db_put_totals(db, txn, l->scope, &t);
}

/* batch_lesson - one message: what has to change? */
static int
batch_lesson(struct db_batch *b, struct db *db, MDB_txn *txn,
    struct db_lesson *l)
{
	uint64_t scope = db_scope_hash(l->scope);
	uint64_t id[2] = { l->id[0], db_key(scope, l->id[1]) };
	MDB_val k = { sizeof(id), id }, v;
	int rc = mdb_get(txn, db->message, &k, &v), status = WEIR_OK;

	l->before = DB_NONE;
	l->changed = false;
	if (rc == 0) {
		if (v.mv_size < sizeof(struct db_message))
			return WEIR_E_INTERNAL;
		l->before = ((const struct db_message *)v.mv_data)->class_;
	} else if (rc != MDB_NOTFOUND) {
		return db_status(rc);
	}
	if (l->before == l->class_)
		return WEIR_OK;
	l->changed = true;
	if (l->before != DB_NONE)
		status = batch_take_back(b, scope, l, &v);
	if (status == WEIR_OK && l->class_ != DB_NONE &&
	    !batch_add(b, scope, l->keys, l->n, l->class_, 1,
		(uint16_t)b->day))
		status = WEIR_E_NOMEM;
	if (status == WEIR_OK)
		status = batch_message(b, db, txn, l, &k);
	if (status == WEIR_OK)
		status = batch_totals(b, db, txn, l);
	return status;
}

/* batch_sort - by key, stable, three passes of a radix sort: the keys are
   hashes, so that the rest is in order after a short insertion */
static bool
batch_sort(struct db_batch *b)
{
	struct db_change *from = b->changes, *to, *swap, x;
	size_t n = b->n_changes, start[2048], sum, j;

	to = db_large(n * sizeof(*to));
	if (to == NULL)
		return false;
	for (int shift = 31; shift < 64; shift += 11) {
		memset(start, 0, sizeof(start));
		for (size_t i = 0; i < n; i++)
			start[from[i].key >> shift & 2047]++;
		sum = 0;
		for (size_t i = 0; i < 2048; i++) {
			size_t count = start[i];

			start[i] = sum;
			sum += count;
		}
		for (size_t i = 0; i < n; i++)
			to[start[from[i].key >> shift & 2047]++] = from[i];
		swap = from;
		from = to;
		to = swap;
	}
	for (size_t i = 1; i < n; i++) {
		x = from[i];
		for (j = i; j > 0 && from[j - 1].key > x.key; j--)
			from[j] = from[j - 1];
		from[j] = x;
	}
	free(to);
	b->changes = from;
	b->room = n;
	return true;
}

/* batch_count - apply the changes of one key to its counts */
static void
batch_count(const struct db_batch *b, const struct db_change *c, size_t n,
    struct db_count *count)
{
	for (size_t i = 0; i < n; i++, c++) {
		if (c->spam + c->ham > 0) {
			if (count->spam + count->ham == 0)
				count->born = c->day;
			count->spam += (uint32_t)c->spam;
			count->ham += (uint32_t)c->ham;
			count->used = (uint16_t)b->day;
			continue;
		}
		/* it expired since, and what is there came later */
		if (c->day < count->born)
			continue;
		if (c->spam != 0 && count->spam > 0)
			count->spam--;
		if (c->ham != 0 && count->ham > 0)
			count->ham--;
	}
}

/* batch_next - behind the changes of the key at c */
static const struct db_change *
batch_next(const struct db_change *c, const struct db_change *end)
{
	uint64_t key = c->key;

	while (c < end && c->key == key)
		c++;
	return c;
}

/* A stored token. */
struct db_stored {
	uint64_t key;
	struct db_count count;
};

/* batch_load - all n stored tokens, in order */
static int
batch_load(struct db *db, MDB_txn *txn, struct db_stored *out, size_t n)
{
	MDB_cursor *cursor;
	MDB_val k, v;
	size_t i = 0;
	int rc = mdb_cursor_open(txn, db->token, &cursor);

	if (rc != 0)
		return db_status(rc);
	while ((rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0 && i < n) {
		if (k.mv_size != sizeof(out->key) ||
		    v.mv_size != sizeof(out->count)) {
			rc = MDB_CORRUPTED;
			break;
		}
		memcpy(&out[i].key, k.mv_data, sizeof(out->key));
		memcpy(&out[i++].count, v.mv_data, sizeof(out->count));
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND && i == n ? WEIR_OK : WEIR_E_INTERNAL;
}

/* batch_append - the next token of a table that is written anew */
static int
batch_append(MDB_cursor *cursor, uint64_t key, struct db_count *count)
{
	MDB_val k = { sizeof(key), &key }, v = { sizeof(*count), count };

	return count->spam == 0 && count->ham == 0 ? 0 :
	    mdb_cursor_put(cursor, &k, &v, MDB_APPEND);
}

/* batch_rewrite - where most pages would change: all tokens anew, in order, on
   full pages, instead of a search for each */
static int
batch_rewrite(struct db_batch *b, struct db *db, MDB_txn *txn, size_t n)
{
	const struct db_change *c = b->changes, *end = c + b->n_changes, *next;
	struct db_stored *all = db_large((n + 1) * sizeof(*all)), *s = all;
	struct db_count count;
	MDB_cursor *cursor;
	int rc, status = all == NULL ? WEIR_E_NOMEM :
				       batch_load(db, txn, all, n);

	if (status == WEIR_OK)
		status = db_status(mdb_drop(txn, db->token, 0));
	if (status == WEIR_OK)
		status = db_status(mdb_cursor_open(txn, db->token, &cursor));
	if (status < 0) {
		free(all);
		return status;
	}
	for (rc = 0; rc == 0 && (c < end || s < all + n);) {
		if (c == end || (s < all + n && s->key < c->key)) {
			rc = batch_append(cursor, s->key, &s->count);
			s++;
			continue;
		}
		memset(&count, 0, sizeof(count));
		if (s < all + n && s->key == c->key)
			count = (s++)->count;
		next = batch_next(c, end);
		batch_count(b, c, (size_t)(next - c), &count);
		rc = batch_append(cursor, c->key, &count);
		c = next;
	}
	mdb_cursor_close(cursor);
	free(all);
	return db_status(rc);
}

/* batch_apply - in one walk along the tree */
static int
batch_apply(struct db_batch *b, struct db *db, MDB_txn *txn)
{
	const struct db_change *c = b->changes, *end = c + b->n_changes, *next;
	struct db_count count, was;
	MDB_cursor *cursor;
	MDB_stat stat;
	int rc = mdb_stat(txn, db->token, &stat);

	if (rc == 0 && stat.ms_entries / BATCH_REWRITE <= b->n_changes)
		return batch_rewrite(b, db, txn, stat.ms_entries);
	if (rc == 0)
		rc = mdb_cursor_open(txn, db->token, &cursor);
	if (rc != 0)
		return db_status(rc);
	for (; c < end && rc == 0; c = next) {
		uint64_t key = c->key;
		MDB_val k = { sizeof(key), &key }, v;

		next = batch_next(c, end);
		memset(&count, 0, sizeof(count));
		rc = mdb_cursor_get(cursor, &k, &v, MDB_SET);
		if (rc == 0) {
			if (v.mv_size != sizeof(count)) {
				rc = MDB_CORRUPTED;
				break;
			}
			memcpy(&count, v.mv_data, sizeof(count));
		} else if (rc != MDB_NOTFOUND) {
			break;
		}
		was = count;
		batch_count(b, c, (size_t)(next - c), &count);
		if (count.spam == 0 && count.ham == 0) {
			rc = rc == 0 ? mdb_cursor_del(cursor, 0) : 0;
			continue;
		}
		if (rc == 0 && memcmp(&was, &count, sizeof(count)) == 0)
			continue;
		v = (MDB_val){ sizeof(count), &count };
		k = (MDB_val){ sizeof(key), &key };
		rc = mdb_cursor_put(cursor, &k, &v, rc == 0 ? MDB_CURRENT : 0);
	}
	mdb_cursor_close(cursor);
	return db_status(rc);
}

/* batch_run - db_fn */
static int
batch_run(struct db *db, MDB_txn *txn, void *arg)
{
	struct db_batch *b = arg;
	int status = WEIR_OK;

	for (unsigned i = 0; i < b->n && status == WEIR_OK; i++)
		status = batch_lesson(b, db, txn, &b->lessons[i]);
	if (status == WEIR_OK && b->n_changes > 0)
		status = batch_sort(b) ? batch_apply(b, db, txn) :
					 WEIR_E_NOMEM;
	return status;
}

/* db_learn - all or nothing */
int
db_learn(struct db *db, struct db_lesson *lessons, unsigned n, unsigned day,
    char err[DB_ERR])
{
	struct db_batch b = { lessons, n, day, NULL, 0, 0 };
	int status;

	err[0] = '\0';
	status = db_write(db, batch_run, &b, err);
	free(b.changes);
	return status;
}

struct db_old {
	unsigned before, messages_before;
	uint64_t tokens, messages;
};

/* db_do_expire - db_fn */
static int
db_do_expire(struct db *db, MDB_txn *txn, void *arg)
{
	struct db_old *o = arg;
	struct db_count count;
	struct db_message m;
	MDB_cursor *c;
	MDB_val k, v;
	int rc = mdb_cursor_open(txn, db->token, &c);

	if (rc != 0)
		return db_status(rc);
	while ((rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) == 0) {
		if (v.mv_size != sizeof(count))
			break;
		memcpy(&count, v.mv_data, sizeof(count));
		if (count.used >= o->before)
			continue;
		rc = mdb_cursor_del(c, 0);
		if (rc != 0)
			break;
		o->tokens++;
	}
	mdb_cursor_close(c);
	if (rc != MDB_NOTFOUND)
		return rc == 0 ? WEIR_E_INTERNAL : db_status(rc);
	rc = mdb_cursor_open(txn, db->message, &c);
	if (rc != 0)
		return db_status(rc);
	while ((rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) == 0) {
		if (v.mv_size < sizeof(m))
			break;
		memcpy(&m, v.mv_data, sizeof(m));
		if (m.day >= o->messages_before)
			continue;
		rc = mdb_cursor_del(c, 0);
		if (rc != 0)
			break;
		o->messages++;
	}
	mdb_cursor_close(c);
	return rc == MDB_NOTFOUND ? kept_expire(db, txn, o->before) :
	    rc == 0		  ? WEIR_E_INTERNAL : db_status(rc);
}

/* db_expire - in one transaction */
int
db_expire(struct db *db, unsigned before, unsigned messages_before,
    uint64_t *tokens_out, uint64_t *messages_out, char err[DB_ERR])
{
	struct db_old o = { before, messages_before, 0, 0 };
	int status;

	err[0] = '\0';
	status = db_write(db, db_do_expire, &o, err);
	*tokens_out = o.tokens;
	*messages_out = o.messages;
	return status;
}
