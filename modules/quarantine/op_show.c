/* SPDX-License-Identifier: GPL-2.0-or-later */
/* op_show - one item: what is known of it, its header, its octets. */
#include "command.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"

#define SHOW_HEADER 65536

/* show_row - the rest of the row, as JSON */
static json_t *
show_row(struct order *o, sqlite3 *db, const struct item *i)
{
	static const char *const keys[] = { "from", "subject", "reason",
		"by", "error", "message_id", "client", "helo", "queue_id",
		"decision" };
	sqlite3_stmt *q = store_query(db, &o->fault, "SELECT i.from_text,"
	    " i.subject, i.reason, i.by_whom, i.error, m.message_id, m.client,"
	    " m.helo, m.queue_id, m.decision, m.findings, i.score, i.copies,"
	    " i.verdict FROM item i JOIN mail m ON m.m = i.m WHERE i.n = ?",
	    "i", i->n);
	json_t *r = json_object(), *findings;
	char when[32];

	if (q == NULL || sqlite3_step(q) != SQLITE_ROW) {
		sqlite3_finalize(q);
		json_decref(r);
		return NULL;
	}
	order_time(i->time_ms, when);
	json_object_set_new(r, "id", json_string(i->id));
	json_object_set_new(r, "time", json_string(when));
	json_object_set_new(r, "class", json_string(item_class_name(
					    i->class_)));
	json_object_set_new(r, "state", json_string(item_state_name(i->state,
	    i->lease_ms, store_now(o->q->store))));
	json_object_set_new(r, "recipient", order_text(i->rcpt));
	json_object_set_new(r, "sender", order_text(i->sender));
	json_object_set_new(r, "size", json_integer(i->size));
	json_object_set_new(r, "score", json_real(sqlite3_column_double(q,
					    11)));
	for (int k = 0; k < (int)(sizeof(keys) / sizeof(*keys)); k++)
		if (store_text(q, k)[0] != '\0')
			json_object_set_new(r, keys[k],
			    order_text(store_text(q, k)));
	json_object_set_new(r, "copies",
	    json_integer(sqlite3_column_int64(q, 12)));
	json_object_set_new(r, "original",
	    json_boolean(sqlite3_column_int(q, 13) == 0));
	if (i->tries > 0)
		json_object_set_new(r, "tries", json_integer(i->tries));
	if (i->released_ms > 0) {
		order_time(i->released_ms, when);
		json_object_set_new(r, "released", json_string(when));
	}
	findings = json_loads(store_text(q, 10), 0, NULL);
	json_object_set_new(r, "findings",
	    findings != NULL ? findings : json_array());
	sqlite3_finalize(q);
	return r;
}

/* show_header - up to the empty line, in a string to be freed */
static char *
show_header(int fd)
{
	char *text = malloc(SHOW_HEADER + 1), *end;
	ssize_t n = text != NULL ? pread(fd, text, SHOW_HEADER, 0) : -1;

	if (n < 0) {
		free(text);
		return NULL;
	}
	for (ssize_t i = 0; i < n; i++)
		if (text[i] == '\0')
			text[i] = '?';
	text[n] = '\0';
	end = strstr(text, "\r\n\r\n");
	if (end != NULL)
		end[2] = '\0';
	return text;
}

/* show_text - for people */
static void
show_text(FILE *out, const json_t *r, const char *header)
{
	const char *key;
	json_t *v;
	size_t i;

	json_object_foreach((json_t *)(uintptr_t)r, key, v) {
		if (json_is_array(v))
			continue;
		fprintf(out, "%-11s", key);
		if (json_is_string(v))
			order_clean(out, json_string_value(v), 0);
		else if (json_is_boolean(v))
			fputs(json_is_true(v) ? "yes" : "no", out);
		else if (json_is_real(v))
			fprintf(out, "%.2f", json_real_value(v));
		else
			fprintf(out, "%" JSON_INTEGER_FORMAT,
			    json_integer_value(v));
		fputc('\n', out);
	}
	json_array_foreach(json_object_get(r, "findings"), i, v) {
		fprintf(out, "finding    %+.2f ",
		    json_number_value(json_object_get(v, "score")));
		order_clean(out, json_string_value(json_object_get(v,
				     "symbol")), 0);
		fputs(": ", out);
		order_clean(out, json_string_value(json_object_get(v,
				     "reason")), 0);
		fputc('\n', out);
	}
	fputc('\n', out);
	while (header != NULL && *header != '\0') {
		const char *lf = strchr(header, '\n');
		size_t n = lf != NULL ? (size_t)(lf - header) :
					strlen(header);
		char *line = strndup(header, n > 0 && header[n - 1] == '\r' ?
		    n - 1 : n);

		order_clean(out, line != NULL ? line : "", 0);
		free(line);
		fputc('\n', out);
		header += n + (lf != NULL);
	}
}

/* show_raw - octet by octet */
static int
show_raw(struct order *o, int fd)
{
	char chunk[65536];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, chunk, sizeof(chunk), at)) > 0) {
		fwrite(chunk, 1, (size_t)n, o->out);
		at += n;
	}
	return n == 0 ? WEIR_OK : fault_set(&o->fault, WEIR_E_TEMP,
	    "the file can't be read");
}

/* op_show - one item */
int
op_show(struct order *o)
{
	sqlite3 *db = store_begin(o->q->store, false, &o->fault);
	struct item i;
	json_t *r = NULL;
	char *header;
	int fd, status;

	if (db == NULL)
		return o->fault.status;
	status = item_find(db, o->filter.words[0], &i, &o->fault);
	if (status == WEIR_OK)
		r = show_row(o, db, &i);
	store_end(o->q->store);
	if (r == NULL)
		return status < 0 ? status : fault_set(&o->fault,
		    WEIR_E_NOTFOUND, "it is gone");
	fd = file_open(o->q->store, i.file, &o->fault);
	if (fd >= 0 && o->filter.raw) {
		json_decref(r);
		status = show_raw(o, fd);
		close(fd);
		return status;
	}
	header = fd >= 0 ? show_header(fd) : NULL;
	if (o->json) {
		json_object_set_new(r, "header",
		    order_text(header != NULL ? header : ""));
		order_json(o, r);
	} else {
		show_text(o->out, r, header);
		json_decref(r);
	}
	free(header);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? o->fault.status : WEIR_OK;
}
