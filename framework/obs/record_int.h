/* SPDX-License-Identifier: GPL-2.0-or-later */
/* record_int - between record.c (the queue) and record_db.c (the database);
   one thread uses a database. */
#ifndef WEIR_OBS_RECORD_INT_H
#define WEIR_OBS_RECORD_INT_H

#include <sqlite3.h>
#include <sys/types.h>

#include "obs/record.h"

struct record_db {
	const char *path;
	sqlite3 *db; /* NULL: not open for now */
	sqlite3_stmt *insert, *purge, *forget;
	dev_t dev; /* which file is open: it may be set aside under us */
	ino_t ino;
};

/* A record in the queue, its text behind it. */
struct record_item {
	struct record_item *next;
	size_t octets;
	struct record r;
};

/* Open or create; sets a damaged file aside.  Negative status and err. */
int record_db_open(struct record_db *db, const char *path, struct err *err);
void record_db_close(struct record_db *db);
/* Insert a chain of items in one transaction: all or none. */
int record_db_insert(struct record_db *db, const struct record_item *items,
    struct err *err);
/* Delete up to a slice of records older than that: how many, or negative. */
int record_db_purge(struct record_db *db, int64_t before_ms,
    struct err *err);

#endif
