/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "item.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/service/quarantine.h>

#include "file.h"

#define ID_SHORT 6 /* letters that may stand for an id */

static const char *const item_classes[CLASSES] = {
	[WEIR_QUARANTINE_SPAM] = "spam", [WEIR_QUARANTINE_VIRUS] = "virus",
	[WEIR_QUARANTINE_ATTACHMENT] = "attachment"
};

/* item_class_name - for people */
const char *
item_class_name(int class_)
{
	return class_ > 0 && class_ < CLASSES ? item_classes[class_] : "?";
}

/* item_class_of - from people */
int
item_class_of(const char *word)
{
	for (int i = 1; i < CLASSES; i++)
		if (strcmp(word, item_classes[i]) == 0)
			return i;
	return 0;
}

/* item_state_name - one that was being sent when its worker died is unsure */
const char *
item_state_name(int state, int64_t lease_ms, int64_t now_ms)
{
	static const char *const names[] = { "?", "kept", "queued",
		"releasing", "releasing", "released" };

	if (state == ITEM_SENT && lease_ms < now_ms)
		return "unsure";
	return state > 0 && state <= ITEM_RELEASED ? names[state] : names[0];
}

/* item_files_unlink - the rows are gone for good */
void
item_files_unlink(const struct store *st, const struct item_files *g)
{
	for (size_t i = 0; i < g->n; i++) {
		file_view_remove(st, g->v[i].user, g->v[i].view);
		if (g->v[i].file[0] != '\0')
			file_unlink(st, g->v[i].file);
	}
}

/* item_files_fini - forget them */
void
item_files_fini(struct item_files *g)
{
	free(g->v);
	memset(g, 0, sizeof(*g));
}

/* item_files_add - one more */
static struct item_file *
item_files_add(struct item_files *g)
{
	if (g->n == g->cap) {
		size_t cap = g->cap > 0 ? g->cap * 2 : 16;
		struct item_file *v = reallocarray(g->v, cap, sizeof(*v));

		if (v == NULL)
			return NULL;
		g->v = v;
		g->cap = cap;
	}
	memset(&g->v[g->n], 0, sizeof(*g->v));
	return &g->v[g->n++];
}

/* item_delete - the row, and the mail's with the last one */
int
item_delete(sqlite3 *db, const char *id, bool untouched,
    struct item_files *gone, struct fault *f)
{
	sqlite3_stmt *q = store_query(db, f, "SELECT i.n, i.m, i.user, i.view,"
	    " m.file, (SELECT count(*) FROM item x WHERE x.m = i.m) FROM item i"
	    " JOIN mail m ON m.m = i.m WHERE i.id = ?"
	    " AND (? = 0 OR (i.state = ? AND i.copies = 1))", "sii", id,
	    (int64_t)untouched, (int64_t)ITEM_NEW);
	struct item_file *g;
	int64_t n, m, others;
	int rc, status;

	if (q == NULL)
		return f->status;
	rc = sqlite3_step(q);
	if (rc != SQLITE_ROW) {
		sqlite3_finalize(q);
		return rc == SQLITE_DONE ? fault_set(f, WEIR_E_NOTFOUND,
		    "there is no item %s", id) : store_fault(db, f, rc);
	}
	n = sqlite3_column_int64(q, 0);
	m = sqlite3_column_int64(q, 1);
	others = sqlite3_column_int64(q, 5) - 1;
	g = item_files_add(gone);
	if (g != NULL) {
		snprintf(g->user, sizeof(g->user), "%s", store_text(q, 2));
		snprintf(g->view, sizeof(g->view), "%s", store_text(q, 3));
		if (others == 0)
			snprintf(g->file, sizeof(g->file), "%s",
			    store_text(q, 4));
	}
	sqlite3_finalize(q);
	status = store_run(db, f, NULL, "DELETE FROM item WHERE n = ?", "i",
	    n);
	if (status == WEIR_OK && others == 0)
		status = store_run(db, f, NULL, "DELETE FROM mail WHERE m = ?",
		    "i", m);
	return status;
}

/* item_is_id - letters of an id, whole or its beginning */
static bool
item_is_id(const char *id)
{
	size_t n = strlen(id);

	return n >= ID_SHORT && n <= ID_LEN &&
	    strspn(id, "abcdefghijklmnopqrstuvwxyz234567") == n;
}

/* item_copy - a text column */
static void
item_copy(char *out, size_t size, sqlite3_stmt *q, int column)
{
	snprintf(out, size, "%s", store_text(q, column));
}

/* item_read - the row */
static void
item_read(sqlite3_stmt *q, struct item *o)
{
	memset(o, 0, sizeof(*o));
	o->n = sqlite3_column_int64(q, 0);
	o->m = sqlite3_column_int64(q, 1);
	o->time_ms = sqlite3_column_int64(q, 2);
	o->size = sqlite3_column_int64(q, 3);
	o->lease_ms = sqlite3_column_int64(q, 4);
	o->tries = sqlite3_column_int64(q, 5);
	o->next_ms = sqlite3_column_int64(q, 6);
	o->released_ms = sqlite3_column_int64(q, 7);
	o->class_ = sqlite3_column_int(q, 8);
	o->state = sqlite3_column_int(q, 9);
	item_copy(o->id, sizeof(o->id), q, 10);
	item_copy(o->file, sizeof(o->file), q, 11);
	item_copy(o->rcpt, sizeof(o->rcpt), q, 12);
	item_copy(o->user, sizeof(o->user), q, 13);
	item_copy(o->sender, sizeof(o->sender), q, 14);
	item_copy(o->params, sizeof(o->params), q, 15);
	item_copy(o->view, sizeof(o->view), q, 16);
	item_copy(o->token, sizeof(o->token), q, 17);
	o->token_used = sqlite3_column_int64(q, 18);
	if (sqlite3_column_bytes(q, 19) == DIGEST_LEN)
		memcpy(o->digest, sqlite3_column_blob(q, 19), DIGEST_LEN);
}

/* item_find - by id */
int
item_find(sqlite3 *db, const char *id, struct item *out, struct fault *f)
{
	sqlite3_stmt *q;
	char end[ID_LEN + 2];
	int rc, n = 0;

	if (!item_is_id(id))
		return fault_set(f, WEIR_E_NOTFOUND, "\"%.64s\" is no id: see "
		    "weirctl quarantine list", id);
	snprintf(end, sizeof(end), "%s{", id); /* '{' follows 'z' */
	q = store_query(db, f, "SELECT i.n, i.m, i.time_ms, i.size, i.lease_ms,"
	    " i.tries, i.next_ms, i.released_ms, i.class, i.state, i.id,"
	    " m.file, i.rcpt, i.user, i.sender, m.params, i.view, i.token,"
	    " i.token_used, m.digest FROM item i JOIN mail m ON m.m = i.m"
	    " WHERE i.id >= ? AND i.id < ? ORDER BY i.id LIMIT 2", "ss", id,
	    end);
	if (q == NULL)
		return f->status;
	while ((rc = sqlite3_step(q)) == SQLITE_ROW && n++ == 0)
		item_read(q, out);
	sqlite3_finalize(q);
	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		return store_fault(db, f, rc);
	if (n > 1)
		return fault_set(f, WEIR_E_EXISTS, "several ids begin with "
		    "%s: give more of it", id);
	return n == 1 ? WEIR_OK : fault_set(f, WEIR_E_NOTFOUND,
	    "there is no item %s", id);
}
