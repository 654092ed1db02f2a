/* SPDX-License-Identifier: GPL-2.0-or-later */
/* op_look - list, stats, audit. */
#include "command.h"

#include <inttypes.h>
#include <string.h>

/* look_query - rows of a table with the filter's conditions, one more than
   wanted */
static sqlite3_stmt *
look_query(struct order *o, sqlite3 *db, const char *columns,
    const char *order, const struct filter_sql *w)
{
	char sql[1200];
	sqlite3_stmt *q = NULL;
	int at, rc;

	snprintf(sql, sizeof(sql), "SELECT %s%s%s LIMIT ? OFFSET ?", columns,
	    w->text, order);
	rc = sqlite3_prepare_v2(db, sql, -1, &q, NULL);
	if (rc != SQLITE_OK) {
		store_fault(db, &o->fault, rc);
		return NULL;
	}
	at = filter_bind(w, q);
	sqlite3_bind_int64(q, at, o->filter.limit + 1);
	sqlite3_bind_int64(q, at + 1, o->filter.offset);
	return q;
}

/* look_end - the rows are through, or can't be read */
static void
look_end(struct order *o, sqlite3 *db, sqlite3_stmt *q, int rc)
{
	if (q != NULL && rc != SQLITE_DONE && rc != SQLITE_ROW)
		store_fault(db, &o->fault, rc);
	sqlite3_finalize(q);
}

/* list_json - one item */
static json_t *
list_json(sqlite3_stmt *q, int64_t now)
{
	json_t *r = json_object();
	char when[32];

	order_time(sqlite3_column_int64(q, 1), when);
	json_object_set_new(r, "id", order_text(store_text(q, 0)));
	json_object_set_new(r, "time", json_string(when));
	json_object_set_new(r, "class",
	    json_string(item_class_name(sqlite3_column_int(q, 2))));
	json_object_set_new(r, "state", json_string(item_state_name(
	    sqlite3_column_int(q, 3), sqlite3_column_int64(q, 4), now)));
	json_object_set_new(r, "score", json_real(sqlite3_column_double(q,
					    5)));
	json_object_set_new(r, "size",
	    json_integer(sqlite3_column_int64(q, 6)));
	json_object_set_new(r, "recipient", order_text(store_text(q, 7)));
	json_object_set_new(r, "sender", order_text(store_text(q, 8)));
	json_object_set_new(r, "from", order_text(store_text(q, 9)));
	json_object_set_new(r, "subject", order_text(store_text(q, 10)));
	json_object_set_new(r, "reason", order_text(store_text(q, 11)));
	if (store_text(q, 12)[0] != '\0')
		json_object_set_new(r, "error", order_text(store_text(q, 12)));
	return r;
}

/* list_line - one item for people */
static void
list_line(FILE *out, sqlite3_stmt *q, int64_t now)
{
	char when[32];

	order_time(sqlite3_column_int64(q, 1), when);
	fprintf(out, "%s  %.16s  %-10s  %-9s  %7.2f  ", store_text(q, 0), when,
	    item_class_name(sqlite3_column_int(q, 2)),
	    item_state_name(sqlite3_column_int(q, 3),
		sqlite3_column_int64(q, 4), now), sqlite3_column_double(q, 5));
	order_clean(out, store_text(q, 7), 28);
	fputs("  ", out);
	order_clean(out, store_text(q, 8)[0] != '\0' ? store_text(q, 8) : "<>",
	    28);
	fputs("  ", out);
	order_clean(out, store_text(q, 10), 0);
	fputc('\n', out);
}

/* op_list - the newest first */
int
op_list(struct order *o)
{
	int64_t now = store_now(o->q->store), n = 0;
	sqlite3 *db = store_begin(o->q->store, false, &o->fault);
	json_t *all = o->json ? json_array() : NULL;
	struct filter_sql w;
	sqlite3_stmt *q;
	int rc = SQLITE_ERROR;

	if (db == NULL) {
		json_decref(all);
		return o->fault.status;
	}
	filter_where(&o->filter, &w);
	q = look_query(o, db, "id, time_ms, class, state, lease_ms, score,"
	    " size, rcpt, sender, from_text, subject, reason, error FROM item",
	    " ORDER BY n DESC", &w);
	while (q != NULL && (rc = sqlite3_step(q)) == SQLITE_ROW &&
	    n++ < o->filter.limit) {
		if (o->json)
			json_array_append_new(all, list_json(q, now));
		else
			list_line(o->out, q, now);
	}
	look_end(o, db, q, rc);
	store_end(o->q->store);
	if (o->json)
		order_json(o, json_pack("{s:o,s:b}", "items", all, "more",
		    n > o->filter.limit));
	else if (n > o->filter.limit)
		fprintf(o->out, "more: --offset %" PRId64 "\n",
		    o->filter.offset + o->filter.limit);
	else if (n == 0 && o->fault.status == WEIR_OK)
		fputs("no items\n", o->out);
	return o->fault.status;
}

/* op_audit - who did what */
int
op_audit(struct order *o)
{
	sqlite3 *db = store_begin(o->q->store, false, &o->fault);
	json_t *all = o->json ? json_array() : NULL;
	struct filter_sql w;
	struct filter f = o->filter;
	sqlite3_stmt *q;
	int64_t n = 0;
	int rc = SQLITE_DONE;

	if (db == NULL) {
		json_decref(all);
		return o->fault.status;
	}
	f.rcpt = NULL;
	filter_where(&f, &w);
	if (o->filter.rcpt != NULL) {
		size_t at = strlen(w.text);

		snprintf(w.text + at, sizeof(w.text) - at, "%s"
		    "instr(lower(rcpt), lower(?)) > 0",
		    at == 0 ? " WHERE " : " AND ");
		w.v[w.n].s = o->filter.rcpt;
		w.types[w.n++] = 's';
	}
	q = look_query(o, db, "time_ms, who, action, id, rcpt, result FROM "
	    "audit", " ORDER BY n DESC", &w);
	while (q != NULL && (rc = sqlite3_step(q)) == SQLITE_ROW &&
	    n++ < o->filter.limit) {
		char when[32];

		order_time(sqlite3_column_int64(q, 0), when);
		if (o->json) {
			json_array_append_new(all, json_pack(
			    "{s:s,s:o,s:o,s:o,s:o,s:o}", "time", when, "who",
			    order_text(store_text(q, 1)), "action",
			    order_text(store_text(q, 2)), "id",
			    order_text(store_text(q, 3)), "recipient",
			    order_text(store_text(q, 4)), "result",
			    order_text(store_text(q, 5))));
			continue;
		}
		fprintf(o->out, "%s  %-12s  %-8s  %-26s  ", when,
		    store_text(q, 1), store_text(q, 2), store_text(q, 3));
		order_clean(o->out, store_text(q, 4), 28);
		fputs("  ", o->out);
		order_clean(o->out, store_text(q, 5), 0);
		fputc('\n', o->out);
	}
	look_end(o, db, q, rc);
	store_end(o->q->store);
	if (o->json)
		order_json(o, json_pack("{s:o,s:b}", "entries", all, "more",
		    n > o->filter.limit));
	else if (n > o->filter.limit)
		fprintf(o->out, "more: --offset %" PRId64 "\n",
		    o->filter.offset + o->filter.limit);
	else if (n == 0 && o->fault.status == WEIR_OK)
		fputs("no entries\n", o->out);
	return o->fault.status;
}

/* stats_classes - items and octets of each */
static json_t *
stats_classes(struct order *o, sqlite3 *db, int64_t now)
{
	sqlite3_stmt *q = store_query(db, &o->fault, "SELECT class, count(*),"
	    " coalesce(sum(size), 0), min(time_ms),"
	    " sum(state = 1), sum(state IN (2, 3)),"
	    " sum(state = 4 AND lease_ms < ?), sum(state = 5) FROM item"
	    " GROUP BY class", "i", now);
	json_t *all = json_object();
	int rc = SQLITE_DONE;

	while (q != NULL && (rc = sqlite3_step(q)) == SQLITE_ROW) {
		char when[32];

		order_time(sqlite3_column_int64(q, 3), when);
		json_object_set_new(all,
		    item_class_name(sqlite3_column_int(q, 0)),
		    json_pack("{s:I,s:I,s:s,s:I,s:I,s:I,s:I}", "items",
			sqlite3_column_int64(q, 1), "octets",
			sqlite3_column_int64(q, 2), "oldest", when, "kept",
			sqlite3_column_int64(q, 4), "queued",
			sqlite3_column_int64(q, 5), "unsure",
			sqlite3_column_int64(q, 6), "released",
			sqlite3_column_int64(q, 7)));
	}
	look_end(o, db, q, rc);
	return all;
}

/* stats_users - those with the most */
static json_t *
stats_users(struct order *o, sqlite3 *db)
{
	sqlite3_stmt *q = store_query(db, &o->fault, "SELECT user, items,"
	    " octets FROM used WHERE user <> '' ORDER BY octets DESC LIMIT 20",
	    "");
	json_t *all = json_array();
	int rc = SQLITE_DONE;

	while (q != NULL && (rc = sqlite3_step(q)) == SQLITE_ROW)
		json_array_append_new(all, json_pack("{s:o,s:I,s:I}",
		    "recipient", order_text(store_text(q, 0)), "items",
		    sqlite3_column_int64(q, 1), "octets",
		    sqlite3_column_int64(q, 2)));
	look_end(o, db, q, rc);
	return all;
}

/* stats_total - files and recipients */
static void
stats_total(struct order *o, sqlite3 *db, json_t *root)
{
	sqlite3_stmt *q = store_query(db, &o->fault, "SELECT u.items, u.octets,"
	    " (SELECT count(*) FROM used WHERE user <> '') FROM used u"
	    " WHERE u.user = ''", "");
	int rc = q != NULL ? sqlite3_step(q) : SQLITE_DONE;

	if (rc == SQLITE_ROW) {
		json_object_set_new(root, "mails",
		    json_integer(sqlite3_column_int64(q, 0)));
		json_object_set_new(root, "octets",
		    json_integer(sqlite3_column_int64(q, 1)));
		json_object_set_new(root, "recipients",
		    json_integer(sqlite3_column_int64(q, 2)));
	}
	look_end(o, db, q, rc);
	json_object_set_new(root, "max_total",
	    json_integer((json_int_t)o->q->store->conf.max_total));
}

/* stats_text - for people */
static void
stats_text(FILE *out, const json_t *root)
{
	const char *name;
	json_t *c, *all = json_object_get(root, "classes");
	size_t i;

	fprintf(out, "%" JSON_INTEGER_FORMAT " mails, %" JSON_INTEGER_FORMAT
	    " octets, %" JSON_INTEGER_FORMAT " recipients\n",
	    json_integer_value(json_object_get(root, "mails")),
	    json_integer_value(json_object_get(root, "octets")),
	    json_integer_value(json_object_get(root, "recipients")));
	json_object_foreach(all, name, c) {
		static const char *const keys[] = { "items", "octets", "kept",
			"queued", "unsure", "released" };

		fprintf(out, "%-10s", name);
		for (i = 0; i < sizeof(keys) / sizeof(*keys); i++)
			fprintf(out, "  %" JSON_INTEGER_FORMAT " %s",
			    json_integer_value(json_object_get(c, keys[i])),
			    keys[i]);
		fprintf(out, "  oldest %s\n",
		    json_string_value(json_object_get(c, "oldest")));
	}
	json_array_foreach(json_object_get(root, "largest"), i, c) {
		order_clean(out, json_string_value(json_object_get(c,
				     "recipient")), 40);
		fprintf(out, "  %6" JSON_INTEGER_FORMAT " items  %12"
		    JSON_INTEGER_FORMAT " octets\n",
		    json_integer_value(json_object_get(c, "items")),
		    json_integer_value(json_object_get(c, "octets")));
	}
}

/* op_stats - sums */
int
op_stats(struct order *o)
{
	sqlite3 *db = store_begin(o->q->store, false, &o->fault);
	json_t *root;

	if (db == NULL)
		return o->fault.status;
	root = json_object();
	stats_total(o, db, root);
	json_object_set_new(root, "classes", stats_classes(o, db,
	    store_now(o->q->store)));
	json_object_set_new(root, "largest", stats_users(o, db));
	store_end(o->q->store);
	if (!o->json)
		stats_text(o->out, root);
	if (o->json)
		order_json(o, root);
	else
		json_decref(root);
	return o->fault.status;
}
