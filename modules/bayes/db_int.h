/* SPDX-License-Identifier: GPL-2.0-or-later */
/* db_int - what the files of db share. */
#ifndef BAYES_DB_INT_H
#define BAYES_DB_INT_H

#include <lmdb.h>

#include "db.h"

struct db {
	MDB_env *env;
	MDB_dbi token, message, kept, meta;
	char *path;
	dev_t dev;
	ino_t ino;
	struct db_cache *cache;
};

/* Key of a kept message. */
struct db_kept_key {
	uint64_t scope, id[2];
};

/* db_fit.c */
/* Keep a message that is learned, as long as it is one of the few. */
int kept_add(struct db *db, MDB_txn *txn, const struct db_lesson *l,
    struct db_totals *t, unsigned day);
/* It is taken back. */
int kept_remove(struct db *db, MDB_txn *txn, const struct db_lesson *l,
    struct db_totals *t);
/* Those learned before the day go, as their tokens do. */
int kept_expire(struct db *db, MDB_txn *txn, unsigned before);
/* Is a record as long as it says? */
bool kept_is_whole(const MDB_val *k, const MDB_val *v);
/* Of all scopes, inside a transaction. */
int fit_all(struct db *db, MDB_txn *txn, bool urgent);

/* db_cache.c */
struct db_cache *cache_create(void);
void cache_destroy(struct db_cache *c);
/* Counts of n tokens in a state of the database, from the copy in memory;
   false: there is none of that state. [any] */
bool cache_counts(struct db_cache *c, size_t state, uint64_t scope,
    const struct token *tokens, unsigned n, struct db_count *out);
/* LMDB was asked for n tokens: when that was often, make a copy. [any] */
int cache_asked(struct db *db, MDB_txn *txn, unsigned n);

/* Work inside a transaction; a negative status rolls it back.  It may be left
   by longjmp when the file is damaged. */
typedef int db_fn(struct db *db, MDB_txn *txn, void *arg);

int db_read(struct db *db, db_fn *fn, void *arg, char err[DB_ERR]);
int db_write(struct db *db, db_fn *fn, void *arg, char err[DB_ERR]);
int db_status(int rc);
/* A status with a text. */
int db_fail(char err[DB_ERR], int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

int db_get_totals(struct db *db, MDB_txn *txn, const char *scope,
    struct db_totals *out);
int db_put_totals(struct db *db, MDB_txn *txn, const char *scope,
    const struct db_totals *totals);

#endif
