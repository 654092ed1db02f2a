/* SPDX-License-Identifier: GPL-2.0-or-later */
/* service - weir.quarantine/1: originals for modules that change a mail. */
#include "act.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct service {
	struct quarantine *q;
	weir_quarantine_done *done;
	void *arg;
};

/* service_is - is it of this message */
static bool
service_is(const struct service_kept *k, weir_str decision)
{
	return decision.len > 0 && weir_str_eq(decision, k->decision);
}

/* service_id - the item that was kept for this recipient, or NULL */
const char *
service_id(const struct quarantine *q, weir_call *call, uint32_t rcpt)
{
	weir_str decision = quarantine_attr(q, call, WEIR_A_MESSAGE_ID,
	    WEIR_RCPT_NONE);

	for (const struct service_kept *k = q->originals; k != NULL;
	     k = k->next)
		if (k->rcpt == rcpt && service_is(k, decision))
			return k->id;
	return NULL;
}

/* service_take - the message is over */
struct service_kept *
service_take(struct quarantine *q, weir_call *call)
{
	weir_str decision = quarantine_attr(q, call, WEIR_A_MESSAGE_ID,
	    WEIR_RCPT_NONE);
	struct service_kept *taken = NULL, **p = &q->originals;

	while (*p != NULL) {
		struct service_kept *k = *p;

		if (!service_is(k, decision)) {
			p = &k->next;
			continue;
		}
		*p = k->next;
		k->next = taken;
		taken = k;
	}
	return taken;
}

/* service_add - until the message ends: a call's slot is the other module's */
static bool
service_add(struct quarantine *q, const struct keep *k)
{
	for (uint32_t i = 0; i < k->nrcpts; i++) {
		struct service_kept *one = calloc(1, sizeof(*one));

		if (one == NULL)
			return false;
		one->rcpt = k->rcpts[i].index;
		one->adopted = k->rcpts[i].adopted;
		memcpy(one->id, k->rcpts[i].id, sizeof(one->id));
		snprintf(one->decision, sizeof(one->decision), "%s",
		    k->decision);
		one->next = q->originals;
		q->originals = one;
		q->metric->add(q->self, one->adopted ? q->metric_adopted :
		    q->metric_kept[k->rcpts[i].class_], 1);
	}
	return true;
}

/* service_done - tell the other module */
static void
service_done(weir_call *call, int status, struct keep *k, void *arg)
{
	struct service *s = arg;

	if (status == WEIR_OK && !service_add(s->q, k))
		status = WEIR_E_NOMEM;
	if (status < 0)
		act_failed(s->q, call, k->fault.text);
	s->done(call, status, weir_str_of(status == WEIR_OK ? k->rcpts[0].id :
							      ""), s->arg);
	free(s);
}

/* service_rcpts - whom it is kept for */
static uint32_t
service_rcpts(const struct quarantine *q, weir_call *call, uint32_t rcpt,
    uint32_t *out)
{
	uint32_t n = q->host->rcpt_count(call), count = 0;

	for (uint32_t i = 0; i < n; i++) {
		weir_str address;

		if ((rcpt == WEIR_RCPT_NONE || rcpt == i) &&
		    q->host->attr_get(call, WEIR_A_RCPT, i, &address) ==
			WEIR_OK)
			out[count++] = i;
	}
	return count;
}

/* service_keep - in another module's call */
static int
service_keep(void *state, weir_call *call, uint32_t class_, uint32_t rcpt,
    weir_str reason, weir_quarantine_done *done, void *arg)
{
	struct quarantine *q = state;
	struct service *s;
	struct keep *k = NULL;
	uint32_t *rcpts, n;
	int status = WEIR_E_NOMEM;

	if (q->host->stage(call) != WEIR_STAGE_EOM ||
	    q->host->phase(call) != WEIR_PHASE_ACT)
		return WEIR_E_STATE;
	if (class_ == 0 || class_ >= CLASSES || done == NULL)
		return WEIR_E_INVAL;
	n = q->host->rcpt_count(call);
	rcpts = calloc(n + 1, sizeof(*rcpts));
	s = calloc(1, sizeof(*s));
	if (rcpts != NULL && s != NULL) {
		n = service_rcpts(q, call, rcpt, rcpts);
		if (n == 0)
			status = WEIR_E_STATE;
		else
			k = mail_keep(q, call, rcpts, n);
	}
	free(rcpts);
	for (uint32_t i = 0; k != NULL && i < n; i++) {
		k->rcpts[i].class_ = (int)class_;
		free(k->rcpts[i].reason);
		k->rcpts[i].reason = strndup(reason.ptr != NULL ? reason.ptr :
						"", reason.len);
	}
	if (k != NULL) {
		k->verdict = false;
		*s = (struct service){ q, done, arg };
		status = batch_start(q, call, k, service_done, s);
	}
	if (status < 0)
		free(s);
	return status;
}

const struct weir_quarantine service_table = {
	.size = sizeof(struct weir_quarantine), .keep = service_keep
};
