/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_notes - findings, verdicts, facts, checks that did not run. */
#include "host/table_int.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/verdict.h>

#include "base/pool.h"
#include "base/text.h"
#include "host/oldest.h"
#include "pipe/explain.h"
#include "pipe/run.h"

#define REASON_MAX 4096
#define REPLY_TEXT_MAX 2000

/* table_notes - where notes of this call go: before MAIL to the session */
static struct notes *
table_notes(struct call *c, struct pool **pool)
{
	if (c->message != NULL) {
		*pool = c->message->pool;
		return &c->message->notes;
	}
	*pool = c->session->pool;
	return &c->session->notes;
}

int
table_finding(weir_call *handle, uint32_t symbol, uint32_t rcpt, double weight,
    weir_str reason)
{
	int status;
	struct call *c = table_call(handle, &status);
	struct finding f;
	struct notes *notes;
	struct pool *pool;

	if (c == NULL)
		return status;
	if (c->session == NULL || c->phase == WEIR_PHASE_ACT || c->given_up)
		return WEIR_E_STATE;
	if (symbol >= c->module->nsymbols || !isfinite(weight) ||
	    !table_is_str(reason) ||
	    (rcpt != WEIR_RCPT_NONE &&
		(c->message == NULL || rcpt >= c->message->nrcpts)))
		return WEIR_E_INVAL;
	if (reason.len > REASON_MAX)
		reason.len = REASON_MAX;
	f.module = c->module;
	f.symbol = c->module->descriptor->symbols[symbol].name;
	f.rcpt = rcpt;
	f.stage = c->stage;
	f.shadow = c->module->shadow;
	f.score = c->module->scores[symbol] * weight;
	f.reason = reason;
	notes = table_notes(c, &pool);
	return notes_finding(notes, pool, &f);
}

uint32_t
table_finding_count(weir_call *handle)
{
	int status;
	struct call *c = table_call(handle, &status);

	if (c == NULL || c->session == NULL)
		return 0;
	return c->session->notes.nfindings +
	    (c->message != NULL ? c->message->notes.nfindings : 0);
}

int
table_finding_at(weir_call *handle, uint32_t index, struct weir_finding *out)
{
	int status;
	struct call *c = table_call(handle, &status);
	struct weir_finding full;
	const struct finding *f;
	uint32_t size;

	if (c == NULL)
		return status;
	if (out == NULL)
		return WEIR_E_INVAL;
	size = out->size;
	if (c->session == NULL)
		return WEIR_E_STATE;
	f = c->session->notes.findings;
	for (; f != NULL && index > 0; index--)
		f = f->next;
	if (f == NULL && c->message != NULL) {
		f = c->message->notes.findings;
		for (; f != NULL && index > 0; index--)
			f = f->next;
	}
	if (f == NULL)
		return WEIR_E_NOTFOUND;
	memset(&full, 0, sizeof(full));
	full.rcpt = f->rcpt;
	full.score = f->shadow ? 0 : f->score;
	full.symbol = text_slice(f->symbol);
	full.module = text_slice(f->module->name);
	full.reason = f->reason;
	full.size = size < sizeof(full) ? size : (uint32_t)sizeof(full);
	memcpy(out, &full, full.size);
	return WEIR_OK;
}

double
table_score(weir_call *handle, uint32_t rcpt)
{
	int status;
	struct call *c = table_call(handle, &status);

	return c != NULL && c->session != NULL ?
	    explain_score(c->session, c->message, rcpt) :
	    0;
}

/* table_verdict_ok - is this a verdict that may be stated here */
static int
table_verdict_ok(const struct call *c, const struct weir_verdict *v)
{
	if (v->size < OLDEST_VERDICT || v->action > WEIR_ACT_REJECT ||
	    v->scope > WEIR_SCOPE_RCPT ||
	    (v->smtp_code != 0 && (v->smtp_code < 400 || v->smtp_code > 599)))
		return WEIR_E_INVAL;
	if (c->session == NULL || c->given_up ||
	    c->phase == WEIR_PHASE_COLLECT ||
	    (c->phase == WEIR_PHASE_ACT && v->action != WEIR_ACT_TEMPFAIL))
		return WEIR_E_STATE;
	if (v->scope != WEIR_SCOPE_SESSION && c->message == NULL)
		return WEIR_E_STATE;
	if (v->scope == WEIR_SCOPE_RCPT && v->rcpt >= c->message->nrcpts)
		return WEIR_E_INVAL;
	return WEIR_OK;
}

/* table_reply_text - a module's text, safe for a reply and the log */
static const char *
table_reply_text(char copy[REPLY_TEXT_MAX + 1], const char *text)
{
	size_t len;
	char *w;

	if (text == NULL)
		return NULL;
	len = strnlen(text, REPLY_TEXT_MAX);
	memcpy(copy, text, len);
	copy[len] = '\0';
	for (w = copy; *w != '\0'; w++) {
		if ((unsigned char)*w < 0x20 && *w != '\n')
			*w = ' ';
	}
	if (!text_is_utf8(text_slice(copy))) {
		for (w = copy; *w != '\0'; w++) {
			if ((unsigned char)*w >= 0x80)
				*w = '?';
		}
	}
	return copy;
}

/* table_enhanced - class 4 or 5 "." 1*3digit "." 1*3digit, or NULL (RFC 3463
   2): it stands in the reply as it is */
static const char *
table_enhanced(const char *s)
{
	const char *p = s;

	if (s == NULL || (s[0] != '4' && s[0] != '5'))
		return NULL;
	p++;
	for (int part = 0; part < 2; part++) {
		int digits = 0;

		if (*p++ != '.')
			return NULL;
		while (digits < 3 && text_is_digit((unsigned char)*p)) {
			digits++;
			p++;
		}
		if (digits == 0)
			return NULL;
	}
	return *p == '\0' ? s : NULL;
}

int
table_verdict(weir_call *handle, const struct weir_verdict *in)
{
	int status;
	struct call *c = table_call(handle, &status);
	struct weir_verdict v;
	struct opinion o;
	char text[REPLY_TEXT_MAX + 1];
	struct notes *notes;
	struct pool *pool;

	if (c == NULL)
		return status;
	if (in == NULL)
		return WEIR_E_INVAL;
	memset(&v, 0, sizeof(v));
	memcpy(&v, in, in->size < sizeof(v) ? in->size : sizeof(v));
	status = table_verdict_ok(c, &v);
	if (status < 0)
		return status;
	if (v.scope == WEIR_SCOPE_SESSION) {
		notes = &c->session->notes;
		pool = c->session->pool;
	} else {
		notes = &c->message->notes;
		pool = c->message->pool;
	}
	memset(&o, 0, sizeof(o));
	o.module = c->module;
	o.action = v.action;
	o.scope = v.scope;
	o.rcpt = v.scope == WEIR_SCOPE_RCPT ? v.rcpt : WEIR_RCPT_NONE;
	o.smtp_code = v.smtp_code;
	o.stage = c->stage;
	o.shadow = c->module->shadow;
	o.enhanced = table_enhanced(v.enhanced);
	/* notes keep a copy if they keep the verdict: a long session may see
	   any number of them */
	o.text = table_reply_text(text, v.text);
	return notes_opinion(notes, pool, &o);
}

int
table_verdict_get(weir_call *handle, uint32_t rcpt, struct weir_verdict *out)
{
	int status;
	struct call *c = table_call(handle, &status);
	const struct opinion *o;
	struct weir_verdict full;
	uint32_t size;

	if (c == NULL)
		return status;
	if (out == NULL)
		return WEIR_E_INVAL;
	size = out->size;
	if (c->session == NULL)
		return WEIR_E_STATE;
	o = run_answer(c->session, rcpt);
	memset(&full, 0, sizeof(full));
	full.rcpt = rcpt;
	if (o != NULL) {
		full.action = o->action;
		full.scope = o->scope;
		full.rcpt = o->rcpt;
		full.smtp_code = o->smtp_code;
		full.enhanced = o->enhanced;
		full.text = o->text;
	}
	full.size = size < sizeof(full) ? size : (uint32_t)sizeof(full);
	memcpy(out, &full, full.size);
	return WEIR_OK;
}

int
table_fact_set(weir_call *handle, uint32_t rcpt, const char *key,
    weir_str value)
{
	int status;
	struct call *c = table_call(handle, &status);
	struct fact f;
	struct notes *notes;
	struct pool *pool;

	if (c == NULL)
		return status;
	if (c->session == NULL || c->given_up)
		return WEIR_E_STATE;
	if (key == NULL || key[0] == '\0' || strnlen(key, 65) > 64 ||
	    value.len > 16384 || !table_is_str(value) ||
	    (rcpt != WEIR_RCPT_NONE &&
		(c->message == NULL || rcpt >= c->message->nrcpts)))
		return WEIR_E_INVAL;
	f.module = c->module;
	f.rcpt = rcpt;
	f.stage = c->stage;
	f.shadow = c->module->shadow;
	f.key = (char *)(uintptr_t)key;
	f.value = value;
	notes = table_notes(c, &pool);
	return notes_fact(notes, pool, &f);
}

int
table_fact_get(weir_call *handle, uint32_t rcpt, const char *key,
    weir_str *value)
{
	int status;
	struct call *c = table_call(handle, &status);
	const struct fact *f = NULL;

	if (c == NULL)
		return status;
	if (key == NULL || value == NULL)
		return WEIR_E_INVAL;
	if (c->session == NULL)
		return WEIR_E_STATE;
	if (c->message != NULL) {
		if (rcpt != WEIR_RCPT_NONE)
			f = notes_fact_find(&c->message->notes, c->module, rcpt,
			    key);
		if (f == NULL)
			f = notes_fact_find(&c->message->notes, c->module,
			    WEIR_RCPT_NONE, key);
	}
	if (f == NULL)
		f = notes_fact_find(&c->session->notes, c->module,
		    WEIR_RCPT_NONE, key);
	if (f == NULL) {
		*value = text_slice("");
		return WEIR_E_NOTFOUND;
	}
	*value = f->value;
	return WEIR_OK;
}

int
table_fail(weir_call *handle, int why, weir_str reason)
{
	int status;
	struct call *c = table_call(handle, &status);

	if (c == NULL)
		return status;
	if (c->given_up)
		return WEIR_E_CANCELLED;
	if (!table_is_str(reason))
		reason = text_slice("");
	if (reason.len > REASON_MAX)
		reason.len = REASON_MAX;
	call_fail(c, why < 0 ? why : WEIR_E_INTERNAL, reason);
	return WEIR_OK;
}

uint32_t
table_unscanned_count(weir_call *handle)
{
	int status;
	struct call *c = table_call(handle, &status);

	if (c == NULL || c->session == NULL)
		return 0;
	return c->session->notes.nunscanned +
	    (c->message != NULL ? c->message->notes.nunscanned : 0);
}

int
table_unscanned_at(weir_call *handle, uint32_t index, weir_str *module,
    weir_str *reason)
{
	int status;
	struct call *c = table_call(handle, &status);
	const struct unscanned *u;

	if (c == NULL)
		return status;
	if (c->session == NULL)
		return WEIR_E_STATE;
	for (u = c->session->notes.unscanned; u != NULL && index > 0; index--)
		u = u->next;
	if (u == NULL && c->message != NULL) {
		u = c->message->notes.unscanned;
		for (; u != NULL && index > 0; index--)
			u = u->next;
	}
	if (u == NULL)
		return WEIR_E_NOTFOUND;
	if (module != NULL)
		*module = text_slice(u->module->name);
	if (reason != NULL)
		*reason = u->reason;
	return WEIR_OK;
}
