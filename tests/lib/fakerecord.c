/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fakerecord - what the module states: findings, verdicts, facts. */
#include "lib/fakehost_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* fakehost_score - a finding by somebody else */
void
fakehost_score(struct fakehost *f, const char *symbol, uint32_t rcpt,
    double score, const char *reason)
{
	*FAKE_PUSH(&f->findings) = (struct fakehost_finding){ strdup(symbol),
		strdup("other"), strdup(reason), rcpt, score };
}

/* fake_finding - record a finding of the module */
static int
fake_finding(weir_call *call, uint32_t symbol, uint32_t rcpt, double weight,
    weir_str reason)
{
	int status = fake_call_check(call,
	    FAKE_PHASE(WEIR_PHASE_COLLECT) | FAKE_PHASE(WEIR_PHASE_DECIDE));
	struct fakehost *f;

	if (status != 0)
		return status;
	f = call->f;
	for (uint32_t i = 0; i <= symbol; i++)
		if (f->module->symbols[i].name == NULL)
			return WEIR_E_INVAL;
	*FAKE_PUSH(&f->findings) = (struct fakehost_finding){
		strdup(f->module->symbols[symbol].name),
		strdup(f->module->name), fake_dup(reason.ptr, reason.len),
		rcpt, f->module->symbols[symbol].score * weight };
	return WEIR_OK;
}

/* fake_finding_count - findings so far */
static uint32_t
fake_finding_count(weir_call *call)
{
	if (fake_call_check(call, FAKE_PHASE_ANY) != 0)
		return 0;
	return call->f->findings.n;
}

/* fake_finding_at - one of them */
static int
fake_finding_at(weir_call *call, uint32_t index, struct weir_finding *out)
{
	const struct fakehost_finding *x;

	if (fake_call_check(call, FAKE_PHASE_ANY) != 0)
		return WEIR_E_STALE;
	if (index >= call->f->findings.n)
		return WEIR_E_NOTFOUND;
	x = &call->f->findings.at[index];
	out->rcpt = x->rcpt;
	out->score = x->score;
	out->symbol = weir_str_of(x->symbol);
	out->module = weir_str_of(x->module);
	out->reason = weir_str_of(x->reason);
	return WEIR_OK;
}

/* fake_score - the sum for a recipient */
static double
fake_score(weir_call *call, uint32_t rcpt)
{
	double sum = 0;

	if (fake_call_check(call, FAKE_PHASE_ANY) != 0)
		return 0;
	for (uint32_t i = 0; i < call->f->findings.n; i++)
		if (call->f->findings.at[i].rcpt == WEIR_RCPT_NONE ||
		    call->f->findings.at[i].rcpt == rcpt)
			sum += call->f->findings.at[i].score;
	return sum;
}

/* fake_verdict - record a verdict */
static int
fake_verdict(weir_call *call, const struct weir_verdict *v)
{
	int phases = FAKE_PHASE(WEIR_PHASE_DECIDE), status;

	if (v->action == WEIR_ACT_TEMPFAIL)
		phases |= FAKE_PHASE(WEIR_PHASE_ACT);
	status = fake_call_check(call, phases);
	if (status != 0)
		return status;
	if (v->size != sizeof(*v) ||
	    (v->scope == WEIR_SCOPE_RCPT) != (v->rcpt != WEIR_RCPT_NONE) ||
	    (v->smtp_code != 0 && (v->smtp_code < 400 || v->smtp_code > 599)))
		return WEIR_E_INVAL;
	*FAKE_PUSH(&call->f->verdicts) = (struct fakehost_verdict){ v->action,
		v->scope, v->rcpt, v->smtp_code,
		v->enhanced != NULL ? strdup(v->enhanced) : NULL,
		v->text != NULL ? strdup(v->text) : NULL };
	return WEIR_OK;
}

/* fakehost_verdict - the strongest one for this recipient */
const struct fakehost_verdict *
fakehost_verdict(const struct fakehost *f, uint32_t rcpt)
{
	const struct fakehost_verdict *best = NULL, *v;

	for (uint32_t i = 0; i < f->verdicts.n; i++) {
		v = &f->verdicts.at[i];
		if ((v->rcpt == WEIR_RCPT_NONE || v->rcpt == rcpt) &&
		    (best == NULL || v->action > best->action))
			best = v;
	}
	return best;
}

/* fake_verdict_get - the strongest so far */
static int
fake_verdict_get(weir_call *call, uint32_t rcpt, struct weir_verdict *out)
{
	const struct fakehost_verdict *v;

	if (fake_call_check(call, FAKE_PHASE_ANY) != 0)
		return WEIR_E_STALE;
	v = fakehost_verdict(call->f, rcpt);
	*out = (struct weir_verdict){ .size = out->size,
		.rcpt = rcpt };
	if (v != NULL) {
		out->action = v->action;
		out->scope = v->scope;
		out->smtp_code = v->smtp_code;
		out->enhanced = v->enhanced;
		out->text = v->text;
	}
	return WEIR_OK;
}

/* fake_fact_put - set a fact in its scope */
static void
fake_fact_put(struct fakehost *f, uint32_t rcpt, bool session,
    const char *key, weir_str value)
{
	struct fake_fact *x = NULL;

	for (uint32_t i = 0; i < f->facts.n; i++)
		if (f->facts.at[i].rcpt == rcpt &&
		    f->facts.at[i].session == session &&
		    strcmp(f->facts.at[i].key, key) == 0)
			x = &f->facts.at[i];
	if (x == NULL) {
		x = FAKE_PUSH(&f->facts);
		x->key = strdup(key);
		x->rcpt = rcpt;
		x->session = session;
	} else {
		*FAKE_PUSH(&f->spare) = x->value;
	}
	x->value = fake_dup(value.ptr, value.len);
}

/* fakehost_fact - a fact of the message by somebody else */
void
fakehost_fact(struct fakehost *f, uint32_t rcpt, const char *key,
    const char *value)
{
	fake_fact_put(f, rcpt, !f->in_message, key, weir_str_of(value));
}

/* fakehost_fact_of - look at the recipient, the message, the session */
const char *
fakehost_fact_of(const struct fakehost *f, uint32_t rcpt, const char *key)
{
	for (int pass = 0; pass < 3; pass++)
		for (uint32_t i = 0; i < f->facts.n; i++)
			if (strcmp(f->facts.at[i].key, key) == 0 &&
			    f->facts.at[i].session == (pass == 2) &&
			    f->facts.at[i].rcpt ==
				(pass == 0 ? rcpt : WEIR_RCPT_NONE))
				return f->facts.at[i].value;
	return NULL;
}

/* fake_fact_set - a fact of the module; its scope is the stage's */
static int
fake_fact_set(weir_call *call, uint32_t rcpt, const char *key, weir_str value)
{
	int status = fake_call_check(call, FAKE_PHASE_ANY);
	size_t len;

	if (status != 0)
		return status;
	len = strlen(call->f->module->name);
	if (strncmp(key, call->f->module->name, len) != 0 || key[len] != '.')
		return WEIR_E_INVAL;
	fake_fact_put(call->f, rcpt, call->stage <= WEIR_STAGE_HELO, key,
	    value);
	return WEIR_OK;
}

/* fake_fact_get - read a fact */
static int
fake_fact_get(weir_call *call, uint32_t rcpt, const char *key, weir_str *value)
{
	const char *s;

	if (fake_call_check(call, FAKE_PHASE_ANY) != 0)
		return WEIR_E_STALE;
	s = fakehost_fact_of(call->f, rcpt, key);
	if (s == NULL)
		return WEIR_E_NOTFOUND;
	*value = weir_str_of(s);
	return WEIR_OK;
}

/* fakehost_unscanned - another module's check did not run */
void
fakehost_unscanned(struct fakehost *f, const char *module, const char *reason)
{
	*FAKE_PUSH(&f->unscanned) = (struct fake_pair){ strdup(module),
		strdup(reason) };
}

/* fake_fail - this module's check did not run */
static int
fake_fail(weir_call *call, int status, weir_str reason)
{
	int ok = fake_call_check(call, FAKE_PHASE_ANY);

	if (ok != 0)
		return ok;
	if (status >= 0)
		return WEIR_E_INVAL;
	free(call->f->failed);
	call->f->failed = fake_dup(reason.ptr, reason.len);
	fakehost_unscanned(call->f, call->f->module->name, call->f->failed);
	return WEIR_OK;
}

/* fake_unscanned_count - checks that did not run */
static uint32_t
fake_unscanned_count(weir_call *call)
{
	return fake_call_check(call, FAKE_PHASE_ANY) == 0 ? call->f->unscanned.n
						     : 0;
}

/* fake_unscanned_at - one of them */
static int
fake_unscanned_at(weir_call *call, uint32_t index, weir_str *module,
    weir_str *reason)
{
	if (fake_call_check(call, FAKE_PHASE_ANY) != 0)
		return WEIR_E_STALE;
	if (index >= call->f->unscanned.n)
		return WEIR_E_NOTFOUND;
	*module = weir_str_of(call->f->unscanned.at[index].name);
	*reason = weir_str_of(call->f->unscanned.at[index].value);
	return WEIR_OK;
}

/* fake_record_host - fill in the functions that record */
void
fake_record_host(struct weir_host *host)
{
	host->finding = fake_finding;
	host->finding_count = fake_finding_count;
	host->finding_at = fake_finding_at;
	host->score = fake_score;
	host->verdict = fake_verdict;
	host->verdict_get = fake_verdict_get;
	host->fact_set = fake_fact_set;
	host->fact_get = fake_fact_get;
	host->fail = fake_fail;
	host->unscanned_count = fake_unscanned_count;
	host->unscanned_at = fake_unscanned_at;
}
