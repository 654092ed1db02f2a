/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * care - what goes on by itself: retention, orphans, moves made by IMAP.
 *
 * One process at a time: care_lock.  Each function works in slices, so that
 * mail can come in between.
 */
#ifndef MODULES_QUARANTINE_CARE_H
#define MODULES_QUARANTINE_CARE_H

#include "store.h"

struct care_conf {
	int64_t keep_ms[CLASSES]; /* retention by class */
	int64_t audit_ms;	  /* of the audit log */
	bool imap_delete; /* a view that is gone takes its item along */
	bool imap_virus;  /* class virus, too, may be released by IMAP */
};

/* A descriptor to close, or negative: another process is at it (WEIR_E_STATE),
   or a fault. */
int care_lock(const struct store *st, struct fault *f);

struct care_purged {
	uint64_t items[CLASSES];
	uint64_t octets; /* of their files */
};
/* Items past their retention; being released ones wait.  check: only count. */
int care_purge(struct store *st, const struct care_conf *conf, bool check,
    struct care_purged *out, struct fault *f);

struct care_repaired {
	uint64_t files;	  /* without a row: removed */
	uint64_t rows;	  /* without a file: items deleted, which is an alarm */
	uint64_t views;	  /* of mails that are gone: removed */
	uint64_t old;	  /* files older than the index: another one had rows
			     for them; left alone */
};
/* grace_ms: younger files may still get their row. */
int care_repair(struct store *st, int64_t grace_ms, struct care_repaired *out,
    struct fault *f);

struct care_synced {
	uint64_t released; /* queued for release */
	uint64_t deleted;
	uint64_t refused; /* viruses */
	uint64_t foreign; /* messages in Release that are no items */
};
/* Moves that users made by IMAP; all: also Maildirs that look unchanged. */
int care_sync(struct store *st, const struct care_conf *conf, bool all,
    struct care_synced *out, struct fault *f);

#endif
