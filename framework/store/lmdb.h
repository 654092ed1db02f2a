/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lmdb - the store's file: format, transactions, errors as status codes.
 *
 * Format 1: one LMDB file (and PATH-lock beside it), only the main database.
 *
 *	key	name space NUL key		(at most 511 octets)
 *	value	as in store/entry.h
 *
 * Keys that begin with NUL are the store's own: "\0format" tells the version,
 * "\0sweep" when expired entries were last removed.  They never expire.
 *
 * Any function answers
 *	E_NOTFOUND	no such entry, or it expired
 *	E_LIMIT		the file has reached its size limit
 *	E_TEMP		the disk or the system said no; try again later
 *	E_STALE		open it anew: the file was replaced, grew beyond the
 *			map or LMDB gave up after a failed write
 *	E_INTERNAL	the file is damaged: set it aside (store/aside.h)
 * LMDB's assertions become E_INTERNAL, too.
 */
#ifndef WEIR_STORE_LMDB_H
#define WEIR_STORE_LMDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <weir/types.h>

#include "base/buf.h"
#include "base/err.h"

#define LMDB_KEY_MAX 511
#define LMDB_OWN_FORMAT "\0format"
#define LMDB_OWN_SWEEP "\0sweep"
#define LMDB_NEVER INT64_MAX /* expires_ms of the store's own entries */

struct lmdb;
struct lmdb_txn;

/* Work inside a transaction; a negative status rolls a write back.  It may be
   left by longjmp when the file is damaged: it must hold no lock. */
typedef int lmdb_fn(struct lmdb_txn *t, void *arg);
/* One entry, borrowed from the map; return false to stop.  Expired entries are
   shown, too. */
typedef bool lmdb_row_fn(weir_str key, weir_str value, int64_t expires_ms,
    void *arg);

/* Open or create.  path NULL: in memory only; then everything must be called
   from one thread. map_size: limit of the file in octets.  ino_out (may be
   NULL): which file was looked at, for aside_move. */
int lmdb_open(const char *path, size_t map_size, struct lmdb **db_out,
    struct err *err, ino_t *ino_out);
void lmdb_close(struct lmdb **db);
/* Is the file at the path still the one that is open? [any] */
bool lmdb_is_current(const struct lmdb *db);
/* The file's identity. */
ino_t lmdb_inode(const struct lmdb *db);

/* Read with the loop's own snapshot, which is let go afterwards. [loop] */
int lmdb_read(struct lmdb *db, lmdb_fn *fn, void *arg, struct err *err);
/* The same with a snapshot of its own. [job] */
int lmdb_read_job(struct lmdb *db, lmdb_fn *fn, void *arg, struct err *err);
/* Write; durable when it returns WEIR_OK.  Waits for other writers. [job] */
int lmdb_write(struct lmdb *db, lmdb_fn *fn, void *arg, struct err *err);
/* Has the file reached its limit?  Free pages are counted off. [job] */
int lmdb_is_full(struct lmdb *db, bool *full_out, struct err *err);

/* Inside a transaction. */
/* live entries only; value_out, expires_out may be NULL */
int lmdb_get(struct lmdb_txn *t, weir_str key, int64_t now_ms,
    weir_str *value_out, int64_t *expires_out);
int lmdb_put(struct lmdb_txn *t, weir_str key, weir_str value,
    int64_t expires_ms);
int lmdb_del(struct lmdb_txn *t, weir_str key);
/* visit entries from the key on (inclusive), in order, until row says no */
int lmdb_walk(struct lmdb_txn *t, weir_str from, lmdb_row_fn *row, void *arg);
/* entries without the store's own */
int lmdb_count(struct lmdb_txn *t, uint64_t *entries_out);
/* read everything and check structure, order and checksums */
int lmdb_verify(struct lmdb_txn *t, struct err *err);

#endif
