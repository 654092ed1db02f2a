/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * db_fit - some learned messages are kept with all their tokens, and show where
 * the mails of a scope stand.
 *
 * What score would a kept message have, had it not been learned?  Its own part
 * in the counts is known, so it is taken off arithmetically.  All tokens of all
 * kept messages are sorted, and looked up in one walk.
 */
#include "db_int.h"

#include <stdlib.h>

#include "score.h"

/* Not urgent: a fit pays when of so many messages one is new. */
#define FIT_SHARE 16
/* Rather walk along the tokens than look each up if more than one of so many
   is asked for. */
#define FIT_DENSE 16

/* kept_is_whole - sizes fit */
bool
kept_is_whole(const MDB_val *k, const MDB_val *v)
{
	struct db_kept kept;
	size_t n = 0;

	if (k->mv_size != sizeof(struct db_kept_key) ||
	    v->mv_size < sizeof(kept))
		return false;
	memcpy(&kept, v->mv_data, sizeof(kept));
	for (int g = 0; g < TOKEN_GROUPS; g++)
		n += kept.groups[g];
	return (kept.class_ == DB_SPAM || kept.class_ == DB_HAM) &&
	    n <= TOKEN_MAX && v->mv_size == sizeof(kept) + n * sizeof(uint32_t);
}

/* kept_key - of a lesson */
static struct db_kept_key
kept_key(const struct db_lesson *l)
{
	uint64_t scope = db_scope_hash(l->scope);

	return (struct db_kept_key){ scope, { l->id[0], l->id[1] } };
}

/* kept_fits - does the id begin with so many zero bits? */
static bool
kept_fits(uint64_t id, uint8_t bits)
{
	return bits == 0 || id >> (64 - bits) == 0;
}

/* kept_thin - one zero bit more is asked of a class: about half of them go */
static int
kept_thin(struct db *db, MDB_txn *txn, uint64_t scope, enum db_class class_,
    uint8_t bits, uint16_t *count)
{
	struct db_kept_key from = { scope, { 0, 0 } }, key;
	MDB_val k = { sizeof(from), &from }, v;
	MDB_cursor *c;
	int rc = mdb_cursor_open(txn, db->kept, &c), status = WEIR_OK;

	if (rc != 0)
		return db_status(rc);
	rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
	for (; rc == 0; rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) {
		if (!kept_is_whole(&k, &v)) {
			status = WEIR_E_INTERNAL;
			break;
		}
		memcpy(&key, k.mv_data, sizeof(key));
		if (key.scope != scope)
			break;
		if (((const struct db_kept *)v.mv_data)->class_ != class_ ||
		    kept_fits(key.id[0], bits))
			continue;
		rc = mdb_cursor_del(c, 0);
		if (rc != 0)
			break;
		*count -= *count > 0;
	}
	mdb_cursor_close(c);
	return status != WEIR_OK ? status :
	    rc == MDB_NOTFOUND	 ? WEIR_OK : db_status(rc);
}

/* kept_add - if it is one of those that are kept */
int
kept_add(struct db *db, MDB_txn *txn, const struct db_lesson *l,
    struct db_totals *t, unsigned day)
{
	struct db_kept_key key = kept_key(l);
	struct db_kept kept = { .class_ = (uint8_t)l->class_,
		.day = (uint16_t)day };
	MDB_val k = { sizeof(key), &key }, v;
	bool spam = l->class_ == DB_SPAM;
	uint16_t *count = spam ? &t->kept_spam : &t->kept_ham;
	uint8_t *bits = spam ? &t->bits_spam : &t->bits_ham;
	int rc, status = WEIR_OK;

	if (!kept_fits(l->id[0], *bits))
		return WEIR_OK;
	memcpy(kept.groups, l->groups, sizeof(kept.groups));
	v = (MDB_val){ sizeof(kept) + l->n * sizeof(uint32_t), NULL };
	rc = mdb_put(txn, db->kept, &k, &v, MDB_RESERVE);
	if (rc != 0)
		return db_status(rc);
	memcpy(v.mv_data, &kept, sizeof(kept));
	/* LMDB gives even addresses, which is not enough for all machines */
	for (uint32_t i = 0; i < l->n; i++) {
		uint32_t part = (uint32_t)(db_key(key.scope, l->keys[i]) >>
		    32);

		memcpy((char *)v.mv_data + sizeof(kept) + i * sizeof(part),
		    &part, sizeof(part));
	}
	++*count;
	while (status == WEIR_OK && *bits < 63 &&
	    *count > (spam ? DB_KEPT_SPAM : DB_KEPT_HAM))
		status = kept_thin(db, txn, key.scope, l->class_, ++*bits,
		    count);
	return status;
}

/* kept_remove - if it was kept */
int
kept_remove(struct db *db, MDB_txn *txn, const struct db_lesson *l,
    struct db_totals *t)
{
	struct db_kept_key key = kept_key(l);
	MDB_val k = { sizeof(key), &key };
	uint16_t *count = l->before == DB_SPAM ? &t->kept_spam : &t->kept_ham;
	int rc = mdb_del(txn, db->kept, &k, NULL);

	if (rc == MDB_NOTFOUND)
		return WEIR_OK;
	*count -= *count > 0;
	return db_status(rc);
}

/* The kept messages of one scope. */
struct fit {
	struct db_totals totals; /* of the scope */
	uint64_t scope;
	uint64_t *items; /* their tokens: 32 bits of the key, 24 of the
			    message's number, 8 of the group */
	size_t n_items;
	struct score_sum *sums;	 /* a message each */
	uint8_t *classes;
	unsigned n;
};

/* fit_message - the tokens of one message */
static void
fit_message(struct fit *f, const MDB_val *v)
{
	struct db_kept kept;
	const char *p = (const char *)v->mv_data + sizeof(kept);
	uint32_t part;

	memcpy(&kept, v->mv_data, sizeof(kept));
	f->classes[f->n] = kept.class_;
	for (unsigned g = 0; g < TOKEN_GROUPS; g++) {
		for (unsigned j = 0; j < kept.groups[g]; j++) {
			memcpy(&part, p, sizeof(part));
			p += sizeof(part);
			f->items[f->n_items++] = (uint64_t)part << 32 |
			    (uint64_t)f->n << 8 | g;
		}
	}
	f->n++;
}

/* fit_sort - by key, messages in their order: a radix sort */
static bool
fit_sort(struct fit *f)
{
	uint64_t *from = f->items, *to, *swap;
	size_t start[2048], sum;

	to = db_large((f->n_items + 1) * sizeof(*to));
	if (to == NULL)
		return false;
	for (int shift = 32; shift < 64; shift += 11) {
		memset(start, 0, sizeof(start));
		for (size_t i = 0; i < f->n_items; i++)
			start[from[i] >> shift & 2047]++;
		sum = 0;
		for (size_t i = 0; i < 2048; i++) {
			size_t count = start[i];

			start[i] = sum;
			sum += count;
		}
		for (size_t i = 0; i < f->n_items; i++)
			to[start[from[i] >> shift & 2047]++] = from[i];
		swap = from;
		from = to;
		to = swap;
	}
	free(to);
	f->items = from;
	return true;
}

/* fit_each - visit the kept messages of the scope: count, or read them */
static int
fit_each(struct fit *f, struct db *db, MDB_txn *txn, bool read,
    unsigned *n_out, size_t *items_out)
{
	struct db_kept_key from = { f->scope, { 0, 0 } };
	MDB_val k = { sizeof(from), &from }, v;
	MDB_cursor *c;
	int rc = mdb_cursor_open(txn, db->kept, &c), status = WEIR_OK;

	if (rc != 0)
		return db_status(rc);
	rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
	for (; rc == 0; rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) {
		if (!kept_is_whole(&k, &v)) {
			status = WEIR_E_INTERNAL;
			break;
		}
		if (memcmp(k.mv_data, &f->scope, sizeof(f->scope)) != 0)
			break;
		if (read) {
			fit_message(f, &v);
			continue;
		}
		++*n_out;
		*items_out += (v.mv_size - sizeof(struct db_kept)) /
		    sizeof(uint32_t);
	}
	mdb_cursor_close(c);
	return status != WEIR_OK ? status :
	    rc == MDB_NOTFOUND	 ? WEIR_OK : db_status(rc);
}

/* fit_token - one token of a few messages; each without its own part */
static void
fit_token(struct fit *f, const uint64_t *c, const uint64_t *end,
    const struct db_count *count)
{
	struct score_part part[2] = { { 0, 0 }, { 0, 0 } };
	struct db_count without;
	struct db_totals totals = f->totals;
	bool known[2], asked[2] = { false, false };

	for (; c < end; c++) {
		unsigned message = *c >> 8 & 0xffffff;
		int i = f->classes[message] == DB_SPAM;

		if (!asked[i]) {
			asked[i] = true;
			without = *count;
			totals.spam = f->totals.spam - (i == 1);
			totals.ham = f->totals.ham - (i == 0);
			without.spam -= i == 1 && without.spam > 0;
			without.ham -= i == 0 && without.ham > 0;
			known[i] = without.spam != 0 || without.ham != 0;
			if (known[i])
				part[i] = score_part(&without, &totals);
		}
		score_add(&f->sums[message], (enum token_group)(*c & 0xff),
		    known[i], part[i]);
	}
}

/* fit_seek - the first token that begins with these 32 bits; its own stay in
   *key, and it is not looked for again */
static int
fit_seek(MDB_cursor *cursor, bool dense, uint32_t part, uint64_t *key,
    MDB_val *v)
{
	uint64_t from = (uint64_t)part << 32;
	MDB_val k = { sizeof(from), &from };
	int rc = 0;

	if (!dense) {
		rc = mdb_cursor_get(cursor, &k, v, MDB_SET_RANGE);
		if (rc == 0)
			memcpy(key, k.mv_data, sizeof(*key));
	}
	while (dense && rc == 0 && *key < from) {
		rc = mdb_cursor_get(cursor, &k, v, MDB_NEXT);
		if (rc == 0)
			memcpy(key, k.mv_data, sizeof(*key));
	}
	return rc;
}

/* fit_walk - look all tokens up, in their order */
static int
fit_walk(struct fit *f, struct db *db, MDB_txn *txn)
{
	const uint64_t *c = f->items, *end = c + f->n_items, *next;
	MDB_cursor *cursor;
	MDB_stat stat;
	MDB_val k, v;
	uint64_t key = 0;
	bool dense;
	int rc = mdb_stat(txn, db->token, &stat);

	if (rc == 0)
		rc = mdb_cursor_open(txn, db->token, &cursor);
	if (rc != 0)
		return db_status(rc);
	dense = stat.ms_entries / FIT_DENSE < f->n_items;
	if (dense && (rc = mdb_cursor_get(cursor, &k, &v, MDB_FIRST)) == 0)
		memcpy(&key, k.mv_data, sizeof(key));
	/* behind the last token nothing is known any more */
	for (; c < end && (rc == 0 || rc == MDB_NOTFOUND); c = next) {
		struct db_count count = { 0, 0, 0, 0 };

		for (next = c; next < end && *next >> 32 == *c >> 32; next++)
			;
		if (rc == 0)
			rc = fit_seek(cursor, dense, (uint32_t)(*c >> 32),
			    &key, &v);
		if (rc == 0 && v.mv_size != sizeof(count))
			rc = MDB_CORRUPTED;
		else if (rc == 0 && key >> 32 == *c >> 32)
			memcpy(&count, v.mv_data, sizeof(count));
		fit_token(f, c, next, &count);
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? WEIR_OK : db_status(rc);
}

/* fit_levels - from the scores */
static int
fit_levels(struct fit *f)
{
	double *v = calloc(3 * (size_t)f->n + 1, sizeof(*v));
	double *least = v + f->n, *most = least + f->n;
	unsigned hams = 0, spams = 0;
	struct score s;

	if (v == NULL)
		return WEIR_E_NOMEM;
	for (unsigned i = 0; i < f->n; i++) {
		score_end(&f->sums[i], &s);
		if (f->classes[i] == DB_SPAM) {
			least[spams] = s.evidence - s.doubt;
			most[spams++] = s.evidence + s.doubt;
		} else {
			v[hams++] = s.evidence - s.doubt;
		}
	}
	f->totals.fit = score_fit(v, hams, least, most, spams);
	f->totals.kept_ham = (uint16_t)hams;
	f->totals.kept_spam = (uint16_t)spams;
	f->totals.changed = 0;
	/* few are left of what was thinned out: keep more of what comes */
	f->totals.bits_ham -= f->totals.bits_ham > 0 && hams < DB_KEPT_HAM / 4;
	f->totals.bits_spam -= f->totals.bits_spam > 0 &&
	    spams < DB_KEPT_SPAM / 4;
	free(v);
	return WEIR_OK;
}

/* fit_due - did enough change? */
static bool
fit_due(const struct db_totals *t, bool urgent)
{
	return t->changed > 0 && t->spam > 0 && t->ham > 0 && (urgent ||
	    t->changed >= (t->spam + t->ham) / FIT_SHARE);
}

/* fit_scope - one scope, if it is due */
static int
fit_scope(struct db *db, MDB_txn *txn, const char *scope, bool urgent)
{
	struct fit f = { .scope = db_scope_hash(scope) };
	unsigned n = 0;
	size_t items = 0;
	int status = db_get_totals(db, txn, scope, &f.totals);

	if (status < 0 || !fit_due(&f.totals, urgent))
		return status;
	status = fit_each(&f, db, txn, false, &n, &items);
	if (status < 0)
		return status;
	if (n > DB_KEPT_HAM + DB_KEPT_SPAM)
		return WEIR_E_INTERNAL;
	f.items = db_large((items + 1) * sizeof(*f.items));
	f.sums = calloc(n + 1, sizeof(*f.sums));
	f.classes = calloc(n + 1, 1);
	if (f.items == NULL || f.sums == NULL || f.classes == NULL)
		status = WEIR_E_NOMEM;
	if (status == WEIR_OK)
		status = fit_each(&f, db, txn, true, NULL, NULL);
	if (status == WEIR_OK && items > 0)
		status = fit_sort(&f) ? fit_walk(&f, db, txn) : WEIR_E_NOMEM;
	if (status == WEIR_OK)
		status = fit_levels(&f);
	free(f.items);
	free(f.sums);
	free(f.classes);
	return status < 0 ? status : db_put_totals(db, txn, scope, &f.totals);
}

/* fit_touch - a scope is due, though nothing was learned */
static int
fit_touch(struct db *db, MDB_txn *txn, const char *scope, bool urgent)
{
	struct db_totals t;
	int status = db_get_totals(db, txn, scope, &t);

	(void)urgent;
	t.changed += t.changed == 0;
	return status < 0 ? status : db_put_totals(db, txn, scope, &t);
}

/* fit_scopes - do something with every scope */
static int
fit_scopes(struct db *db, MDB_txn *txn, int (*fn)(struct db *, MDB_txn *,
    const char *, bool), bool urgent)
{
	char name[DB_SCOPE_MAX + 1];
	MDB_cursor *c;
	MDB_val k = { 6, (void *)(uintptr_t)"scope " }, v;
	int rc = mdb_cursor_open(txn, db->meta, &c), status = WEIR_OK;

	if (rc != 0)
		return db_status(rc);
	rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
	for (; rc == 0 && status == WEIR_OK;
	     rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) {
		if (k.mv_size < 6 || memcmp(k.mv_data, "scope ", 6) != 0)
			break;
		if (k.mv_size - 6 > DB_SCOPE_MAX) {
			status = WEIR_E_INTERNAL;
			break;
		}
		memcpy(name, (const char *)k.mv_data + 6, k.mv_size - 6);
		name[k.mv_size - 6] = '\0';
		/* LMDB moves its cursors along when a value is put */
		status = fn(db, txn, name, urgent);
	}
	mdb_cursor_close(c);
	return status != WEIR_OK || rc == 0 || rc == MDB_NOTFOUND ? status :
								    db_status(rc);
}

/* fit_all - every scope that is due */
int
fit_all(struct db *db, MDB_txn *txn, bool urgent)
{
	return fit_scopes(db, txn, fit_scope, urgent);
}

/* kept_expire - scopes count theirs anew with the next fit */
int
kept_expire(struct db *db, MDB_txn *txn, unsigned before)
{
	struct db_kept kept;
	MDB_cursor *c;
	MDB_val k, v;
	bool gone = false;
	int rc = mdb_cursor_open(txn, db->kept, &c);

	if (rc != 0)
		return db_status(rc);
	while ((rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) == 0) {
		if (!kept_is_whole(&k, &v))
			break;
		memcpy(&kept, v.mv_data, sizeof(kept));
		if (kept.day >= before)
			continue;
		gone = true;
		rc = mdb_cursor_del(c, 0);
		if (rc != 0)
			break;
	}
	mdb_cursor_close(c);
	if (rc != MDB_NOTFOUND)
		return rc == 0 ? WEIR_E_INTERNAL : db_status(rc);
	return gone ? fit_scopes(db, txn, fit_touch, false) : WEIR_OK;
}

struct fit_asked {
	const char *scope;
	bool urgent;
};

/* fit_run - db_fn */
static int
fit_run(struct db *db, MDB_txn *txn, void *arg)
{
	const struct fit_asked *a = arg;

	return a->scope == NULL ? fit_all(db, txn, a->urgent) :
				  fit_scope(db, txn, a->scope, a->urgent);
}

/* db_fit - in one transaction; none where nothing is due */
int
db_fit(struct db *db, const char *scope, bool urgent, char err[DB_ERR])
{
	struct fit_asked a = { scope, urgent };
	struct db_totals t;
	int status;

	err[0] = '\0';
	if (scope != NULL) {
		status = db_totals(db, scope, &t);
		if (status < 0 || !fit_due(&t, urgent))
			return status;
	}
	return db_write(db, fit_run, &a, err);
}
