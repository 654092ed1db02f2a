/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mark - act.eom: remove what pretends to be ours, write what is.
 *
 * Every field that this configuration may write is removed from the mail as
 * it came, whether or not it is written this time: its absence must mean
 * something, too.
 */
#include "action.h"
#include "authres.h"
#include "field.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MARK_VALUE_MAX 4096
#define MARK_COMPLAIN_MS INT64_C(3600000)
#define AUTHRES "Authentication-Results"

/* mark_score - the highest score of those who will get the mail */
static bool
mark_score(const struct action *a, weir_call *call, uint32_t *rcpt_out,
    double *score_out)
{
	struct weir_verdict v = { .size = sizeof(v) };
	uint32_t count = a->host->rcpt_count(call);
	weir_str address;
	bool any = false;

	for (uint32_t i = 0; i < count; i++) {
		double score;

		if (a->host->attr_get(call, WEIR_A_RCPT, i, &address) !=
		    WEIR_OK || (a->host->verdict_get(call, i, &v) == WEIR_OK &&
		    v.action >= WEIR_ACT_DISCARD))
			continue;
		score = a->host->score(call, i);
		if (any && score <= *score_out)
			continue;
		*rcpt_out = i;
		*score_out = score;
		any = true;
	}
	return any;
}

/* mark_remove - all copies of a field */
static int
mark_remove(struct action *a, weir_call *call, const char *name)
{
	uint32_t count = a->host->header_count(call, name);
	int status = WEIR_OK;

	for (uint32_t i = 0; i < count && status == WEIR_OK; i++) {
		status = a->edit->header_delete(call, name, i + 1);
		if (status == WEIR_OK)
			a->metric->add(a->self, a->metric_forged, 1);
	}
	return status;
}

/* mark_remove_authres - those that claim to be written by us */
static int
mark_remove_authres(struct action *a, weir_call *call, const char *id)
{
	uint32_t count = a->host->header_count(call, AUTHRES);
	int status = WEIR_OK;
	weir_str raw;

	for (uint32_t i = 0; i < count && status == WEIR_OK; i++) {
		if (a->host->header_at(call, AUTHRES, i, NULL, &raw) !=
		    WEIR_OK || !authres_claims(raw, id))
			continue;
		status = a->edit->header_delete(call, AUTHRES, i + 1);
		if (status == WEIR_OK)
			a->metric->add(a->self, a->metric_forged, 1);
	}
	return status;
}

/* mark_write - encode, fold, add at the end */
static int
mark_write(struct action *a, weir_call *call, const struct mark *m,
    struct values *v)
{
	char text[MARK_VALUE_MAX], ascii[2 * MARK_VALUE_MAX];
	char folded[2 * MARK_VALUE_MAX + 256];
	size_t n = macros_expand(weir_str_of(m->value), 0, values_get, v, text,
	    sizeof(text));

	/* no findings, no header */
	if (n == 0)
		return WEIR_OK;
	n = field_encode((weir_str){ text, n }, ascii, sizeof(ascii));
	n = field_fold(m->name, (weir_str){ ascii, n }, folded,
	    sizeof(folded));
	return a->edit->header_add(call, m->name, (weir_str){ folded, n });
}

/* mark_write_authres - our own Authentication-Results, at the top */
static int
mark_write_authres(struct action *a, weir_call *call, const char *id)
{
	struct authres_method methods[] = {
		{ "spf", values_fact(a, call, "spf.result"), "smtp.mailfrom",
		    values_fact(a, call, "spf.domain") },
		{ "dkim", values_fact(a, call, "dkim.result"), "header.d",
		    values_fact(a, call, "dkim.domain") },
		{ "dmarc", values_fact(a, call, "dmarc.result"), "header.from",
		    values_fact(a, call, "dmarc.domain") }
	};
	char value[2048], folded[2304];
	size_t n = authres_build(id, methods, sizeof(methods) /
	    sizeof(methods[0]), value, sizeof(value));

	n = field_fold(AUTHRES, (weir_str){ value, n }, folded,
	    sizeof(folded));
	return a->edit->header_insert(call, 0, AUTHRES,
	    (weir_str){ folded, n });
}

/* mark_authserv - our authserv-id; false if we have no name */
static bool
mark_authserv(const struct action *a, weir_call *call, char *out, size_t size)
{
	weir_str name = weir_str_of(a->authserv_id);
	size_t n = 0;

	if (name.len == 0)
		name = values_attr(a, call, WEIR_A_SERVER_NAME,
		    WEIR_RCPT_NONE);
	for (; n < name.len && n + 1 < size; n++) {
		unsigned char c = (unsigned char)name.ptr[n];

		if (c <= ' ' || c >= 0x7f || strchr("\";()<>@,\\", c) != NULL)
			return false;
		out[n] = (char)c;
	}
	out[n] = '\0';
	return n > 0;
}

/* mark_first - is this the first mark of that name? */
static bool
mark_first(const struct action *a, uint32_t index)
{
	for (uint32_t i = 0; i < index; i++)
		if (strcasecmp(a->marks[i].name, a->marks[index].name) == 0)
			return false;
	return true;
}

/* mark_wanted - is it time for this header? */
static bool
mark_wanted(const struct action *a, weir_call *call, const struct mark *m,
    double score)
{
	if (m->when == MARK_SPAM)
		return decide_result(a, score) >= ACTION_MARK;
	if (m->when == MARK_UNSCANNED)
		return a->host->unscanned_count(call) > 0;
	return true;
}

/* mark_apply - all edits; the first trouble ends them */
static int
mark_apply(struct action *a, weir_call *call, struct values *v)
{
	bool authres;
	char id[256];
	int status = WEIR_OK;

	authres = a->authres && mark_authserv(a, call, id, sizeof(id));
	for (uint32_t i = 0; i < a->nmarks && status == WEIR_OK; i++)
		if (mark_first(a, i))
			status = mark_remove(a, call, a->marks[i].name);
	if (status == WEIR_OK && authres)
		status = mark_remove_authres(a, call, id);
	if (status == WEIR_OK && authres)
		status = mark_write_authres(a, call, id);
	for (uint32_t i = 0; i < a->nmarks && status == WEIR_OK; i++)
		if (mark_wanted(a, call, &a->marks[i], v->score))
			status = mark_write(a, call, &a->marks[i], v);
	if (status == WEIR_OK && a->subject_prefix[0] != '\0' &&
	    a->subject_score > 0 && v->score >= a->subject_score)
		status = subject_prefix(a, call, v);
	return status;
}

/* mark_eom - act.eom */
int
mark_eom(void *state, weir_call *call)
{
	struct action *a = state;
	struct values v;
	uint32_t rcpt = WEIR_RCPT_NONE;
	double score = 0;
	int64_t now;
	int status;

	if (!mark_score(a, call, &rcpt, &score))
		return WEIR_OK;
	values_init(&v, a, call, rcpt, score);
	status = mark_apply(a, call, &v);
	if (status != WEIR_E_UNSUPPORTED)
		return status;
	/* marks are no condition of delivery, but nobody shall wonder */
	now = a->host->mono_ms(a->self);
	if (a->complained == 0 || now - a->complained >= MARK_COMPLAIN_MS) {
		a->complained = now;
		a->host->log(a->self, call, WEIR_LOG_WARN, WEIR_STR(
		    "the MTA does not let us change headers: not marked"));
	}
	return WEIR_OK;
}
