/* SPDX-License-Identifier: GPL-2.0-or-later */
/* decide - from scores to verdicts, for each recipient. */
#include "action.h"

#include <stdio.h>

#define DECIDE_TEXT_MAX 2000

static const char *const decide_names[ACTION_RESULTS] = {
	[ACTION_NONE] = "none", [ACTION_MARK] = "mark",
	[ACTION_QUARANTINE] = "quarantine", [ACTION_DISCARD] = "discard",
	[ACTION_TEMPFAIL] = "tempfail", [ACTION_REJECT] = "reject"
};
static const uint32_t decide_verdicts[ACTION_RESULTS] = {
	[ACTION_QUARANTINE] = WEIR_ACT_QUARANTINE,
	[ACTION_DISCARD] = WEIR_ACT_DISCARD,
	[ACTION_TEMPFAIL] = WEIR_ACT_TEMPFAIL,
	[ACTION_REJECT] = WEIR_ACT_REJECT
};

/* decide_result - the strongest limit that the score reaches */
enum action_result
decide_result(const struct action *a, double score)
{
	for (int i = ACTION_REJECT; i > ACTION_NONE; i--)
		if (a->limits[i] > 0 && score >= a->limits[i])
			return (enum action_result)i;
	return ACTION_NONE;
}

/* decide_verdict - state it for one recipient */
static int
decide_verdict(const struct action *a, weir_call *call, uint32_t rcpt,
    double score, enum action_result result)
{
	struct weir_verdict v = { .size = sizeof(v),
		.action = decide_verdicts[result], .scope = WEIR_SCOPE_RCPT,
		.rcpt = rcpt };
	const char *template = NULL;
	char text[DECIDE_TEXT_MAX];
	struct values values;

	a->host->fact_set(call, rcpt, "action.result",
	    weir_str_of(decide_names[result]));
	a->metric->add(a->self, a->metric_result[result], 1);
	if (v.action == WEIR_ACT_NONE)
		return WEIR_OK;
	if (result == ACTION_REJECT) {
		template = a->reject_text;
		v.smtp_code = 550;
		v.enhanced = "5.7.1";
	} else if (result == ACTION_TEMPFAIL) {
		template = a->tempfail_text;
		v.smtp_code = 451;
		v.enhanced = "4.7.1";
	}
	if (template != NULL) {
		values_init(&values, a, call, rcpt, score);
		macros_expand(weir_str_of(template), MACROS_LINES, values_get,
		    &values, text, sizeof(text));
		v.text = text;
	}
	return a->host->verdict(call, &v);
}

/* decide_rcpt - decide.rcpt: refuse early what is bad enough already */
int
decide_rcpt(void *state, weir_call *call, uint32_t rcpt)
{
	const struct action *a = state;
	double score = a->host->score(call, rcpt);

	if (!a->early || decide_result(a, score) != ACTION_REJECT)
		return WEIR_OK;
	return decide_verdict(a, call, rcpt, score, ACTION_REJECT);
}

/* decide_eom - decide.eom: each recipient by its own score */
int
decide_eom(void *state, weir_call *call)
{
	const struct action *a = state;
	uint32_t count = a->host->rcpt_count(call);
	weir_str address;
	int status = WEIR_OK, worst = WEIR_OK;

	for (uint32_t i = 0; i < count; i++) {
		double score;

		if (a->host->attr_get(call, WEIR_A_RCPT, i, &address) !=
		    WEIR_OK)
			continue;
		score = a->host->score(call, i);
		status = decide_verdict(a, call, i, score,
		    decide_result(a, score));
		if (status != WEIR_OK)
			worst = status;
	}
	return worst;
}
