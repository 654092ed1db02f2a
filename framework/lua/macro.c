/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/macro.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "lua/disclaimer.h"

#define MACRO_VALUE_MAX 4096
#define MACRO_STARS_MAX 100

typedef void macro_fn(const struct macro_context *, struct buf *);

static void macro_clean(struct buf *out, size_t from);

/* macro_attr - an attribute */
static void
macro_attr(const struct macro_context *c, uint32_t attr, struct buf *out)
{
	weir_str v;

	if (c->round->rules->host->attr_get(c->round->call, attr,
	    WEIR_RCPT_NONE, &v) == WEIR_OK)
		buf_add(out, v.ptr, v.len);
}

static void
macro_sender(const struct macro_context *c, struct buf *out)
{
	macro_attr(c, WEIR_A_SENDER, out);
}

static void
macro_sender_ip(const struct macro_context *c, struct buf *out)
{
	macro_attr(c, WEIR_A_CLIENT_ADDR, out);
}

static void
macro_fqdn(const struct macro_context *c, struct buf *out)
{
	macro_attr(c, WEIR_A_SERVER_NAME, out);
}

/* macro_host - its first label */
static void
macro_host(const struct macro_context *c, struct buf *out)
{
	size_t from = out->len;
	char *dot;

	macro_fqdn(c, out);
	dot = out->len > from ? memchr(out->ptr + from, '.', out->len - from) :
				NULL;
	if (dot != NULL)
		out->len = (size_t)(dot - out->ptr);
}

/* macro_domain - what is behind its first label */
static void
macro_domain(const struct macro_context *c, struct buf *out)
{
	struct buf name = BUF_INIT;
	char *dot;

	macro_fqdn(c, &name);
	dot = name.len > 0 ? memchr(name.ptr, '.', name.len) : NULL;
	if (dot != NULL)
		buf_add(out, dot + 1, name.len - (size_t)(dot + 1 - name.ptr));
	buf_fini(&name);
}

/* macro_address - one more in a list */
static void
macro_address(const struct macro_context *c, uint32_t rcpt, bool *first,
    struct buf *out)
{
	weir_str a = view_rcpt(c->view, rcpt);

	if (a.len == 0 || out->len > MACRO_VALUE_MAX)
		return;
	if (!*first)
		buf_add_str(out, ", ");
	*first = false;
	buf_add(out, a.ptr, a.len);
}

static void
macro_receivers(const struct macro_context *c, struct buf *out)
{
	uint32_t n = c->round->rules->host->rcpt_count(c->round->call);
	bool first = true;

	for (uint32_t i = 0; i < n; i++)
		macro_address(c, i, &first, out);
}

/* macro_targets - only whom this rule matched, never the others */
static void
macro_targets(const struct macro_context *c, struct buf *out)
{
	bool first = true;

	for (uint32_t i = 0; i < c->ntargets; i++)
		macro_address(c, c->targets[i], &first, out);
}

static void
macro_admin(const struct macro_context *c, struct buf *out)
{
	buf_add_str(out, c->round->rules->admin);
}

static void
macro_subject(const struct macro_context *c, struct buf *out)
{
	weir_str v;

	if (view_field(c->view, "Subject", 0, &v))
		buf_add(out, v.ptr, v.len);
	else
		buf_add_str(out, "No Subject");
}

/* macro_msgid - the last one */
static void
macro_msgid(const struct macro_context *c, struct buf *out)
{
	weir_str v = WEIR_STR("");

	for (uint32_t i = 0; view_field(c->view, "Message-ID", i, &v); i++)
		;
	v = text_trim(v);
	buf_add(out, v.ptr, v.len);
}

static void
macro_rule(const struct macro_context *c, struct buf *out)
{
	buf_add_str(out, c->round->rule->name);
}

static void
macro_rule_info(const struct macro_context *c, struct buf *out)
{
	if (c->info != NULL && c->info->len > 0)
		buf_add(out, c->info->ptr, c->info->len);
}

static void
macro_virus_info(const struct macro_context *c, struct buf *out)
{
	weir_str v;

	if (c->round->rules->host->fact_get(c->round->call, WEIR_RCPT_NONE,
	    "antivirus.virus", &v) == WEIR_OK)
		buf_add(out, v.ptr, v.len);
}

/* macro_score - of the first target */
static double
macro_score(const struct macro_context *c)
{
	return view_score(c->view, c->ntargets > 0 ? c->targets[0] :
						     WEIR_RCPT_NONE);
}

static void
macro_spamlevel(const struct macro_context *c, struct buf *out)
{
	buf_printf(out, "%.1f", macro_score(c));
}

static void
macro_spamstars(const struct macro_context *c, struct buf *out)
{
	double score = macro_score(c);

	for (int i = 1; i <= MACRO_STARS_MAX && score >= i; i++)
		buf_add_char(out, '*');
}

/* macro_findings - symbols and scores; info: with reasons */
static void
macro_findings(const struct macro_context *c, bool info, struct buf *out)
{
	const struct weir_host *h = c->round->rules->host;
	uint32_t n = h->finding_count(c->round->call);
	struct weir_finding f = { .size = sizeof(f) };
	size_t begin = out->len, from;

	for (uint32_t i = 0; i < n && out->len < begin + MACRO_VALUE_MAX &&
	     h->finding_at(c->round->call, i, &f) == WEIR_OK; i++) {
		if (f.rcpt != WEIR_RCPT_NONE &&
		    (c->ntargets == 0 || f.rcpt != c->targets[0]))
			continue;
		from = out->len;
		if (info && c->lines) {
			buf_printf(out, "%6.1f  %-20.*s  %.*s", f.score,
			    (int)f.symbol.len, f.symbol.ptr,
			    (int)f.reason.len, f.reason.ptr);
			macro_clean(out, from);
			buf_add_char(out, '\n');
			continue;
		}
		if (from > begin)
			buf_add_str(out, info ? "; " : ", ");
		if (info)
			buf_printf(out, "%.1f %.*s %.*s", f.score,
			    (int)f.symbol.len, f.symbol.ptr,
			    (int)f.reason.len, f.reason.ptr);
		else
			buf_printf(out, "%.*s=%.1f", (int)f.symbol.len,
			    f.symbol.ptr, f.score);
	}
}

static void
macro_spam_info(const struct macro_context *c, struct buf *out)
{
	macro_findings(c, true, out);
}

static void
macro_spam_hits(const struct macro_context *c, struct buf *out)
{
	macro_findings(c, false, out);
}

static void
macro_version(const struct macro_context *c, struct buf *out)
{
	buf_add_str(out, c->round->rules->host->version);
}

/* macro_filename - of the parts that matched; where none was asked for,
   of the first part with a name */
static void
macro_filename(const struct macro_context *c, struct buf *out)
{
	bool marked = c->parts != NULL && c->parts->parts;
	size_t begin = out->len;
	weir_str name;

	if (c->round->rule->content < RULE_BODY)
		return;
	for (uint32_t i = 0; i < view_parts(c->view) &&
	     out->len < begin + MACRO_VALUE_MAX; i++) {
		if ((marked && !mark_has(c->parts, i)) ||
		    !view_part_name(c->view, i, 0, &name))
			continue;
		if (out->len > begin)
			buf_add_str(out, ", ");
		buf_add(out, name.ptr, name.len);
		if (!marked)
			return;
	}
}

static const struct {
	const char *name;
	macro_fn *fn;
} macro_table[] = {
	{ "__SENDER__", macro_sender }, { "__SENDER_IP__", macro_sender_ip },
	{ "__RECEIVERS__", macro_receivers }, { "__ADMIN__", macro_admin },
	{ "__TARGETS__", macro_targets }, { "__SUBJECT__", macro_subject },
	{ "__MSGID__", macro_msgid }, { "__RULE__", macro_rule },
	{ "__RULE_INFO__", macro_rule_info },
	{ "__VIRUS_INFO__", macro_virus_info },
	{ "__SPAMLEVEL__", macro_spamlevel },
	{ "__SPAM_INFO__", macro_spam_info },
	{ "__SPAM_HITS__", macro_spam_hits },
	{ "__SPAMSTARS__", macro_spamstars },
	{ "__VERSION__", macro_version }, { "__FILENAME__", macro_filename },
	{ "__HOST__", macro_host }, { "__DOMAIN__", macro_domain },
	{ "__FQDN__", macro_fqdn },
};

/* macro_name - the i-th */
const char *
macro_name(size_t i)
{
	return i < sizeof(macro_table) / sizeof(macro_table[0]) ?
	    macro_table[i].name : NULL;
}

/* macro_clean - control characters of a value become blanks */
static void
macro_clean(struct buf *out, size_t from)
{
	if (out->len > from + MACRO_VALUE_MAX)
		out->len = from + MACRO_VALUE_MAX;
	for (size_t i = from; i < out->len; i++) {
		unsigned char c = (unsigned char)out->ptr[i];

		if (c < ' ' || c == 0x7f)
			out->ptr[i] = ' ';
	}
}

/* macro_escape - a value as HTML text, in place */
static void
macro_escape(struct buf *out, size_t from)
{
	struct buf html = BUF_INIT;

	disclaimer_to_html((weir_str){ out->ptr + from, out->len - from },
	    &html);
	out->len = from;
	buf_add(out, html.ptr, html.len);
	buf_fini(&html);
}

/* macro_run - once from left to right */
static void
macro_run(const struct macro_context *c, const char *text, bool html,
    struct buf *out)
{
	while (*text != '\0') {
		size_t i = 0, n = sizeof(macro_table) / sizeof(macro_table[0]);
		size_t from = out->len;

		while (i < n && (*text != '_' ||
		    strncmp(text, macro_table[i].name,
			strlen(macro_table[i].name)) != 0))
			i++;
		if (i == n) {
			buf_add_char(out, *text++);
			continue;
		}
		macro_table[i].fn(c, out);
		if (!c->lines || macro_table[i].fn != macro_spam_info)
			macro_clean(out, from);
		if (html && out->len > from)
			macro_escape(out, from);
		text += strlen(macro_table[i].name);
	}
}

/* macro_expand - as text */
void
macro_expand(const struct macro_context *c, const char *text, struct buf *out)
{
	macro_run(c, text, false, out);
}

/* macro_expand_html - as HTML */
weir_str
macro_expand_html(const struct macro_context *c, const char *text,
    struct buf *out)
{
	macro_run(c, text, true, out);
	return buf_str(out);
}
