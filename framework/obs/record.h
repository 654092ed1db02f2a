/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * record - explain records, kept in SQLite for `weirctl explain`.
 *
 * record_put copies a finished record into a bounded queue and returns; one
 * writer thread of this process inserts batches, at the latest a tenth of a
 * second later.  All workers write the same file.  When the queue is full
 * (4,096 records, 32 MiB) a record is lost, counted and logged
 * (explain.dropped).  A damaged file is set aside as NAME.bad-TIME and an
 * empty one begun (store.corrupt): mail is never held up by its records.
 *
 * record_init comes after the fork; one database in a process.
 */
#ifndef WEIR_OBS_RECORD_H
#define WEIR_OBS_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/types.h>

#include "base/err.h"

#define RECORD_QUEUE_MAX 4096
#define RECORD_QUEUE_OCTETS (32u << 20)
#define RECORD_BATCH_MAX 512
#define RECORD_BATCH_MS 100
#define RECORD_FIND_MAX 1000 /* records that one search hands out */

/* One record; kind is "message", "early" or "policy", recipients are text,
   json is the whole record. */
struct record {
	int64_t time_ms;
	bool replaces; /* an earlier one with the same id */
	weir_str id, session, queue_id, kind, verdict, sender, client,
	    recipients, json;
};

struct record_stats {
	uint64_t written, dropped;
	uint32_t queued; /* not yet in the database */
};

/* Open or create the database and start the writer.  retention_ms 0: keep
   for ever.  [main] */
int record_init(const char *path, int64_t retention_ms, struct err *err);
/* Write what is queued (for at most five seconds), stop the writer. [main] */
void record_fini(void);
/* Queue a copy; never blocks.  false: lost. [any] */
bool record_put(const struct record *r);
void record_stats(struct record_stats *out); /* [any] */

/* Hand every record with this decision id or queue id to fn, oldest first,
   until it returns false.  Works while workers write.  WEIR_E_NOTFOUND: none;
   other negative status: err says why.  Blocking: not for the loop. [any] */
int record_find(const char *path, weir_str key,
    bool (*fn)(const struct record *, void *arg), void *arg,
    struct err *err);

#endif
