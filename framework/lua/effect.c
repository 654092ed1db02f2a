/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/effect_int.h"

#include <stdio.h>
#include <string.h>

#include "lua/trace.h"

#define EFFECT_EDITS_MAX 1000
#define EFFECT_SCORE_SYMBOL 0 /* row of the module's symbols */

const char *const rule_effects[EFFECT_COUNT] = {
	[EFFECT_ACCEPT] = "accept", [EFFECT_QUARANTINE] = "quarantine",
	[EFFECT_DISCARD] = "discard", [EFFECT_TEMPFAIL] = "tempfail",
	[EFFECT_REJECT] = "reject", [EFFECT_SCORE] = "score",
	[EFFECT_FACT] = "fact", [EFFECT_EDIT] = "edit",
	[EFFECT_NOTIFY] = "notify"
};

static const char *const effect_edits[] = {
	[EFFECT_HEADER_ADD] = "add header",
	[EFFECT_HEADER_INSERT] = "insert header",
	[EFFECT_HEADER_CHANGE] = "change header",
	[EFFECT_HEADER_DELETE] = "delete header",
	[EFFECT_RCPT_ADD] = "add recipient",
	[EFFECT_RCPT_DELETE] = "remove recipient",
	[EFFECT_SENDER] = "change sender",
	[EFFECT_BODY] = "replace body"
};

/* effect_mail - of this message, made on demand */
struct effect_mail *
effect_mail(struct rules *r, weir_call *call, bool make)
{
	struct effect_mail *m = r->host->data_get(call, WEIR_SCOPE_MESSAGE,
	    WEIR_RCPT_NONE);

	if (m != NULL || !make)
		return m;
	m = r->host->alloc(call, WEIR_SCOPE_MESSAGE, sizeof(*m));
	if (m == NULL)
		return NULL;
	m->tail = &m->first;
	m->disclaimers_tail = &m->disclaimers;
	m->notices_tail = &m->notices;
	r->host->data_set(call, WEIR_SCOPE_MESSAGE, WEIR_RCPT_NONE, m, NULL);
	return m;
}

/* effect_decide - from now on no rule looks at this recipient */
static int
effect_decide(struct round *round, uint32_t rcpt)
{
	struct rules *r = round->rules;
	struct effect_mail *m = effect_mail(r, round->call, true);
	uint32_t count = r->host->rcpt_count(round->call);

	if (m == NULL)
		return WEIR_E_NOMEM;
	if (rcpt >= count)
		return WEIR_E_INVAL;
	if (m->n < count) {
		uint8_t *more = r->host->alloc(round->call, WEIR_SCOPE_MESSAGE,
		    count);

		if (more == NULL)
			return WEIR_E_NOMEM;
		if (m->n > 0)
			memcpy(more, m->decided, m->n);
		m->decided = more;
		m->n = count;
	}
	m->decided[rcpt] = 1;
	return WEIR_OK;
}

/* effect_is_decided - has a rule spoken for good */
bool
effect_is_decided(struct round *round, uint32_t rcpt)
{
	struct effect_mail *m = effect_mail(round->rules, round->call, false);

	return m != NULL && rcpt < m->n && m->decided[rcpt] != 0;
}

/* effect_all_decided - about every recipient that is still there */
bool
effect_all_decided(struct round *round)
{
	const struct weir_host *host = round->rules->host;
	struct effect_mail *m = effect_mail(round->rules, round->call, false);
	uint32_t count = host->rcpt_count(round->call);
	weir_str address;

	if (m == NULL || m->n == 0)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (!effect_is_decided(round, i) &&
		    host->attr_get(round->call, WEIR_A_RCPT, i, &address) ==
			WEIR_OK)
			return false;
	}
	return count > 0;
}

/* effect_in_shadow - count it; true: and do no more */
bool
effect_in_shadow(struct round *round, enum rule_effect effect)
{
	round_match(round);
	round->rule->effects[effect]++;
	if (!round->rule->shadow)
		return false;
	rules_log(round->rules, round->call, WEIR_LOG_INFO,
	    "rule \"%s\" in shadow: would %s", round->rule->name,
	    rule_effects[effect]);
	return true;
}

/* effect_keep_shadow - for effect_end; of two on the same the last counts;
   before a message nothing is kept */
static void
effect_keep_shadow(struct round *round, uint32_t action, uint32_t rcpt)
{
	struct rules *r = round->rules;
	struct effect_mail *m = round->stage >= WEIR_STAGE_MAIL ?
	    effect_mail(r, round->call, true) : NULL;
	struct effect_shadow *s = m != NULL ? m->shadow : NULL;

	while (s != NULL && (s->rule != round->rule || s->rcpt != rcpt))
		s = s->next;
	if (s != NULL)
		s->action = action;
	if (m == NULL || s != NULL || m->nshadow >= EFFECT_EDITS_MAX)
		return;
	s = r->host->alloc(round->call, WEIR_SCOPE_MESSAGE, sizeof(*s));
	if (s == NULL)
		return;
	s->rule = round->rule;
	s->action = action;
	s->rcpt = rcpt;
	s->next = m->shadow;
	m->shadow = s;
	m->nshadow++;
}

/* effect_changes - would that verdict have changed what a recipient got: an
   accept ends all checks, of the others the stronger counts */
static bool
effect_changes(uint32_t was, uint32_t would)
{
	return would == WEIR_ACT_ACCEPT ? was > WEIR_ACT_ACCEPT : would > was;
}

/* effect_compare - one verdict in shadow and one recipient */
static void
effect_compare(struct rules *r, weir_call *call,
    const struct effect_shadow *s, uint32_t rcpt)
{
	struct weir_verdict v = { .size = sizeof(v) };
	struct rule *rule = s->rule;
	struct shadow_sample *sample;
	weir_str id = WEIR_STR(""), address = WEIR_STR("");

	if (r->host->verdict_get(call, rcpt, &v) != WEIR_OK ||
	    !effect_changes(v.action, s->action))
		return;
	rule->changes[v.action][s->action]++;
	r->metric->add(r->self, rule->metric_changes, 1);
	sample = &rule->samples[rule->nchanges++ % SHADOW_SAMPLES];
	r->host->attr_get(call, WEIR_A_MESSAGE_ID, WEIR_RCPT_NONE, &id);
	r->host->attr_get(call, WEIR_A_RCPT, rcpt, &address);
	snprintf(sample->id, sizeof(sample->id), "%.*s", (int)id.len, id.ptr);
	snprintf(sample->recipient, sizeof(sample->recipient), "%.*s",
	    (int)address.len, address.ptr);
	sample->was = v.action;
	sample->would = s->action;
}

/* effect_end - every recipient that a verdict in shadow was about */
void
effect_end(struct rules *r, weir_call *call)
{
	struct effect_mail *m = effect_mail(r, call, false);
	uint32_t count = r->host->rcpt_count(call);

	for (const struct effect_shadow *s = m != NULL ? m->shadow : NULL;
	     s != NULL; s = s->next) {
		for (uint32_t i = 0; i < count; i++) {
			if (s->rcpt == WEIR_RCPT_NONE || s->rcpt == i)
				effect_compare(r, call, s, i);
		}
	}
}

/* effect_state - one verdict to the host */
static int
effect_state(struct round *round, struct weir_verdict *v, uint32_t rcpt)
{
	bool early = round->stage <= WEIR_STAGE_HELO;

	v->scope = rcpt != WEIR_RCPT_NONE ? WEIR_SCOPE_RCPT :
	    early			  ? WEIR_SCOPE_SESSION :
					    WEIR_SCOPE_MESSAGE;
	v->rcpt = rcpt;
	return round->rules->host->verdict(round->call, v);
}

/* effect_each - the same verdict for all who have none yet */
static int
effect_each(struct round *round, struct weir_verdict *v)
{
	const struct weir_host *host = round->rules->host;
	uint32_t count = host->rcpt_count(round->call);
	weir_str address;
	int status = WEIR_OK;

	for (uint32_t i = 0; i < count && status == WEIR_OK; i++) {
		if (effect_is_decided(round, i) ||
		    host->attr_get(round->call, WEIR_A_RCPT, i, &address) !=
			WEIR_OK)
			continue;
		status = effect_state(round, v, i);
	}
	return status;
}

/* effect_verdict - state it, or count it */
int
effect_verdict(struct round *round, uint32_t action, uint32_t rcpt,
    uint32_t code, const char *enhanced, const char *text)
{
	static const enum rule_effect effects[] = {
		[WEIR_ACT_ACCEPT] = EFFECT_ACCEPT,
		[WEIR_ACT_QUARANTINE] = EFFECT_QUARANTINE,
		[WEIR_ACT_DISCARD] = EFFECT_DISCARD,
		[WEIR_ACT_TEMPFAIL] = EFFECT_TEMPFAIL,
		[WEIR_ACT_REJECT] = EFFECT_REJECT };
	struct weir_verdict v = { .size = sizeof(v), .action = action,
		.smtp_code = code, .enhanced = enhanced, .text = text };
	struct effect_mail *m;
	int status;

	if (round->stage == WEIR_STAGE_RCPT)
		rcpt = round->rcpt;
	trace_did(round, rule_effects[effects[action]], rcpt, "%s",
	    text != NULL ? text : "");
	if (effect_in_shadow(round, effects[action])) {
		effect_keep_shadow(round, action, rcpt);
		return WEIR_OK;
	}
	if (rcpt != WEIR_RCPT_NONE) {
		status = effect_state(round, &v, rcpt);
		if (status == WEIR_OK && round->stage == WEIR_STAGE_EOM)
			status = effect_decide(round, rcpt);
		if (round->stage == WEIR_STAGE_RCPT)
			round->decided = true;
		return status;
	}
	m = round->stage == WEIR_STAGE_EOM ?
	    effect_mail(round->rules, round->call, false) : NULL;
	status = m != NULL && m->n > 0 ? effect_each(round, &v) :
					 effect_state(round, &v, rcpt);
	if (status == WEIR_OK)
		round->decided = true;
	return status;
}

/* effect_score - a finding with the rule's name */
int
effect_score(struct round *round, uint32_t rcpt, double score,
    weir_str reason)
{
	char text[400];

	if (round->stage == WEIR_STAGE_RCPT)
		rcpt = round->rcpt;
	trace_did(round, "score", rcpt, "%+.2f%s%.*s", score,
	    reason.len > 0 ? " " : "", (int)(reason.len < 300 ? reason.len :
	    300), reason.ptr);
	if (effect_in_shadow(round, EFFECT_SCORE))
		return WEIR_OK;
	snprintf(text, sizeof(text), "%s%s%.*s", round->rule->name,
	    reason.len > 0 ? ": " : "", (int)(reason.len < 300 ? reason.len :
	    300), reason.ptr);
	return round->rules->host->finding(round->call, EFFECT_SCORE_SYMBOL,
	    rcpt, score, weir_str_of(text));
}

/* effect_fact - "rules.word" */
int
effect_fact(struct round *round, uint32_t rcpt, const char *word,
    weir_str value)
{
	char key[64];

	if (strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_") !=
	    strlen(word) || *word == '\0' ||
	    (size_t)snprintf(key, sizeof(key), "rules.%s", word) >=
	    sizeof(key))
		return WEIR_E_INVAL;
	if (rcpt == WEIR_RCPT_NONE && round->stage == WEIR_STAGE_RCPT)
		rcpt = round->rcpt;
	trace_did(round, "fact", rcpt, "%s = %.*s", key,
	    (int)(value.len < 300 ? value.len : 300), value.ptr);
	if (effect_in_shadow(round, EFFECT_FACT))
		return WEIR_OK;
	return round->rules->host->fact_set(round->call, rcpt, key, value);
}

/* effect_copy - into the message's memory, with a NUL behind */
bool
effect_copy(struct round *round, weir_str in, weir_str *out)
{
	char *p = round->rules->host->alloc(round->call, WEIR_SCOPE_MESSAGE,
	    in.len + 1);

	if (p == NULL)
		return false;
	if (in.len > 0)
		memcpy(p, in.ptr, in.len);
	out->ptr = p;
	out->len = in.len;
	return true;
}

/* effect_edit - remember it for act */
int
effect_edit(struct round *round, enum effect_edit kind, uint32_t n,
    weir_str name, weir_str value)
{
	struct rules *r = round->rules;
	struct effect_mail *m;
	struct effect_one *one;

	if (round->stage != WEIR_STAGE_EOM)
		return WEIR_E_STATE;
	trace_did(round, effect_edits[kind], kind == EFFECT_RCPT_DELETE ? n :
	    WEIR_RCPT_NONE, "%.*s%s%.*s",
	    (int)(name.len < 300 ? name.len : 300), name.ptr,
	    value.len > 0 ? ": " : "", (int)(value.len < 300 ? value.len :
	    300), value.ptr);
	if (effect_in_shadow(round, EFFECT_EDIT))
		return WEIR_OK;
	m = effect_mail(r, round->call, true);
	one = r->host->alloc(round->call, WEIR_SCOPE_MESSAGE, sizeof(*one));
	if (m == NULL || one == NULL)
		return WEIR_E_NOMEM;
	if (m->edits >= EFFECT_EDITS_MAX)
		return WEIR_E_LIMIT;
	one->rule = round->rule;
	one->kind = kind;
	one->n = n;
	if (!effect_copy(round, name, &one->name) ||
	    !effect_copy(round, value, &one->value))
		return WEIR_E_NOMEM;
	m->edits++;
	*m->tail = one;
	m->tail = &one->next;
	return WEIR_OK;
}

/* effect_one - one request to the host */
static int
effect_one(struct rules *r, weir_call *call, const struct effect_one *one)
{
	const struct weir_edit *e = r->edit;
	weir_str none = WEIR_STR("");

	switch (one->kind) {
	case EFFECT_HEADER_ADD:
		return e->header_add(call, one->name.ptr, one->value);
	case EFFECT_HEADER_INSERT:
		return e->header_insert(call, one->n, one->name.ptr,
		    one->value);
	case EFFECT_HEADER_CHANGE:
		return e->header_change(call, one->name.ptr, one->n,
		    one->value);
	case EFFECT_HEADER_DELETE:
		return e->header_delete(call, one->name.ptr, one->n);
	case EFFECT_RCPT_ADD:
		return e->rcpt_add(call, one->name, one->value);
	case EFFECT_RCPT_DELETE:
		return e->rcpt_delete(call, one->n);
	case EFFECT_SENDER:
		return e->sender_change(call, one->name, none);
	case EFFECT_BODY:
		return e->body_replace(call, one->value);
	}
	return WEIR_E_INTERNAL;
}

/* effect_apply - in order; the first that can't be done fails them all */
int
effect_apply(struct rules *r, weir_call *call)
{
	struct effect_mail *m = effect_mail(r, call, false);
	bool body = false;

	if (m == NULL)
		return WEIR_OK;
	for (const struct effect_one *one = m->first; one != NULL;
	     one = one->next) {
		body |= one->kind == EFFECT_BODY;
		int status = effect_one(r, call, one);
		char text[200];

		if (status == WEIR_OK)
			continue;
		snprintf(text, sizeof(text), "rule \"%.80s\": the edit of "
		    "%.60s can't be made: %s", one->rule->name,
		    one->name.ptr, status_name(status));
		rules_log(r, call, WEIR_LOG_WARN, "%s", text);
		r->host->fail(call, status, weir_str_of(text));
		return WEIR_OK;
	}
	return effect_post(r, call, m, body);
}
