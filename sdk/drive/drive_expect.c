/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drive_expect.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "drive_diff.h"

/* What can be expected, and of how many words behind it. */
static const struct {
	const char *name;
	unsigned min, max;
} kinds[] = {
	{ "delivered", 0, 0 }, { "verdict", 1, 1 }, { "reply", 1, 99 }, { "stage", 1, 1 },
	{ "score", 1, 1 }, { "rcpt", 2, 99 }, { "symbol", 1, 99 },
	{ "fact", 1, 99 }, { "edit", 1, 99 }, { "unscanned", 1, 99 },
	{ "log", 1, 99 }, { "refused", 1, 99 }, { "store", 2, 3 },
	{ "findings", 1, 1 }, { "edits", 1, 1 }
};

/* expect_no - "expect no ..." */
static size_t
expect_no(const struct case_step *s)
{
	return text_equals(s->words[0], "no") ? 1 : 0;
}

/* drive_expect_is - is it about this */
bool
drive_expect_is(const struct case_step *s, const char *what)
{
	size_t at = expect_no(s);

	return at < s->n && text_equals(s->words[at], what);
}

/* drive_expect_bad - before anything runs */
const char *
drive_expect_bad(const struct case_step *s)
{
	size_t at = expect_no(s);

	if (at >= s->n)
		return "expect what?";
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (!text_equals(s->words[at], kinds[i].name))
			continue;
		if (s->n - at - 1 < kinds[i].min ||
		    s->n - at - 1 > kinds[i].max)
			return "too few or too many words to expect";
		return NULL;
	}
	return "nothing of that name can be expected (delivered, verdict, reply, "
	       "stage, score, rcpt, symbol, findings, fact, edit, edits, unscanned, "
	       "log, refused, store)";
}

/* expect_join - words from one on, with blanks */
static void
expect_join(const struct case_step *s, size_t from, struct buf *out)
{
	buf_reserve(out, 0);
	for (size_t i = from; i < s->n; i++) {
		if (i > from)
			buf_add_char(out, ' ');
		buf_add(out, s->words[i].ptr, s->words[i].len);
	}
}

/* expect_text - a member that is text */
static weir_str
expect_text(const json_t *o, const char *key)
{
	return text_slice(json_string_value(json_object_get(o, key)));
}

/* expect_say - what was there instead */
static bool
expect_say(bool fits, struct buf *why, const char *what, weir_str text)
{
	if (!fits) {
		buf_printf(why, "the %s is \"", what);
		drive_diff_escape(text, why);
		buf_add_char(why, '"');
	}
	return fits;
}

/* expect_number - the same number as it was written */
static bool
expect_number(weir_str text, double is)
{
	char *end;
	double want = strtod(text.ptr, &end);

	return end != text.ptr && *end == '\0' && fabs(want - is) < 0.005;
}

/* expect_symbol - NAME [SCORE] [REASON...] among the findings */
static bool
expect_symbol(const struct case_step *s, size_t at, const json_t *record,
    struct buf *why)
{
	json_t *all = json_object_get(record, "findings"), *f;
	struct buf reason = BUF_INIT;
	bool number, fits = false;
	size_t i;
	char *end;

	number = s->n > at + 1 &&
	    (strtod(s->words[at + 1].ptr, &end), *end == '\0') &&
	    s->words[at + 1].len > 0;
	expect_join(s, at + 1 + number, &reason);
	json_array_foreach (all, i, f) {
		double score = json_number_value(json_object_get(f, "score"));

		if (drive_glob(expect_text(f, "symbol"), s->words[at]) &&
		    (!number || expect_number(s->words[at + 1], score)) &&
		    drive_glob_in(expect_text(f, "reason"), buf_str(&reason)))
			fits = true;
		buf_printf(why, "%s%s %.2f \"", i > 0 ? ", " : "findings: ",
		    expect_text(f, "symbol").ptr, score);
		drive_diff_escape(expect_text(f, "reason"), why);
		buf_add_char(why, '"');
	}
	if (json_array_size(all) == 0)
		buf_add_str(why, "there are no findings");
	buf_fini(&reason);
	return fits;
}

/* expect_is_verdict - none and accept both deliver */
static bool
expect_is_verdict(weir_str is, weir_str want)
{
	return drive_glob(is, want) || (text_equals(want, "delivered") &&
	    (text_equals(is, "none") || text_equals(is, "accept")));
}

/* expect_rcpt - ADDRESS VERDICT [REPLY...] */
static bool
expect_rcpt(const struct case_step *s, size_t at, const json_t *record,
    struct buf *why)
{
	json_t *all = json_object_get(record, "recipients"), *r;
	struct buf reply = BUF_INIT;
	bool fits = false;
	size_t i;

	expect_join(s, at + 2, &reply);
	json_array_foreach (all, i, r) {
		if (drive_glob(expect_text(r, "address"), s->words[at]) &&
		    expect_is_verdict(expect_text(r, "verdict"),
			s->words[at + 1]) &&
		    drive_glob_in(expect_text(r, "reply"), buf_str(&reply)))
			fits = true;
		buf_add_str(why, i > 0 ? ", " : "recipients: ");
		drive_diff_escape(expect_text(r, "address"), why);
		buf_printf(why, " %s ", expect_text(r, "verdict").ptr);
		drive_diff_escape(expect_text(r, "reply"), why);
	}
	buf_fini(&reply);
	return fits;
}

/* expect_fact_in - KEY [VALUE...] in one object of facts */
static bool
expect_fact_in(json_t *facts, weir_str key, weir_str value, struct buf *why)
{
	bool fits = false;
	const char *k;
	json_t *v;

	json_object_foreach (facts, k, v) {
		weir_str is = text_slice(json_string_value(v));

		if (drive_glob(text_slice(k), key) &&
		    (value.len == 0 || drive_glob(is, value)))
			fits = true;
		buf_printf(why, "%s%s = ", why->len > 0 ? ", " : "facts: ", k);
		drive_diff_escape(is, why);
	}
	return fits;
}

/* expect_fact - of the message or of any recipient */
static bool
expect_fact(const struct case_step *s, size_t at, const json_t *record,
    struct buf *why)
{
	json_t *all = json_object_get(record, "recipients"), *r;
	struct buf value = BUF_INIT;
	size_t i, from = at + 1;
	bool fits;

	if (from < s->n && text_equals(s->words[from], "="))
		from++;
	expect_join(s, from, &value);
	fits = expect_fact_in(json_object_get(record, "facts"), s->words[at],
	    buf_str(&value), why);
	json_array_foreach (all, i, r)
		fits |= expect_fact_in(json_object_get(r, "facts"),
		    s->words[at], buf_str(&value), why);
	if (why->len == 0)
		buf_add_str(why, "there are no facts");
	buf_fini(&value);
	return fits;
}

/* expect_edit_text - one request as words: KIND NAME [VALUE] */
static void
expect_edit_text(const json_t *e, struct buf *out)
{
	weir_str name = expect_text(e, "name");
	weir_str value = expect_text(e, "value");

	buf_add_str(out, expect_text(e, "kind").ptr);
	if (name.len > 0)
		buf_printf(out, " %s", name.ptr);
	if (value.len > 0)
		buf_printf(out, " %s", text_trim(value).ptr);
}

/* expect_edit - words somewhere in one of the requests */
static bool
expect_edit(const struct case_step *s, size_t at, const json_t *record,
    struct buf *why)
{
	json_t *all = json_object_get(record, "edits"), *e;
	struct buf want = BUF_INIT;
	bool fits = false;
	size_t i;

	expect_join(s, at, &want);
	json_array_foreach (all, i, e) {
		struct buf is = BUF_INIT;

		expect_edit_text(e, &is);
		fits |= drive_glob_in(buf_str(&is), buf_str(&want));
		buf_add_str(why, i > 0 ? "; " : "edits: ");
		drive_diff_escape(buf_str(&is), why);
		buf_fini(&is);
	}
	if (json_array_size(all) == 0)
		buf_printf(why, "there are no edits; the mail ended at %s with "
		    "verdict %s", expect_text(record, "stage").ptr,
		    expect_text(record, "verdict").ptr);
	buf_fini(&want);
	return fits;
}

/* expect_unscanned - MODULE [REASON...] */
static bool
expect_unscanned(const struct case_step *s, size_t at, const json_t *record,
    struct buf *why)
{
	json_t *all = json_object_get(record, "unscanned"), *u;
	struct buf want = BUF_INIT;
	bool fits = false;
	size_t i;

	expect_join(s, at + 1, &want);
	json_array_foreach (all, i, u) {
		struct buf is = BUF_INIT;

		buf_printf(&is, "%s %s", expect_text(u, "status").ptr,
		    expect_text(u, "reason").ptr);
		if (drive_glob(expect_text(u, "module"), s->words[at]) &&
		    drive_glob_in(buf_str(&is), buf_str(&want)))
			fits = true;
		buf_printf(why, "%s%s ", i > 0 ? ", " : "unscanned: ",
		    expect_text(u, "module").ptr);
		drive_diff_escape(buf_str(&is), why);
		buf_fini(&is);
	}
	if (json_array_size(all) == 0)
		buf_add_str(why, "all checks ran");
	buf_fini(&want);
	return fits;
}

/* expect_count - how many findings or edits there are */
static bool
expect_count(const char *key, weir_str want, const json_t *record,
    struct buf *why)
{
	size_t is = json_array_size(json_object_get(record, key));
	bool fits = expect_number(want, (double)is);

	if (!fits)
		buf_printf(why, "there are %zu %s", is, key);
	return fits;
}

/* expect_plain - what is one text or number of the record */
static bool
expect_plain(const struct case_step *s, size_t at, const json_t *record,
    weir_str log, struct buf *why)
{
	weir_str kind = s->words[at - 1], is;
	struct buf want = BUF_INIT;
	bool fits;

	expect_join(s, at, &want);
	if (text_equals(kind, "score")) {
		double score = json_number_value(json_object_get(record,
		    "score"));

		fits = expect_number(buf_str(&want), score);
		if (!fits)
			buf_printf(why, "the score is %.2f", score);
	} else if (text_equals(kind, "log")) {
		fits = drive_glob_in(log, buf_str(&want));
		if (!fits)
			buf_add_str(why, "no log line says so");
	} else if (text_equals(kind, "reply")) {
		is = expect_text(record, "reply");
		fits = expect_say(drive_glob_in(is, buf_str(&want)), why,
		    "reply", is);
	} else if (text_equals(kind, "delivered")) {
		is = expect_text(record, "verdict");
		fits = expect_say(expect_is_verdict(is, kind), why, "verdict",
		    is);
	} else {
		is = expect_text(record, kind.ptr);
		fits = expect_say(drive_glob(is, buf_str(&want)), why,
		    kind.ptr, is);
	}
	buf_fini(&want);
	return fits;
}

/* drive_expect - one expectation */
bool
drive_expect(const struct case_step *s, const json_t *record, weir_str log,
    struct buf *why)
{
	size_t no = expect_no(s), at = no + 1;
	bool fits;

	if (drive_expect_is(s, "symbol"))
		fits = expect_symbol(s, at, record, why);
	else if (drive_expect_is(s, "rcpt"))
		fits = expect_rcpt(s, at, record, why);
	else if (drive_expect_is(s, "fact"))
		fits = expect_fact(s, at, record, why);
	else if (drive_expect_is(s, "edit"))
		fits = expect_edit(s, at, record, why);
	else if (drive_expect_is(s, "unscanned"))
		fits = expect_unscanned(s, at, record, why);
	else if (drive_expect_is(s, "findings"))
		fits = expect_count("findings", s->words[at], record, why);
	else if (drive_expect_is(s, "edits"))
		fits = expect_count("edits", s->words[at], record, why);
	else
		fits = expect_plain(s, at, record, log, why);
	if (no > 0 && fits && why->len == 0)
		buf_add_str(why, "it is so");
	return fits != (no > 0);
}
