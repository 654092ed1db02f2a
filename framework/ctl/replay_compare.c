/* SPDX-License-Identifier: GPL-2.0-or-later */
/* replay_compare - what a decision was, what it would be, and why. */
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "ctl/format.h"
#include "ctl/weirctl_replay.h"
#include "replay/play.h"

#define GOES_ON "goes on"

/* compare_text - octets from outside as JSON */
static json_t *
compare_text(weir_str s)
{
	json_t *j = json_stringn(s.ptr, s.len);
	char clean[4096];

	return j != NULL ? j :
	    json_stringn(clean, text_escape(clean, sizeof(clean), s));
}

/* replay_fates - recipients, or the session alone */
size_t
replay_fates(const struct replay *r)
{
	return r->was->rcpts.n > 0 ? r->was->rcpts.n : 1;
}

/* compare_is_refusal - does the story end with it */
static bool
compare_is_refusal(uint32_t action)
{
	return action == WEIR_ACT_TEMPFAIL || action == WEIR_ACT_REJECT;
}

/* replay_fate - of one */
void
replay_fate(const struct replay *r, size_t i, struct replay_fate *out)
{
	uint32_t was, now;

	memset(out, 0, sizeof(*out));
	out->rcpt = out->rcpt_now = WEIR_RCPT_NONE;
	out->address = text_slice("");
	if (r->was->rcpts.n == 0) {
		was = r->was->action;
		now = r->now->action;
	} else {
		const struct drive_rcpt *d = &r->rcpts.v[i];

		out->address = r->was->rcpts.v[i].address;
		out->rcpt = (uint32_t)i;
		was = r->was->rcpts.v[i].action;
		now = d->action;
		if (d->index < r->now->rcpts.n) {
			out->rcpt_now = d->index;
			now = r->now->rcpts.v[d->index].action;
		}
	}
	if (was == WEIR_ACT_NONE)
		was = WEIR_ACT_ACCEPT;
	if (now == WEIR_ACT_NONE)
		now = WEIR_ACT_ACCEPT;
	out->old_verdict = action_name((int)was);
	out->new_verdict = action_name((int)now);
	/* what was refused here and is not now has a future nobody knows */
	if (r->stopped && compare_is_refusal(was) && !compare_is_refusal(now))
		out->new_verdict = GOES_ON;
	out->differs = strcmp(out->old_verdict, out->new_verdict) != 0;
}

/* compare_applies - is the note about this recipient, or about all */
static bool
compare_applies(const struct tape_note *n, uint32_t rcpt)
{
	return !n->shadow && (n->rcpt == WEIR_RCPT_NONE || n->rcpt == rcpt);
}

/* compare_side - verdict, who stated it, score */
static json_t *
compare_side(const struct tape *t, uint32_t rcpt, const char *verdict)
{
	json_t *o = json_pack("{s:s}", "verdict", verdict);
	const struct tape_note *best = NULL;
	double score = 0;

	for (size_t i = 0; i < t->opinions.n; i++) {
		const struct tape_note *n = &t->opinions.v[i];

		if (compare_applies(n, rcpt) &&
		    (best == NULL || n->action > best->action))
			best = n;
	}
	for (size_t i = 0; i < t->findings.n; i++) {
		if (compare_applies(&t->findings.v[i], rcpt))
			score += t->findings.v[i].score;
	}
	if (best != NULL && best->action > WEIR_ACT_NONE) {
		json_object_set_new(o, "by", best->module.len > 0 ?
			compare_text(best->module) : json_string("weir"));
		json_object_set_new(o, "text", compare_text(best->text));
		json_object_set_new(o, "stage",
		    json_string(stage_name(best->stage)));
	}
	json_object_set_new(o, "score", json_real(score));
	return o;
}

/* compare_score - what a symbol counts for this recipient */
static double
compare_score(const struct tape *t, weir_str symbol, uint32_t rcpt)
{
	double sum = 0;

	for (size_t i = 0; i < t->findings.n; i++) {
		const struct tape_note *n = &t->findings.v[i];

		if (compare_applies(n, rcpt) && text_equals(n->name,
		    symbol.ptr))
			sum += n->score;
	}
	return sum;
}

/* compare_symbols - those of one side that differ and are not listed yet */
static void
compare_symbols(json_t *all, const struct tape *side,
    const struct replay *r, const struct replay_fate *f)
{
	for (size_t i = 0; i < side->findings.n; i++) {
		weir_str symbol = side->findings.v[i].name;
		double was = compare_score(r->was, symbol, f->rcpt);
		double now = compare_score(r->now, symbol, f->rcpt_now);
		bool listed = fabs(was - now) < 1e-9;
		json_t *o;
		size_t k;

		json_array_foreach(all, k, o)
			listed |= text_equals(symbol,
			    format_str(o, "symbol"));
		if (!listed)
			json_array_append_new(all, json_pack("{s:o,s:f,s:f}",
			    "symbol", compare_text(symbol), "old", was, "new",
			    now));
	}
}

/* compare_doubts - why it is uncertain */
static json_t *
compare_doubts(void)
{
	json_t *all = json_array();

	for (int i = 0; i < PLAY_REASONS; i++) {
		const char *about;

		if (play_is_uncertain((enum play_reason)i, &about))
			json_array_append_new(all, json_pack("{s:s,s:o}",
			    "reason", play_reasons[i], "about",
			    compare_text(text_slice(about))));
	}
	return all;
}

/* replay_json - all of it */
json_t *
replay_json(const struct replay *r, const struct replay_fate *f)
{
	json_t *o = json_object(), *findings = json_array();
	const struct tape *t = r->was;
	char when[32], client[IP_TEXT_MAX] = "";

	text_time(when, t->time_ms);
	if (t->client.len != 0)
		ip_print(&t->client, client);
	json_object_set_new(o, "id", compare_text(t->id));
	json_object_set_new(o, "queue_id", compare_text(t->queue_id));
	json_object_set_new(o, "time", json_string(when));
	json_object_set_new(o, "client", json_string(client));
	json_object_set_new(o, "sender", compare_text(t->sender));
	json_object_set_new(o, "recipient", compare_text(f->address));
	json_object_set_new(o, "differs", json_boolean(f->differs));
	json_object_set_new(o, "old", compare_side(t, f->rcpt,
	    f->old_verdict));
	json_object_set_new(o, "new", compare_side(r->now, f->rcpt_now,
	    f->new_verdict));
	if (strcmp(f->new_verdict, GOES_ON) == 0)
		json_object_set_new(o, "recorded_to",
		    json_string(stage_name(t->stage)));
	compare_symbols(findings, r->was, r, f);
	compare_symbols(findings, r->now, r, f);
	json_object_set_new(o, "findings", findings);
	json_object_set_new(o, "uncertain", compare_doubts());
	return o;
}

/* compare_line - one side for people */
static void
compare_line(const json_t *decision, const char *key, struct buf *out)
{
	const json_t *o = json_object_get(decision, key);

	buf_printf(out, "    %s  %s", key, format_str(o, "verdict"));
	buf_printf(out, ", score %.2f", format_real(o, "score"));
	if (format_str(o, "by")[0] != '\0') {
		buf_add_str(out, ", ");
		format_clean(format_str(o, "by"), out);
		buf_printf(out, " at %s", format_str(o, "stage"));
		if (format_str(o, "text")[0] != '\0') {
			buf_add_str(out, ": ");
			format_clean(format_str(o, "text"), out);
		}
	}
	buf_add_char(out, '\n');
}

/* replay_text - for people */
void
replay_text(const json_t *d, struct buf *out)
{
	json_t *o;
	size_t i;

	buf_printf(out, "%s  %s -> %s  ", format_str(d, "id"),
	    format_str(json_object_get(d, "old"), "verdict"),
	    format_str(json_object_get(d, "new"), "verdict"));
	format_clean(format_str(d, "recipient"), out);
	buf_printf(out, "\n    %s from %s, sender ", format_str(d, "time"),
	    format_str(d, "client"));
	format_clean(format_str(d, "sender"), out);
	if (format_str(d, "queue_id")[0] != '\0') {
		buf_add_str(out, ", queue id ");
		format_clean(format_str(d, "queue_id"), out);
	}
	buf_add_char(out, '\n');
	compare_line(d, "old", out);
	compare_line(d, "new", out);
	json_array_foreach(json_object_get(d, "findings"), i, o) {
		buf_add_str(out, "    ");
		format_clean(format_str(o, "symbol"), out);
		buf_printf(out, " %.2f -> %.2f\n", format_real(o, "old"),
		    format_real(o, "new"));
	}
	if (json_object_get(d, "recorded_to") != NULL)
		buf_printf(out, "    nothing was recorded behind %s\n",
		    format_str(d, "recorded_to"));
	json_array_foreach(json_object_get(d, "uncertain"), i, o) {
		buf_printf(out, "    uncertain: %s", format_str(o, "reason"));
		if (format_str(o, "about")[0] != '\0') {
			buf_add_str(out, ": ");
			format_clean(format_str(o, "about"), out);
		}
		buf_add_char(out, '\n');
	}
}
