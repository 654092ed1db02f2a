/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_store - a store in a folder of its own, for unit tests. */
#ifndef MODULES_QUARANTINE_TEST_STORE_H
#define MODULES_QUARANTINE_TEST_STORE_H

#include "item.h"

extern char folder[80]; /* of the last store; sockets fit in it */
extern int64_t clock_ms; /* its time */

struct store *test_store(bool maildir, uint64_t max_message);
/* For cmocka; the state is the store. */
int store_setup(void **state);
int store_teardown(void **state);

/* A descriptor with these octets. */
int file_of(const char *text);
/* Keep it for one recipient: its status; the id in id if that is not NULL. */
int keep_one(struct store *st, const char *text, const char *rcpt, int class_,
    char id[ID_LEN + 1]);
/* The rows of a table, which may be followed by WHERE. */
int64_t count(struct store *st, const char *table);

#endif
