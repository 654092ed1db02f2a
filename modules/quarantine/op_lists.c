/* SPDX-License-Identifier: GPL-2.0-or-later */
/* op_lists - weirctl lists: allow and block lists. */
#include "command.h"

#include <string.h>

/* lists_word - allow, block; NONE: neither */
static enum lists_kind
lists_word(const char *s)
{
	return strcmp(s, "allow") == 0 ? LISTS_ALLOW :
	    strcmp(s, "block") == 0    ? LISTS_BLOCK :
					 LISTS_NONE;
}

/* lists_show - of one owner, or of all */
static int
lists_show(struct order *o, const char *owner)
{
	sqlite3 *db = store_begin(o->q->store, false, &o->fault);
	json_t *all = json_array();
	sqlite3_stmt *q;
	int rc = SQLITE_DONE;
	bool any = false;

	if (db == NULL) {
		json_decref(all);
		return o->fault.status;
	}
	q = store_query(db, &o->fault, "SELECT user, kind, entry, time_ms FROM"
	    " list WHERE ? = '' OR user = ?1 ORDER BY user, kind, entry"
	    " LIMIT 100000", "s", owner);
	while (q != NULL && (rc = sqlite3_step(q)) == SQLITE_ROW) {
		const char *kind = sqlite3_column_int(q, 1) == LISTS_ALLOW ?
		    "allow" : "block";
		char when[32];

		any = true;
		order_time(sqlite3_column_int64(q, 3), when);
		if (o->json) {
			json_array_append_new(all, json_pack(
			    "{s:o,s:s,s:o,s:s}", "user",
			    order_text(store_text(q, 0)), "list", kind,
			    "entry", order_text(store_text(q, 2)), "time",
			    when));
			continue;
		}
		order_clean(o->out, store_text(q, 0), 36);
		fprintf(o->out, "  %s  ", kind);
		order_clean(o->out, store_text(q, 2), 0);
		fputc('\n', o->out);
	}
	if (rc != SQLITE_DONE)
		store_fault(db, &o->fault, rc);
	sqlite3_finalize(q);
	store_end(o->q->store);
	if (!o->json && !any && o->fault.status == WEIR_OK)
		fputs("no entries\n", o->out);
	if (o->json)
		order_json(o, all);
	else
		json_decref(all);
	return o->fault.status;
}

/* lists_change - add or remove each entry; all are looked at before the first
   is changed */
static int
lists_change(struct order *o, bool add, enum lists_kind kind,
    const char *owner, uint32_t first)
{
	char entry[LISTS_ENTRY_MAX + 1];
	int status = WEIR_OK;

	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t i = first;
		     status == WEIR_OK && i < o->filter.nwords; i++) {
			status = lists_entry(o->filter.words[i], entry,
			    &o->fault);
			if (pass == 0 || status < 0)
				continue;
			status = add ? lists_add(o->q->store, owner, kind,
			    entry, o->who, &o->fault) :
			    lists_remove(o->q->store, owner, kind, entry,
				o->who, &o->fault);
		}
	}
	if (status < 0)
		return status;
	return lists_show(o, owner);
}

/* op_lists - show, add, remove */
int
op_lists(struct order *o)
{
	const struct filter *f = &o->filter;
	bool add = strcmp(f->words[0], "add") == 0;
	char owner[USER_MAX] = "";
	enum lists_kind kind;
	uint32_t first;

	if (f->nwords > 1 && lists_owner(f->words[1], owner, &o->fault) < 0)
		return o->fault.status;
	if (strcmp(f->words[0], "show") == 0 && f->nwords <= 2)
		return lists_show(o, owner);
	kind = f->nwords > 2 ? lists_word(f->words[2]) : LISTS_NONE;
	first = kind == LISTS_NONE ? 2 : 3;
	if ((add && kind != LISTS_NONE && f->nwords > first) ||
	    (strcmp(f->words[0], "remove") == 0 && f->nwords > first))
		return lists_change(o, add, kind, owner, first);
	if (add && f->nwords > 2 && kind == LISTS_NONE)
		return fault_set(&o->fault, WEIR_E_INVAL, "\"%.60s\" is neither "
		    "allow nor block: weirctl lists add USER allow|block "
		    "ENTRY...", f->words[2]);
	return fault_set(&o->fault, WEIR_E_INVAL, "usage: weirctl lists show "
	    "[USER] | add USER allow|block ENTRY... | remove USER "
	    "[allow|block] ENTRY...");
}
