/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ext_dns - weir.dns/1 on dns/resolver. */
#include <stdlib.h>

#include <weir/ext/dns.h>

#include "base/alloc.h"
#include "dns/resolver.h"
#include "replay/recorder.h"
#include "host/limits.h"
#include "host/table.h"
#include "host/trial.h"

struct ext_dns_op {
	struct call_op op;
	struct dns_query *query; /* NULL: refused before it was asked */
	struct loop_task refused;
	weir_dns_fn *fn;
	void *arg;
	char *name; /* if the session is taped, else NULL */
	uint16_t type;
};

/* ext_dns_end - hand the answer over */
static void
ext_dns_end(struct ext_dns_op *q, const struct weir_dns_answer *answer)
{
	struct call *c = q->op.call;

	if (q->name != NULL)
		recorder_dns(c->session, c->message, q->name, q->type,
		    answer);
	call_enter(c);
	q->fn(call_handle(c), answer, q->arg);
	call_op_end(&q->op);
	call_leave(c);
	free(q->name);
	free(q);
}

/* ext_dns_status - an answer without records */
static void
ext_dns_status(struct ext_dns_op *q, int status)
{
	struct weir_dns_answer a = { .status = status,
		.stride = sizeof(struct weir_dns_rr) };

	ext_dns_end(q, &a);
}

/* ext_dns_done - from the resolver */
static void
ext_dns_done(const struct weir_dns_answer *answer, void *arg)
{
	ext_dns_end(arg, answer);
}

/* ext_dns_refused - over the session's budget: said later, as ever */
static void
ext_dns_refused(struct loop_task *t)
{
	ext_dns_status(list_of(t, struct ext_dns_op, refused), WEIR_E_LIMIT);
}

/* ext_dns_cancel - the call is given up */
static bool
ext_dns_cancel(struct call_op *op, int status)
{
	struct ext_dns_op *q = list_of(op, struct ext_dns_op, op);

	dns_cancel(&q->query);
	loop_task_cancel(&q->refused);
	ext_dns_status(q, status);
	return true;
}

/* ext_dns_query - ask */
static int
ext_dns_query(weir_call *handle, const char *name, uint16_t type,
    uint32_t timeout_ms, weir_dns_fn *fn, void *arg)
{
	int status;
	struct call *c = table_starter(handle, &status);
	struct ext_dns_op *q;

	if (c == NULL)
		return status;
	if (name == NULL || fn == NULL)
		return WEIR_E_INVAL;
	trial_counts.lookups++;
	q = xcalloc(1, sizeof(*q));
	q->fn = fn;
	q->arg = arg;
	if (c->session != NULL && c->session->taped) {
		q->name = xstrdup(name);
		q->type = type;
	}
	loop_task_init(&q->refused, ext_dns_refused);
	call_op_begin(c, &q->op, ext_dns_cancel);
	if (c->session != NULL &&
	    c->session->dns_queries++ >= limits_dns_queries())
		loop_defer(&q->refused);
	else
		q->query = dns_start(name, type, timeout_ms, ext_dns_done,
		    q);
	return WEIR_OK;
}

const struct weir_dns ext_dns_table = { .query = ext_dns_query };
