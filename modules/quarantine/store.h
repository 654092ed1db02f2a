/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store - the quarantine on disk: message files, and an index in SQLite.
 *
 * GLOSSARY
 *   mail   one message as it was received: a file, mail/DAY/NAME, written once
 *   item   one recipient's copy of a mail: a row of the index, with a state of
 *          its own; what commands and users speak of, by its id
 *   view   a hard link to the mail's file in the recipient's Maildir, for an
 *          IMAP server; never needed to release or to show an item
 *
 * ORDER: the file, its folder and the views are on disk before the row, the
 * row before any answer.  Rows go before files when something is deleted.  So
 * a crash leaves at most files without a row, which care.c removes.
 *
 * Several processes use a store at the same time.  In one process the
 * functions may be called from any thread but the loop's: they wait for disks
 * and locks.
 */
#ifndef MODULES_QUARANTINE_STORE_H
#define MODULES_QUARANTINE_STORE_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include <weir/types.h>

#define ID_LEN 26	 /* 128 bits in base 32 */
#define DIGEST_LEN 32	 /* SHA-256 */
#define FILE_LEN 64	 /* "20250131/" and a name */
#define USER_MAX 1100	 /* an address and a NUL; the daemon takes 1024 octets,
			    RFC 5321 4.5.3.1.3 has 254 */
#define CLASSES 4	 /* rows for enum weir_quarantine_class */
#define VIEW_LEN 600

/* Why something did not work, for people. */
struct fault {
	int status; /* weir_status */
	char text[320];
};
int fault_set(struct fault *f, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The life of an item.  Deleted ones have no row. */
enum item_state {
	ITEM_NEW = 1,	    /* kept */
	ITEM_QUEUED = 2,    /* to be released, at next_try */
	ITEM_RELEASING = 3, /* somebody is at it, before the final dot */
	ITEM_SENT = 4,	    /* the final dot is on its way: only an answer or
			       a used token tells whether it was taken */
	ITEM_RELEASED = 5
};

struct store_conf {
	const char *folder; /* copied */
	uint64_t max_total, max_user, max_message; /* octets; 0: no limit */
	bool maildir; /* keep views */
	int64_t (*now)(void *arg); /* wall clock, milliseconds; any thread */
	void *now_arg;
};

struct store {
	char *folder;
	struct store_conf conf;
	pthread_mutex_t write_lock, read_lock;
	sqlite3 *write, *read;
	bool ready; /* opened */
	_Atomic bool no_links; /* views can't be made here */
	char made[16]; /* the day's folder that is known to exist */
	pthread_mutex_t made_lock;
};

/* Does nothing to the disk yet. */
struct store *store_create(const struct store_conf *conf);
void store_destroy(struct store **st);
/* Make folders, open the index; harmless when it is open. */
int store_open(struct store *st, struct fault *f);

/* Lock and get the connection; NULL and f when the store can't be opened.
   write: begins a transaction. */
sqlite3 *store_begin(struct store *st, bool write, struct fault *f);
/* End it: commit (write) and unlock.  A commit that fails rolls back. */
int store_commit(struct store *st, struct fault *f);
void store_rollback(struct store *st);
void store_end(struct store *st); /* of a reader */

/* Prepare, bind and step in one: types s text (const char *; NULL), i int64_t,
   d double, b blob (const void *, size_t).  run: no rows are wanted;
   changes_out may be NULL. */
sqlite3_stmt *store_query(sqlite3 *db, struct fault *f, const char *sql,
    const char *types, ...);
int store_run(sqlite3 *db, struct fault *f, int *changes_out, const char *sql,
    const char *types, ...);
/* A result code of SQLite as a fault. */
int store_fault(sqlite3 *db, struct fault *f, int rc);
const char *store_text(sqlite3_stmt *st, int column); /* never NULL */

int64_t store_now(const struct store *st);

/* One audit row, inside the caller's transaction. */
int store_audit(sqlite3 *db, struct fault *f, int64_t now_ms, const char *who,
    const char *action, const char *id, const char *rcpt, const char *result);

#endif
