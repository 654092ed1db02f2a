/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query - an evaluation on weir.dns: one question after the other. */
#include "spf.h"

#include <stdlib.h>

struct spf_query {
	struct spf *m;
	struct spf_eval *eval;
	struct spf_cross *cross; /* or NULL */
	struct spf_question question;
	int64_t begun; /* mono */
	spf_query_fn *fn;
	void *arg;
};

/* query_free - forget it */
static void
query_free(struct spf_query *q)
{
	spf_eval_destroy(&q->eval);
	free(q->cross);
	free(q);
}

/* query_end - hand over the result */
static void
query_end(struct spf_query *q, weir_call *call, bool given_up)
{
	const struct spf_outcome *o = spf_eval_outcome(q->eval);
	struct spf *m = q->m;

	if (!given_up) {
		m->metric->add(m->self, m->metric_result[o->result], 1);
		m->metric->add(m->self, m->metric_lookups, o->lookup_count);
		m->metric->observe(m->self, m->metric_seconds,
		    (double)(m->host->mono_ms(m->self) - q->begun) / 1000);
	}
	q->fn(call, given_up ? NULL : o, q->arg);
	if (!given_up)
		spf_cross_ask(&q->cross, call, o);
	query_free(q);
}

static void query_answer(weir_call *call, const struct weir_dns_answer *a,
    void *arg);

/* query_step - ask what is to be asked, or be done */
static int
query_step(struct spf_query *q, weir_call *call)
{
	int64_t left = q->begun + q->m->timeout_ms -
	    q->m->host->mono_ms(q->m->self);

	if (left <= 0)
		spf_eval_expire(q->eval, "no result in time");
	if (!spf_eval_next(q->eval, &q->question)) {
		query_end(q, call, false);
		return WEIR_OK;
	}
	return q->m->dns->query(call, q->question.name, q->question.type,
	    (uint32_t)left, query_answer, q);
}

/* query_answer - the next step */
static void
query_answer(weir_call *call, const struct weir_dns_answer *a, void *arg)
{
	struct spf_query *q = arg;
	int status = a->status;

	if (status != WEIR_E_CANCELLED) {
		spf_cross_answer(q->cross, &q->question, a);
		spf_eval_answer(q->eval, a);
		status = query_step(q, call);
		if (status == WEIR_OK)
			return;
	}
	/* q is gone if it was done; here something could not be asked */
	query_end(q, call, true);
}

/* spf_query_start - the first step */
int
spf_query_start(struct spf *m, weir_call *call, const struct spf_input *input,
    spf_query_fn *fn, void *arg)
{
	struct spf_query *q = calloc(1, sizeof(*q));
	int status;

	if (q == NULL)
		return WEIR_E_NOMEM;
	*q = (struct spf_query){ .m = m, .fn = fn, .arg = arg,
		.begun = m->host->mono_ms(m->self),
		.eval = spf_eval_create(input) };
	if (q->eval == NULL) {
		free(q);
		return WEIR_E_NOMEM;
	}
	q->cross = spf_cross_begin(m, input);
	status = query_step(q, call);
	if (status != WEIR_OK)
		query_free(q);
	return status;
}
