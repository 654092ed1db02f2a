/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drive.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/err.h"
#include "base/text.h"
#include "drive_diff.h"
#include "mail/edit.h"
#include "pipe/explain.h"

/* report_text - octets from outside as a JSON string */
static json_t *
report_text(weir_str s)
{
	json_t *j = json_stringn(s.ptr, s.len);
	struct buf clean = BUF_INIT;

	if (j == NULL) {
		drive_diff_escape(s, &clean);
		j = json_stringn(clean.ptr, clean.len);
		buf_fini(&clean);
	}
	return j;
}

/* report_recipients - all that were offered, in that order */
static json_t *
report_recipients(const struct drive_run *r, const json_t *known)
{
	json_t *all = json_array();

	for (size_t i = 0; i < r->rcpts.n; i++) {
		const struct drive_rcpt *rcpt = &r->rcpts.v[i];
		json_t *o = json_incref(json_array_get(known, rcpt->index));

		if (o == NULL) {
			o = json_object();
			json_object_set_new(o, "address",
			    report_text(rcpt->address));
			json_object_set_new(o, "verdict",
			    json_string(action_name((int)rcpt->action)));
		}
		if (rcpt->reply != NULL)
			json_object_set_new(o, "reply",
			    report_text(text_slice(rcpt->reply)));
		json_array_append_new(all, o);
	}
	return all;
}

/* report_ms - nanoseconds as milliseconds, to the microsecond */
static json_t *
report_ms(uint64_t ns)
{
	return json_real((double)(ns / 1000) / 1e3);
}

/* report_cost - one stage in numbers */
static json_t *
report_cost(const struct drive_cost *c)
{
	uint64_t wait = c->ns > c->cpu_ns ? c->ns - c->cpu_ns : 0;
	json_t *o = json_object();

	json_object_set_new(o, "ms", report_ms(c->ns));
	json_object_set_new(o, "cpu_ms", report_ms(c->cpu_ns));
	json_object_set_new(o, "wait_ms", report_ms(wait));
	json_object_set_new(o, "lookups", json_integer((json_int_t)c->lookups));
	json_object_set_new(o, "jobs", json_integer((json_int_t)c->jobs));
	json_object_set_new(o, "stores", json_integer((json_int_t)c->stores));
	json_object_set_new(o, "others", json_integer((json_int_t)c->others));
	return o;
}

/* drive_record - the decision's record with what the harness knows */
json_t *
drive_record(const struct drive_run *r, const char *name, int attempt)
{
	const struct session *s = r->session;
	json_t *root = json_object();
	json_t *record = explain_json(s, s->message, "drive");

	json_object_set_new(root, "file", report_text(text_slice(name)));
	if (attempt > 0)
		json_object_set_new(root, "attempt", json_integer(attempt));
	json_object_update(root, record);
	json_object_set_new(root, "stage", json_string(stage_name(
					       (int)r->stage)));
	json_object_set_new(root, "reply", report_text(text_slice(r->reply)));
	if (r->gone)
		json_object_set_new(root, "disconnected", json_true());
	json_object_set_new(root, "recipients",
	    report_recipients(r, json_object_get(record, "recipients")));
	if (r->options->timing) {
		json_t *stages = json_object(), *costs = json_object();

		for (int i = 0; i < WEIR_STAGE_COUNT; i++) {
			json_object_set_new(stages, stage_name(i),
			    report_ms(r->cost[i].ns));
			json_object_set_new(costs, stage_name(i),
			    report_cost(&r->cost[i]));
		}
		json_object_set_new(root, "stages", stages);
		json_object_set_new(root, "costs", costs);
	}
	json_object_del(root, "ms"); /* to stand last */
	json_object_set_new(root, "ms", report_ms(r->ns));
	json_decref(record);
	return root;
}

/* report_str - a member that is text, safe to print */
static void
report_str(struct buf *out, const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	weir_str s = { json_string_value(v), json_string_length(v) };

	if (s.ptr != NULL)
		drive_diff_escape(s, out);
}

/* report_pad - blanks up to a column of the line that began at `from` */
static void
report_pad(struct buf *out, size_t from, size_t column)
{
	do
		buf_add_char(out, ' ');
	while (out->len < from + column);
}

/* report_list_recipients - each with its verdict */
static void
report_list_recipients(struct buf *out, const json_t *root)
{
	json_t *all = json_object_get(root, "recipients"), *o;
	size_t i;

	buf_add_str(out, "  recipients\n");
	json_array_foreach (all, i, o) {
		size_t from = out->len;

		buf_add_str(out, "    ");
		report_str(out, o, "verdict");
		report_pad(out, from, 16);
		report_str(out, o, "address");
		if (json_object_get(o, "kept") != NULL) {
			buf_add_str(out, ": kept ");
			report_str(out, o, "kept");
		}
		if (json_object_get(o, "reply") != NULL) {
			buf_add_str(out, ": ");
			report_str(out, o, "reply");
		}
		buf_add_char(out, '\n');
	}
}

/* report_note_end - whom a note is about, and whether it counts */
static void
report_note_end(struct buf *out, const json_t *o)
{
	if (json_object_get(o, "recipient") != NULL) {
		buf_add_str(out, " (");
		report_str(out, o, "recipient");
		buf_add_char(out, ')');
	}
	if (json_object_get(o, "shadow") != NULL)
		buf_add_str(out, " (shadow, does not count)");
	buf_add_char(out, '\n');
}

/* report_list_opinions - who stated which verdict, where */
static void
report_list_opinions(struct buf *out, const json_t *root)
{
	json_t *all = json_object_get(root, "opinions"), *o;
	size_t i;

	if (json_array_size(all) > 0)
		buf_add_str(out, "  decided by\n");
	json_array_foreach (all, i, o) {
		size_t from = out->len;

		buf_add_str(out, "    ");
		report_str(out, o, "module");
		report_pad(out, from, 20);
		report_str(out, o, "verdict");
		buf_add_str(out, " at ");
		report_str(out, o, "stage");
		report_pad(out, from, 42);
		report_str(out, o, "text");
		report_note_end(out, o);
	}
}

/* report_list_findings - symbol, score, module, reason */
static void
report_list_findings(struct buf *out, const json_t *root)
{
	json_t *all = json_object_get(root, "findings"), *o;
	size_t i;

	if (json_array_size(all) > 0)
		buf_add_str(out, "  findings\n");
	json_array_foreach (all, i, o) {
		size_t from = out->len;

		buf_add_str(out, "    ");
		report_str(out, o, "symbol");
		report_pad(out, from, 32);
		buf_printf(out, "%7.2f  ",
		    json_number_value(json_object_get(o, "score")));
		report_str(out, o, "module");
		report_pad(out, from, 54);
		report_str(out, o, "reason");
		report_note_end(out, o);
	}
}

/* report_list_facts - of the message, then of recipients */
static void
report_list_facts(struct buf *out, json_t *facts, const json_t *rcpt)
{
	const char *key;
	json_t *value;

	json_object_foreach (facts, key, value) {
		weir_str v = { json_string_value(value),
			json_string_length(value) };

		buf_add_str(out, "    ");
		drive_diff_escape(text_slice(key), out);
		buf_add_str(out, " = ");
		drive_diff_escape(v, out);
		if (rcpt != NULL) {
			buf_add_str(out, " (");
			report_str(out, rcpt, "address");
			buf_add_char(out, ')');
		}
		buf_add_char(out, '\n');
	}
}

/* report_list_notes - facts, and checks that did not run */
static void
report_list_notes(struct buf *out, const json_t *root)
{
	static const char *const keys[] = { "stage", "status", "reason" };
	json_t *all = json_object_get(root, "recipients"), *o;
	size_t i, head = out->len, begin;

	buf_add_str(out, "  facts\n");
	begin = out->len;
	report_list_facts(out, json_object_get(root, "facts"), NULL);
	json_array_foreach (all, i, o)
		report_list_facts(out, json_object_get(o, "facts"), o);
	if (out->len == begin)
		out->len = head;
	all = json_object_get(root, "unscanned");
	if (json_array_size(all) > 0)
		buf_add_str(out, "  unscanned\n");
	json_array_foreach (all, i, o) {
		buf_add_str(out, "    ");
		report_str(out, o, "module");
		for (size_t k = 0; k < sizeof(keys) / sizeof(*keys); k++) {
			buf_add_char(out, ' ');
			report_str(out, o, keys[k]);
		}
		buf_add_char(out, '\n');
	}
}

/* report_envelope - changes that no diff of the message shows */
static void
report_envelope(struct buf *out, const struct drive_run *r)
{
	const struct settled *st = &r->settled;
	size_t head = out->len, begin;

	buf_add_str(out, "  envelope\n");
	begin = out->len;
	for (uint32_t i = 0; i < st->nplan; i++) {
		const struct edit *e = st->plan[i];
		const char *mark = e->kind == EDIT_SENDER ? "    sender " :
		    e->kind == EDIT_RCPT_DELETE		  ? "    - " :
		    e->kind == EDIT_RCPT_ADD		  ? "    + " :
		    e->kind == EDIT_HOLD		  ? "    hold: " :
							    NULL;

		if (mark == NULL)
			continue;
		buf_add_str(out, mark);
		drive_diff_escape(e->kind == EDIT_RCPT_DELETE ?
			r->session->message->rcpts[e->n].address : e->name,
		    out);
		if (e->value.len > 0) {
			buf_add_char(out, ' ');
			drive_diff_escape(e->value, out);
		}
		buf_add_char(out, '\n');
	}
	if (st->hold) {
		buf_add_str(out, "    quarantine: ");
		drive_diff_escape(text_slice(st->text != NULL ? st->text :
								""), out);
		buf_add_char(out, '\n');
	}
	if (out->len == begin)
		out->len = head;
}

/* report_timing - one line a stage */
static void
report_timing(struct buf *out, const struct drive_run *r)
{
	buf_add_str(out, "  timing, ms         all        cpu       wait  "
	    "lookups  jobs  stores  others\n");
	for (int i = 0; i < WEIR_STAGE_COUNT; i++) {
		const struct drive_cost *c = &r->cost[i];
		uint64_t wait = c->ns > c->cpu_ns ? c->ns - c->cpu_ns : 0;

		buf_printf(out, "    %-8s %10.3f %10.3f %10.3f %8llu %5llu "
		    "%7llu %7llu\n", stage_name(i), (double)c->ns / 1e6,
		    (double)c->cpu_ns / 1e6, (double)wait / 1e6,
		    (unsigned long long)c->lookups,
		    (unsigned long long)c->jobs,
		    (unsigned long long)c->stores,
		    (unsigned long long)c->others);
	}
	buf_printf(out, "    %-8s %10.3f\n", "all", (double)r->ns / 1e6);
}

/* report_full - the text for people */
static void
report_full(struct buf *out, const struct drive_run *r, const char *name,
    const json_t *root)
{
	buf_add_str(out, "  verdict   ");
	report_str(out, root, "verdict");
	if (r->refused) {
		buf_add_str(out, ", at ");
		report_str(out, root, "stage");
	}
	if (r->gone) {
		buf_add_str(out, ", the client went at ");
		report_str(out, root, "stage");
	}
	if (r->reply[0] != '\0') {
		buf_add_str(out, "\n  reply     ");
		report_str(out, root, "reply");
	}
	buf_printf(out, "\n  score     %.2f\n",
	    json_number_value(json_object_get(root, "score")));
	report_list_recipients(out, root);
	report_list_opinions(out, root);
	report_list_findings(out, root);
	report_list_notes(out, root);
	report_envelope(out, r);
	if (r->options->timing)
		report_timing(out, r);
	drive_diff_message(r->mail, r->settled.plan, r->settled.nplan, name,
	    out);
}

/* report_words - text, in full or one line */
static void
report_words(struct buf *out, const struct drive_run *r, const char *name,
    int attempt, const json_t *root)
{
	drive_diff_escape(text_slice(name), out);
	if (attempt > 0)
		buf_printf(out, ", attempt %d", attempt);
	if (!r->options->quiet) {
		buf_add_char(out, '\n');
		report_full(out, r, name, root);
		buf_add_char(out, '\n');
		return;
	}
	buf_add_str(out, ": ");
	report_str(out, root, "verdict");
	buf_printf(out, " %.2f",
	    json_number_value(json_object_get(root, "score")));
	if (r->reply[0] != '\0')
		buf_add_char(out, ' ');
	report_str(out, root, "reply");
	buf_add_char(out, '\n');
}

/* drive_report - print it */
void
drive_report(const struct drive_run *r, const char *name, int attempt,
    FILE *out)
{
	json_t *root = drive_record(r, name, attempt);
	struct buf text = BUF_INIT;
	char *line;

	if (r->options->json) {
		line = json_dumps(root, JSON_COMPACT | JSON_ENSURE_ASCII |
		    JSON_REAL_PRECISION(15));
		buf_add_str(&text, line);
		buf_add_char(&text, '\n');
		free(line);
	} else {
		report_words(&text, r, name, attempt, root);
	}
	fwrite(text.ptr, 1, text.len, out);
	fflush(out);
	buf_fini(&text);
	json_decref(root);
}
