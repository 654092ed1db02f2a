/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/trace.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"

#define TRACE_VALUE_MAX 500 /* octets of a value that are shown */

bool trace_on;
static json_t *trace_all, *trace_rule; /* the rule is in the list already */

/* trace_text - octets of mail as JSON, cut and escaped as need be */
static json_t *
trace_text(weir_str s)
{
	char clean[TRACE_VALUE_MAX * 4 + 1];
	size_t n;

	if (s.len > TRACE_VALUE_MAX)
		s.len = TRACE_VALUE_MAX;
	n = text_escape(clean, sizeof(clean), s);
	return json_stringn(clean, n);
}

/* trace_begin - a new mail */
void
trace_begin(void)
{
	json_decref(trace_all);
	trace_all = json_array();
	trace_rule = NULL;
	trace_on = true;
}

/* trace_end - what there was */
json_t *
trace_end(void)
{
	json_t *all = trace_all;

	trace_on = false;
	trace_all = trace_rule = NULL;
	return all;
}

/* trace_rcpt - whom it is about, if it is about one */
static void
trace_rcpt(json_t *o, const struct round *round, uint32_t rcpt)
{
	weir_str address;

	if (rcpt != WEIR_RCPT_NONE && round->rules->host->attr_get(round->call,
	    WEIR_A_RCPT, rcpt, &address) == WEIR_OK)
		json_object_set_new(o, "recipient", trace_text(address));
}

/* trace_new - an entry */
static json_t *
trace_new(const struct round *round, const struct rule *rule)
{
	json_t *o = json_pack("{s:s,s:s,s:i,s:s}", "name", rule->name, "file",
	    rule->file, "line", rule->line, "stage",
	    stage_name(round->stage));

	trace_rcpt(o, round, round->rcpt);
	if (rule->shadow)
		json_object_set_new(o, "shadow", json_true());
	json_array_append_new(trace_all, o);
	return o;
}

/* trace_enter - a rule begins */
void
trace_enter(const struct round *round)
{
	if (!trace_on)
		return;
	trace_rule = trace_new(round, round->rule);
	json_object_set_new(trace_rule, "why", json_array());
	json_object_set_new(trace_rule, "did", json_array());
}

/* trace_leave - it is through */
void
trace_leave(const struct round *round, const struct limit *l, uint64_t ns)
{
	const char *result = "no match";

	if (!trace_on || trace_rule == NULL)
		return;
	if (json_object_get(trace_rule, "error") != NULL)
		result = "failed";
	else if (json_object_get(trace_rule, "matched") != NULL)
		result = "matched";
	else if (round->rule->declare == NULL)
		result = "done";
	json_object_del(trace_rule, "matched");
	json_object_set_new(trace_rule, "result", json_string(result));
	json_object_set_new(trace_rule, "us", json_real((double)ns / 1e3));
	if (l != NULL) {
		json_object_set_new(trace_rule, "instructions",
		    json_integer((json_int_t)l->instructions));
		json_object_set_new(trace_rule, "instructions_max",
		    json_integer((json_int_t)l->max->instructions));
		json_object_set_new(trace_rule, "memory",
		    json_integer((json_int_t)(l->memory > 0 ? l->memory :
			0)));
		json_object_set_new(trace_rule, "memory_max",
		    json_integer((json_int_t)l->max->memory));
		json_object_set_new(trace_rule, "us_max",
		    json_real((double)l->max->time_ns / 1e3));
	}
	trace_rule = NULL;
}

/* trace_skip - it does not run */
void
trace_skip(const struct round *round, const struct rule *rule,
    const char *why)
{
	json_t *o;

	if (!trace_on)
		return;
	o = trace_new(round, rule);
	json_object_set_new(o, "result", json_string("skipped"));
	json_object_set_new(o, "reason", json_string(why));
}

/* trace_match - all slots match, for somebody */
void
trace_match(void)
{
	if (trace_on && trace_rule != NULL)
		json_object_set_new(trace_rule, "matched", json_true());
}

/* trace_slot - this one does not */
void
trace_slot(const struct round *round, const char *slot, weir_str value,
    uint32_t rcpt)
{
	json_t *o;

	if (!trace_on || trace_rule == NULL)
		return;
	o = json_object();
	json_object_set_new(o, "slot", json_string(slot));
	json_object_set_new(o, "value", trace_text(value));
	trace_rcpt(o, round, rcpt);
	json_array_append_new(json_object_get(trace_rule, "why"), o);
}

/* trace_did - a verdict, score, fact or edit */
void
trace_did(const struct round *round, const char *effect, uint32_t rcpt,
    const char *fmt, ...)
{
	struct buf text = BUF_INIT;
	va_list ap;
	json_t *o;

	if (!trace_on || trace_rule == NULL)
		return;
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	o = json_object();
	json_object_set_new(o, "effect", json_string(effect));
	if (text.len > 0)
		json_object_set_new(o, "text", trace_text(buf_str(&text)));
	trace_rcpt(o, round, rcpt);
	json_array_append_new(json_object_get(trace_rule, "did"), o);
	buf_fini(&text);
}

/* trace_fail - it did not end well */
void
trace_fail(const char *why)
{
	if (trace_on && trace_rule != NULL)
		json_object_set_new(trace_rule, "error",
		    trace_text(text_slice(why)));
}
