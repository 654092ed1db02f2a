/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keep.h"
#include "lib/folder.h"

char folder[80];
int64_t clock_ms;

static int64_t
now(void *arg)
{
	(void)arg;
	return clock_ms;
}

/* test_store - make it */
struct store *
test_store(bool maildir, uint64_t max_message)
{
	struct store_conf conf = { .folder = folder, .maildir = maildir,
		.now = now, .max_message = max_message };

	clock_ms = INT64_C(1700000000000);
	assert_true(folder_make(folder, sizeof(folder), folder_where(),
	    "weir-store"));
	return store_create(&conf);
}

/* store_setup - with a Maildir */
int
store_setup(void **state)
{
	*state = test_store(true, 0);
	return 0;
}

/* store_teardown - and away with it */
int
store_teardown(void **state)
{
	struct store *st = *state;

	store_destroy(&st);
	folder_remove(folder);
	return 0;
}

/* file_of - a descriptor with these octets */
int
file_of(const char *text)
{
	FILE *f = tmpfile();
	int fd;

	fputs(text, f);
	fflush(f);
	fd = dup(fileno(f));
	fclose(f);
	return fd;
}

/* keep_one - for one recipient; its status, and id */
int
keep_one(struct store *st, const char *text, const char *rcpt, int class_,
    char id[ID_LEN + 1])
{
	struct keep *k = keep_create(1);
	struct fault f;
	int fd = file_of(text), status;

	k->time_ms = clock_ms;
	k->verdict = true;
	k->sender = strdup("a@example.org");
	k->params = strdup("");
	k->message_id = strdup("");
	k->client = strdup("");
	k->helo = strdup("");
	k->queue_id = strdup("");
	k->decision = strdup("");
	k->findings = strdup("[]");
	k->from = strdup("");
	k->subject = strdup("");
	k->rcpts[0].address = strdup(rcpt);
	k->rcpts[0].user = strdup(rcpt);
	k->rcpts[0].reason = strdup("");
	k->rcpts[0].class_ = class_;
	status = keep_write(st, fd, k);
	if (status == WEIR_OK) {
		keep_commit(st, k, NULL, &f);
		status = k->status;
	}
	if (id != NULL)
		memcpy(id, k->rcpts[0].id, ID_LEN + 1);
	keep_destroy(k);
	close(fd);
	return status;
}

/* count - the rows of a table */
int64_t
count(struct store *st, const char *table)
{
	struct fault f;
	sqlite3 *db = store_begin(st, false, &f);
	char sql[300];
	sqlite3_stmt *q;
	int64_t n;

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
	q = store_query(db, &f, sql, "");
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	n = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	store_end(st);
	return n;
}
