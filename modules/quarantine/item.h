/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * item - one recipient's copy: finding, reading, deleting.
 */
#ifndef MODULES_QUARANTINE_ITEM_H
#define MODULES_QUARANTINE_ITEM_H

#include "store.h"

/* Files and views whose rows have been deleted: they go once that has been
   committed. */
struct item_file {
	char file[FILE_LEN]; /* empty: other items still need it */
	char view[VIEW_LEN];
	char user[USER_MAX];
};
struct item_files {
	struct item_file *v;
	size_t n, cap;
};
#define ITEM_FILES_INIT { NULL, 0, 0 }
void item_files_unlink(const struct store *st, const struct item_files *g);
void item_files_fini(struct item_files *g);

/* Delete an item's row inside a transaction, and the mail's with the last one.
   untouched: only in state NEW and not adopted by a later arrival.
   WEIR_E_NOTFOUND: there is none (like that). */
int item_delete(sqlite3 *db, const char *id, bool untouched,
    struct item_files *gone, struct fault *f);

/* What release and show need of one. */
struct item {
	int64_t n, m, time_ms, size, lease_ms, tries, next_ms, released_ms,
	    token_used;
	int class_, state;
	char id[ID_LEN + 1];
	char file[FILE_LEN];
	char rcpt[USER_MAX], user[USER_MAX], sender[USER_MAX];
	char params[512];
	char view[VIEW_LEN];
	char token[ID_LEN + 1];
	unsigned char digest[DIGEST_LEN];
};
/* By id, or by the beginning of one of at least 6 letters if that is
   unique (WEIR_E_EXISTS: it is not). */
int item_find(sqlite3 *db, const char *id, struct item *out, struct fault *f);

const char *item_class_name(int class_);
int item_class_of(const char *word); /* 0: no such class */
const char *item_state_name(int state, int64_t lease_ms, int64_t now_ms);

#endif
