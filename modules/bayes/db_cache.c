/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * db_cache - all counts of one state of the database in memory.
 *
 * A walk down LMDB's tree costs ten times a look into a table.  So when as many
 * tokens were asked for since the last change as a copy costs, it is made; it
 * holds for that one state (LMDB numbers them) and is left aside as soon as
 * there is a newer one.  Readers of other states ask LMDB as ever.
 */
#include "db_int.h"

#include <pthread.h>
#include <stdlib.h>

/* Beyond this the copy takes more memory than it is worth: 128 MiB, 21 to 43
   octets a token. */
#define CACHE_TOKENS ((size_t)4 << 20)
/* Tokens asked for, of those stored, after which a copy pays; and some before
   which it never does. */
#define CACHE_SHARE 40
#define CACHE_LEAST 2000

/* A slot of the table; both zero: it is empty. */
struct cache_slot {
	uint64_t key;
	uint32_t spam, ham;
};

struct db_cache {
	pthread_rwlock_t lock; /* over the fields below */
	struct cache_slot *slots;
	unsigned bits;	       /* 1 << bits slots */
	size_t state;	       /* whose copy it is */

	pthread_mutex_t count_lock; /* over those below */
	size_t asked_state;
	size_t asked;	       /* tokens, since that state was new */
	bool building;
};

/* cache_create - empty; NULL: no memory */
struct db_cache *
cache_create(void)
{
	struct db_cache *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	pthread_rwlock_init(&c->lock, NULL);
	pthread_mutex_init(&c->count_lock, NULL);
	return c;
}

/* cache_destroy - free it */
void
cache_destroy(struct db_cache *c)
{
	if (c == NULL)
		return;
	pthread_rwlock_destroy(&c->lock);
	pthread_mutex_destroy(&c->count_lock);
	free(c->slots);
	free(c);
}

/* cache_slot - where a key is or would be; neighbours in the order of the keys
   are neighbours here */
static struct cache_slot *
cache_slot(struct cache_slot *slots, unsigned bits, uint64_t key)
{
	size_t mask = ((size_t)1 << bits) - 1, at = key >> (64 - bits);

	while (slots[at].key != key &&
	    (slots[at].spam != 0 || slots[at].ham != 0))
		at = (at + 1) & mask;
	return &slots[at];
}

/* cache_counts - from the copy, if it is one of this state */
bool
cache_counts(struct db_cache *c, size_t state, uint64_t scope,
    const struct token *tokens, unsigned n, struct db_count *out)
{
	bool fits;

	pthread_rwlock_rdlock(&c->lock);
	fits = c->slots != NULL && c->state == state;
	for (unsigned i = 0; fits && i < n; i++)
		__builtin_prefetch(&c->slots[db_key(scope, tokens[i].hash) >>
		    (64 - c->bits)]);
	for (unsigned i = 0; fits && i < n; i++) {
		uint64_t key = db_key(scope, tokens[i].hash);
		const struct cache_slot *s = cache_slot(c->slots, c->bits,
		    key);
		bool found = s->key == key;

		out[i] = (struct db_count){ found ? s->spam : 0,
			found ? s->ham : 0, 0, 0 };
	}
	pthread_rwlock_unlock(&c->lock);
	return fits;
}

/* cache_due - n more tokens were asked for: does a copy pay now?  Then the
   caller is the one to make it */
static bool
cache_due(struct db_cache *c, size_t state, size_t tokens, unsigned n)
{
	bool due;

	pthread_mutex_lock(&c->count_lock);
	if (c->asked_state != state) {
		c->asked_state = state;
		c->asked = 0;
	}
	c->asked += n;
	due = !c->building && tokens <= CACHE_TOKENS &&
	    c->asked > CACHE_LEAST + tokens / CACHE_SHARE;
	c->building |= due;
	pthread_mutex_unlock(&c->count_lock);
	return due;
}

/* cache_fill - copy all counts; an assertion of LMDB on the way leaves the
   table behind: the database is closed after that */
static int
cache_fill(struct db *db, MDB_txn *txn, struct cache_slot *slots,
    unsigned bits)
{
	struct db_count count;
	MDB_cursor *cursor;
	MDB_val k, v;
	uint64_t key;
	int rc = mdb_cursor_open(txn, db->token, &cursor);

	if (rc != 0)
		return db_status(rc);
	while ((rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0) {
		struct cache_slot *s;

		if (k.mv_size != sizeof(key) || v.mv_size != sizeof(count))
			break;
		memcpy(&key, k.mv_data, sizeof(key));
		memcpy(&count, v.mv_data, sizeof(count));
		s = cache_slot(slots, bits, key);
		*s = (struct cache_slot){ key, count.spam, count.ham };
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? WEIR_OK : WEIR_E_INTERNAL;
}

/* cache_asked - count what LMDB was asked for, and make a copy when it pays */
int
cache_asked(struct db *db, MDB_txn *txn, unsigned n)
{
	struct db_cache *c = db->cache;
	struct cache_slot *slots, *old;
	size_t state = mdb_txn_id(txn);
	unsigned bits = 10;
	MDB_stat stat;
	int rc = mdb_stat(txn, db->token, &stat), status = WEIR_OK;

	if (rc != 0 || !cache_due(c, state, stat.ms_entries, n))
		return db_status(rc);
	while (((size_t)1 << bits) / 4 * 3 < stat.ms_entries)
		bits++;
	slots = db_large(sizeof(*slots) << bits);
	if (slots != NULL)
		memset(slots, 0, sizeof(*slots) << bits);
	if (slots != NULL)
		status = cache_fill(db, txn, slots, bits);
	old = slots;
	if (slots != NULL && status == WEIR_OK) {
		pthread_rwlock_wrlock(&c->lock);
		old = c->slots;
		c->slots = slots;
		c->bits = bits;
		c->state = state;
		pthread_rwlock_unlock(&c->lock);
	}
	free(old);
	pthread_mutex_lock(&c->count_lock);
	c->asked = 0;
	c->building = false;
	pthread_mutex_unlock(&c->count_lock);
	return status;
}
