/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/explain_text.h"

#include <stdio.h>
#include <string.h>

#include "ctl/format.h"

#define COL_VALUE 13 /* where values of the head begin */

/* What a verdict means to the message. */
static const struct {
	const char *word, *meaning;
} verdicts[] = {
	{ "none", "delivered: nobody objected" },
	{ "accept", "delivered: accepted" },
	{ "quarantine", "quarantined" },
	{ "discard", "accepted and dropped" },
	{ "tempfail", "refused for now (4xx)" },
	{ "reject", "refused (5xx)" },
	{ "aborted", "given up by the MTA before a decision" },
};

/* explain_meaning - a verdict in words */
static const char *
explain_meaning(const char *word)
{
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++) {
		if (strcmp(verdicts[i].word, word) == 0)
			return verdicts[i].meaning;
	}
	return word;
}

/* explain_label - the left column of a line */
static void
explain_label(const char *label, struct buf *out)
{
	size_t line = out->len;

	buf_printf(out, "  %s", label);
	format_pad(out, line, COL_VALUE);
}

/* explain_line - label and value, nothing if there is no value */
static void
explain_line(const char *label, const char *value, struct buf *out)
{
	if (value[0] == '\0')
		return;
	explain_label(label, out);
	format_wrap(value, COL_VALUE, out);
}

/* explain_title - the first lines */
static void
explain_title(const json_t *r, struct buf *out)
{
	const char *kind = format_str(r, "kind");
	const char *what = strcmp(kind, "early") == 0 ? "Session" :
	    strcmp(kind, "policy") == 0		      ? "Policy request" :
							"Message";

	buf_printf(out, "%s ", what);
	format_clean(format_str(r, "id"), out);
	buf_add_str(out, ": ");
	format_clean(explain_meaning(format_str(r, "verdict")), out);
	if (strcmp(kind, "early") == 0)
		buf_add_str(out, ", before a message began");
	buf_printf(out, "\n  score %.2f\n", format_real(r, "score"));
	if (format_str(r, "reply")[0] != '\0') {
		buf_add_str(out, format_str(r, "reply")[0] <= '9' ?
			"  the client was told: " : "  the MTA was told: ");
		format_wrap(format_str(r, "reply"), 8, out);
	}
	buf_add_char(out, '\n');
}

/* explain_when - time, and how long it took */
static void
explain_when(const json_t *r, struct buf *out)
{
	struct buf v = BUF_INIT;

	buf_add_str(&v, format_str(r, "time"));
	if (json_object_get(r, "ms") != NULL)
		buf_printf(&v, ", open for %.0f ms", format_real(r, "ms"));
	explain_line("time", buf_str(&v).ptr, out);
	buf_fini(&v);
}

/* explain_client - who it came from, one fact a line */
static void
explain_client(const json_t *c, struct buf *out)
{
	struct buf v = BUF_INIT;

	buf_add_str(&v, format_str(c, "address"));
	if (format_str(c, "name")[0] != '\0')
		buf_printf(&v, " (%s)", format_str(c, "name"));
	explain_line("client", buf_str(&v).ptr, out);
	explain_line("HELO", format_str(c, "helo"), out);
	explain_line("login", format_str(c, "user"), out);
	explain_line("TLS", format_str(c, "tls"), out);
	buf_fini(&v);
}

/* explain_sender - also the null sender is one */
static void
explain_sender(const json_t *r, struct buf *out)
{
	struct buf v = BUF_INIT;

	if (json_object_get(r, "sender") == NULL)
		return;
	buf_printf(&v, "<%s>", format_str(r, "sender"));
	explain_line("from", v.ptr, out);
	buf_fini(&v);
}

/* explain_facts - key = value, one a line */
static void
explain_facts(const json_t *facts, size_t indent, struct buf *out)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)facts, key, v) {
		size_t line = out->len;

		buf_printf(out, "%*s", (int)indent, "");
		format_clean(key, out);
		buf_add_str(out, " = ");
		buf_reserve(out, 1)[0] = '\0';
		format_wrap(json_is_string(v) ? json_string_value(v) : "?",
		    format_width(out->ptr + line), out);
	}
}

/* explain_recipients - each with what became of it */
static void
explain_recipients(const json_t *all, struct buf *out)
{
	size_t i;
	json_t *r;

	json_array_foreach(all, i, r) {
		const json_t *facts = json_object_get(r, "facts");
		size_t line;

		explain_label(i == 0 ? "to" : "", out);
		line = out->len;
		buf_add_char(out, '<');
		format_clean(format_str(r, "address"), out);
		buf_add_char(out, '>');
		format_pad(out, line, 36);
		format_clean(explain_meaning(format_str(r, "verdict")), out);
		if (format_str(r, "kept")[0] != '\0') {
			buf_add_str(out, ", kept as ");
			format_clean(format_str(r, "kept"), out);
		}
		buf_add_char(out, '\n');
		if (facts != NULL)
			explain_facts(facts, COL_VALUE + 4, out);
	}
}

/* explain_about - the recipient or shadow that qualifies a note */
static void
explain_about(const json_t *o, struct buf *out)
{
	if (format_str(o, "recipient")[0] != '\0')
		buf_printf(out, " [only <%s>]", format_str(o, "recipient"));
	if (format_bool(o, "shadow"))
		buf_add_str(out, " [shadow: did not count]");
}

/* explain_findings - score, symbol, module; the evidence below */
static void
explain_findings(const json_t *all, struct buf *out)
{
	size_t i;
	json_t *f;

	if (json_array_size(all) == 0) {
		buf_add_str(out, "\n  Nothing was found.\n");
		return;
	}
	buf_add_str(out, "\n  What was found\n");
	json_array_foreach(all, i, f) {
		struct buf reason = BUF_INIT;
		size_t line = out->len;

		buf_printf(out, "    %+7.2f  ", format_real(f, "score"));
		format_clean(format_str(f, "symbol"), out);
		format_pad(out, line, 40);
		format_clean(format_str(f, "module"), out);
		buf_printf(out, "\n%13s", "");
		buf_add_str(&reason, format_str(f, "reason"));
		explain_about(f, &reason);
		format_wrap(buf_str(&reason).ptr, 13, out);
		buf_fini(&reason);
	}
}

/* explain_opinions - who wanted what, and when */
static void
explain_opinions(const json_t *all, struct buf *out)
{
	size_t i;
	json_t *o;

	if (json_array_size(all) == 0)
		return;
	buf_add_str(out, "\n  Who decided\n");
	json_array_foreach(all, i, o) {
		struct buf text = BUF_INIT;
		size_t line = out->len;

		buf_add_str(out, "    ");
		format_clean(format_str(o, "stage"), out);
		format_pad(out, line, 13);
		format_clean(format_str(o, "module"), out);
		format_pad(out, line, 26);
		format_clean(format_str(o, "verdict"), out);
		format_pad(out, line, 38);
		if (format_str(o, "text")[0] != '\0')
			buf_printf(&text, "\"%s\"", format_str(o, "text"));
		explain_about(o, &text);
		format_wrap(buf_str(&text).ptr, 38, out);
		buf_fini(&text);
		/* nothing to say behind the verdict: no blanks either */
		while (out->len > 1 && out->ptr[out->len - 2] == ' ') {
			out->ptr[out->len - 2] = '\n';
			out->len--;
		}
	}
}

/* explain_unscanned - checks that did not run */
static void
explain_unscanned(const json_t *all, struct buf *out)
{
	size_t i;
	json_t *u;

	if (json_array_size(all) == 0)
		return;
	buf_add_str(out, "\n  What was NOT checked\n");
	json_array_foreach(all, i, u) {
		struct buf text = BUF_INIT;

		buf_add_str(out, "    ");
		buf_printf(&text, "%s at %s: %s", format_str(u, "module"),
		    format_str(u, "stage"), format_str(u, "reason"));
		if (format_str(u, "status")[0] != '\0')
			buf_printf(&text, " (%s)", format_str(u, "status"));
		explain_about(u, &text);
		format_wrap(text.ptr, 8, out);
		buf_fini(&text);
	}
}

/* explain_edit - one edit in words */
static void
explain_edit(const json_t *e, struct buf *text)
{
	const char *kind = format_str(e, "kind");
	const char *name = format_str(e, "name");
	const char *value = format_str(e, "value");

	buf_printf(text, "%s: ", format_str(e, "module"));
	if (strcmp(kind, "body") == 0)
		buf_printf(text, "replace the body by %lld octets",
		    (long long)format_int(e, "octets"));
	else if (strcmp(kind, "header-add") == 0)
		buf_printf(text, "add %s: %s", name, value);
	else if (strcmp(kind, "header-insert") == 0)
		buf_printf(text, "insert at %lld %s: %s",
		    (long long)format_int(e, "n"), name, value);
	else if (strcmp(kind, "header-change") == 0)
		buf_printf(text, "change no. %lld of %s to: %s",
		    (long long)format_int(e, "n"), name, value);
	else if (strcmp(kind, "header-delete") == 0)
		buf_printf(text, "delete no. %lld of %s",
		    (long long)format_int(e, "n"), name);
	else
		buf_printf(text, "%s %s%s%s", kind, name,
		    name[0] != '\0' && value[0] != '\0' ? " " : "", value);
	explain_about(e, text);
}

/* explain_edits - what was changed */
static void
explain_edits(const json_t *all, struct buf *out)
{
	size_t i;
	json_t *e;

	if (json_array_size(all) == 0)
		return;
	buf_add_str(out, "\n  What was changed\n");
	json_array_foreach(all, i, e) {
		struct buf text = BUF_INIT;

		explain_edit(e, &text);
		buf_add_str(out, "    ");
		format_wrap(text.ptr, 8, out);
		buf_fini(&text);
	}
}

/* explain_text - the page */
void
explain_text(const json_t *r, struct buf *out)
{
	struct buf v = BUF_INIT;

	explain_title(r, out);
	explain_when(r, out);
	explain_line("session", format_str(r, "session"), out);
	explain_line("queue id", format_str(r, "queue_id"), out);
	if (format_str(r, "listener")[0] != '\0')
		buf_printf(&v, "%s, %s mail", format_str(r, "listener"),
		    strcmp(format_str(r, "direction"), "out") == 0 ?
			"outgoing" : "incoming");
	explain_line("listener", buf_str(&v).ptr, out);
	explain_client(json_object_get(r, "client"), out);
	explain_sender(r, out);
	explain_recipients(json_object_get(r, "recipients"), out);
	if (format_int(r, "size") > 0) {
		buf_clear(&v);
		format_octets(format_int(r, "size"), &v);
		explain_line("size", v.ptr, out);
	}
	buf_fini(&v);
	explain_findings(json_object_get(r, "findings"), out);
	explain_unscanned(json_object_get(r, "unscanned"), out);
	explain_opinions(json_object_get(r, "opinions"), out);
	explain_edits(json_object_get(r, "edits"), out);
	if (json_object_size(json_object_get(r, "facts")) > 0) {
		buf_add_str(out, "\n  What is known\n");
		explain_facts(json_object_get(r, "facts"), 4, out);
	}
}

/* explain_text_all - several */
void
explain_text_all(const json_t *records, struct buf *out)
{
	size_t i;
	json_t *r;

	json_array_foreach(records, i, r) {
		if (i > 0)
			buf_add_char(out, '\n');
		explain_text(r, out);
	}
}
