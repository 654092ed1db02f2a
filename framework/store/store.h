/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store - keys and values that outlive the process, each with an expiry.
 *
 * Every worker opens the same LMDB file.  Reads happen at once on the loop;
 * writes wait in memory, where this process's reads see them, and are
 * committed in groups by one urgent job of the work pool: while one commit
 * runs the next group gathers.  A write has completed when it would survive
 * kill -9 and a power cut.
 *
 * RULES
 * All functions are [loop].  Operations complete exactly once, on the loop,
 * never inside the function that starts them, in the order in which they were
 * started for the same key: a get that follows a write with a callback (or an
 * add) completes behind it; behind writes without a callback it is answered at
 * once.  A walk sees puts and dels that wait, but not adds, which are decided
 * inside the commit.
 *
 * ERRORS
 * Starting: E_INVAL (name space, key, value, ttl or limit out of range),
 * E_STATE (not open), E_TEMP (too many writes wait): nothing was started.
 * Completing: E_NOTFOUND (get, del), E_EXISTS (add, with the present value),
 * E_TEMP (the store is out of order or full), E_CANCELLED (walk: the store
 * was closed).  After a failure the store is degraded until a write succeeds.
 */
#ifndef WEIR_STORE_STORE_H
#define WEIR_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/ext/store.h>
#include <weir/types.h>

#include "base/err.h"

#define STORE_NS_MAX 100 /* octets of a name space, at least 1 */
#define STORE_MAP_SIZE ((size_t)1 << 30)

struct store_config {
	const char *path; /* the file; its folder must be writable */
	size_t map_size;  /* limit of the file; 0: STORE_MAP_SIZE */
	int commit_ms;	  /* how long a group of writes that nobody waits for
			     may gather; 0: 10 ms */
	bool memory;	  /* nothing on disk, no path, no work pool */
	bool tolerant;	  /* a file that can't be opened now is tried again
			     later; until then the store is degraded */
};

struct store_status {
	bool degraded;	   /* the last write or read failed */
	const char *trouble; /* why; "" unless degraded */
	const char *alarm; /* a bad file was set aside; "" if not */
	uint64_t entries;  /* expired ones that are not yet swept included */
	uint64_t pending;  /* writes that wait for a commit */
	uint64_t commits, failures, swept;
	int64_t commit_us; /* how long the last commit took */
	bool sweeping;
};

struct store_op;
/* value: borrowed until the callback returns, with a NUL behind. */
typedef void store_fn(int status, weir_str value, void *arg);
/* One row of a walk; return false to stop (done then says WEIR_OK). */
typedef bool store_row_fn(weir_str key, weir_str value, int64_t expires_ms,
    void *arg);

/* Read the whole file in a child process and set it aside if it is damaged or
   foreign; the alarm is then inherited by forked workers.  It waits for that
   child, up to a minute: for the master before it starts workers, and for
   daemon/verify after one died of SIGSEGV or SIGBUS.  Negative:
   the file can't be read or moved; nothing was changed. [main] */
int store_check(const char *path, struct err *err);

/* Open or create; E_TEMP and a text when the folder or file can't be used,
   unless it is tolerant: then OK, and store_status tells.
   Unless memory is set, the work pool must be open. [main] */
int store_init(const struct store_config *config, struct err *err);
/* Commit what waits, complete everything, close. Before work_fini. */
void store_fini(void);

/* op_out may be NULL; else it gets the handle for store_cancel, which is valid
   until fn is called (NULL if fn is NULL).  fn may be NULL for writes. */
int store_get(const char *ns, weir_str key, store_fn *fn, void *arg,
    struct store_op **op_out);
int store_put(const char *ns, weir_str key, weir_str value, int64_t ttl_ms,
    store_fn *fn, void *arg, struct store_op **op_out);
int store_add(const char *ns, weir_str key, weir_str value, int64_t ttl_ms,
    store_fn *fn, void *arg, struct store_op **op_out);
int store_del(const char *ns, weir_str key, store_fn *fn, void *arg,
    struct store_op **op_out);
/* Visit live entries whose key begins with prefix and is greater than from, in
   order, at most limit; then done once (E_LIMIT: there are more).  Long walks
   take turns with the rest of the loop. */
int store_walk(const char *ns, weir_str prefix, weir_str from, uint32_t limit,
    store_row_fn *row, store_fn *done, void *arg, struct store_op **op_out);
/* No callback is made any more; a write still happens.  NULL is fine. */
void store_cancel(struct store_op **op);

/* Remove expired entries now, slice by slice; happens by itself, too. */
void store_sweep(void);
void store_status(struct store_status *status_out);

#endif
