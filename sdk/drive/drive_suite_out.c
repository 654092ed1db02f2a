/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drive_suite_out.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "drive_diff.h"

/* suite_failures - how many */
size_t
suite_failures(const struct suite_result *r)
{
	return json_array_size(json_object_get(r->json, "failures"));
}

/* out_lines - each line behind a mark, safe to print */
static void
out_lines(struct buf *out, const char *mark, weir_str text)
{
	while (text.len > 0) {
		const char *lf = memchr(text.ptr, '\n', text.len);
		size_t n = lf != NULL ? (size_t)(lf - text.ptr) : text.len;

		buf_add_str(out, mark);
		drive_diff_escape((weir_str){ text.ptr, n }, out);
		buf_add_char(out, '\n');
		n += lf != NULL;
		text.ptr += n;
		text.len -= n;
	}
}

/* out_failures - FILE:LINE: what, and what it said */
static void
out_failures(struct buf *out, const char *mark, const struct suite_result *r)
{
	json_t *all = json_object_get(r->json, "failures"), *f;
	weir_str log = text_slice(json_string_value(json_object_get(r->json,
	    "log")));
	size_t i;

	json_array_foreach (all, i, f) {
		struct buf line = BUF_INIT;

		buf_printf(&line, "%s:%s", r->file, json_string_value(f));
		out_lines(out, mark, buf_str(&line));
		buf_fini(&line);
	}
	if (json_array_size(all) == 0)
		return;
	if (r->seed != 0) {
		buf_add_str(out, mark);
		buf_printf(out, "seed %llu\n", (unsigned long long)r->seed);
	}
	out_lines(out, mark, buf_str(&r->said));
	out_lines(out, mark, log);
}

/* out_title - safe to print */
static void
out_title(struct buf *out, const struct suite_result *r)
{
	drive_diff_escape(r->c->title, out);
}

/* out_notes - what the odd modes counted */
static void
out_notes(struct buf *out, const struct suite_result *r)
{
	json_t *passes = json_object_get(r->json, "passes");
	json_t *heap = json_object_get(r->json, "heap_growth");

	if (r->rounds > 1)
		buf_printf(out, ", %u seeds", r->rounds);
	if (passes != NULL)
		buf_printf(out, ", %lld passes",
		    (long long)json_integer_value(passes));
	if (json_integer_value(json_object_get(r->json, "steps")) > 0)
		buf_printf(out, ", disconnected at %lld steps",
		    (long long)json_integer_value(json_object_get(r->json,
			"steps")));
	if (heap != NULL)
		buf_printf(out, ", heap %.0f octets a pass",
		    json_real_value(heap));
}

/* out_costs - the timing table of a case's mails */
static void
out_costs(struct buf *out, const struct suite_result *r)
{
	json_t *mails = json_object_get(r->json, "mails"), *mail;
	size_t i;

	json_array_foreach (mails, i, mail) {
		json_t *costs = json_object_get(mail, "costs"), *c;
		const char *stage;

		buf_printf(out, "     mail %zu       ms      cpu     wait "
		    "lookups  jobs  stores  others\n", i + 1);
		json_object_foreach (costs, stage, c)
			buf_printf(out, "     %-8s %8.3f %8.3f %8.3f %7lld "
			    "%5lld %7lld %7lld\n", stage,
			    json_real_value(json_object_get(c, "ms")),
			    json_real_value(json_object_get(c, "cpu_ms")),
			    json_real_value(json_object_get(c, "wait_ms")),
			    (long long)json_integer_value(
				json_object_get(c, "lookups")),
			    (long long)json_integer_value(
				json_object_get(c, "jobs")),
			    (long long)json_integer_value(
				json_object_get(c, "stores")),
			    (long long)json_integer_value(
				json_object_get(c, "others")));
	}
}

/* out_text - for people */
static void
out_text(const struct suite_out *out, const struct suite_result *r,
    struct buf *b)
{
	bool ok = suite_failures(r) == 0;

	if (ok && out->o->quiet)
		return;
	buf_add_str(b, ok ? "ok   " : "FAIL ");
	out_title(b, r);
	out_notes(b, r);
	buf_add_char(b, '\n');
	out_failures(b, "     ", r);
	if (out->o->timing)
		out_costs(b, r);
}

/* out_tap - Test Anything Protocol 13 */
static void
out_tap(const struct suite_out *out, const struct suite_result *r,
    struct buf *b)
{
	struct buf title = BUF_INIT;

	out_title(&title, r);
	buf_printf(b, "%sok %u - ", suite_failures(r) == 0 ? "" : "not ",
	    out->cases);
	/* '#' begins a directive */
	for (size_t i = 0; i < title.len; i++) {
		if (title.ptr[i] == '#')
			buf_add_char(b, '\\');
		buf_add_char(b, title.ptr[i]);
	}
	buf_add_char(b, '\n');
	out_failures(b, "# ", r);
	if (out->o->timing) {
		struct buf costs = BUF_INIT;

		out_costs(&costs, r);
		out_lines(b, "#", buf_str(&costs));
		buf_fini(&costs);
	}
	buf_fini(&title);
}

/* out_xml - text as XML has it */
static void
out_xml(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		switch (*s) {
		case '<':
			buf_add_str(b, "&lt;");
			break;
		case '>':
			buf_add_str(b, "&gt;");
			break;
		case '&':
			buf_add_str(b, "&amp;");
			break;
		case '"':
			buf_add_str(b, "&quot;");
			break;
		default:
			buf_add_char(b, *s);
		}
	}
}

/* out_junit - kept until the numbers are known */
static void
out_junit(struct suite_out *out, const struct suite_result *r)
{
	struct buf text = BUF_INIT, *b = &out->junit;

	out_title(&text, r);
	buf_add_str(b, "  <testcase classname=\"");
	out_xml(b, r->file);
	buf_add_str(b, "\" name=\"");
	out_xml(b, buf_str(&text).ptr);
	buf_printf(b, "\" time=\"%.3f\"", (double)r->ns / 1e9);
	buf_clear(&text);
	if (suite_failures(r) > 0) {
		buf_add_str(b, ">\n    <failure>");
		out_failures(&text, "", r);
		out_xml(b, buf_str(&text).ptr);
		buf_add_str(b, "</failure>\n  </testcase>\n");
	} else {
		buf_add_str(b, "/>\n");
	}
	buf_fini(&text);
}

/* out_json - a line for each case */
static void
out_json(const struct suite_result *r, struct buf *b)
{
	json_t *o = json_object();
	char *line;

	json_object_set_new(o, "file", json_string(r->file));
	json_object_set_new(o, "line", json_integer(r->c->line));
	json_object_set_new(o, "case", json_stringn(r->c->title.ptr,
	    r->c->title.len));
	json_object_set_new(o, "ok", json_boolean(suite_failures(r) == 0));
	json_object_set_new(o, "rounds", json_integer(r->rounds));
	if (r->seed != 0)
		json_object_set_new(o, "seed",
		    json_integer((json_int_t)r->seed));
	json_object_update(o, r->json);
	json_object_set_new(o, "ms", json_real((double)(r->ns / 1000) / 1e3));
	line = json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII |
	    JSON_REAL_PRECISION(15));
	buf_add_str(b, line);
	buf_add_char(b, '\n');
	free(line);
	json_decref(o);
}

/* suite_out_begin - nothing has run yet */
void
suite_out_begin(struct suite_out *out, const struct drive_options *o,
    FILE *file)
{
	memset(out, 0, sizeof(*out));
	out->o = o;
	out->file = file;
	if (o->tap)
		fputs("TAP version 13\n", file);
}

/* suite_out_case - one more */
void
suite_out_case(struct suite_out *out, const struct suite_result *r)
{
	struct buf b = BUF_INIT;

	out->cases++;
	out->failed += suite_failures(r) > 0;
	out->ns += r->ns;
	if (out->o->tap)
		out_tap(out, r, &b);
	else if (out->o->junit)
		out_junit(out, r);
	else if (out->o->json)
		out_json(r, &b);
	else
		out_text(out, r, &b);
	if (b.len > 0)
		fwrite(b.ptr, 1, b.len, out->file);
	fflush(out->file);
	buf_fini(&b);
}

/* suite_out_end - the sum of it */
int
suite_out_end(struct suite_out *out)
{
	if (out->o->tap)
		fprintf(out->file, "1..%u\n", out->cases);
	else if (out->o->junit)
		fprintf(out->file, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		    "<testsuite name=\"weir-drive\" tests=\"%u\" "
		    "failures=\"%u\" time=\"%.3f\">\n%s</testsuite>\n",
		    out->cases, out->failed, (double)out->ns / 1e9,
		    buf_str(&out->junit).ptr);
	else if (!out->o->json)
		fprintf(out->file, "%u %s, %u failed\n", out->cases,
		    out->cases == 1 ? "case" : "cases", out->failed);
	buf_fini(&out->junit);
	if (out->cases == 0)
		fputs("weir-drive: no case was run\n", stderr);
	if (fflush(out->file) != 0 || ferror(out->file)) {
		fputs("weir-drive: can't write the results\n", stderr);
		return 1;
	}
	return out->failed > 0 || out->cases == 0;
}
