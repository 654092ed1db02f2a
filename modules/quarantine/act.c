/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * act - a verdict of QUARANTINE is carried out.
 *
 * Copies are kept only for recipients whose fate is QUARANTINE: those of a
 * message that is refused as a whole stay with the sender.  At the end of the
 * message it is known what was answered: copies of mail that was refused or
 * given up all the same are taken back.
 */
#include "quarantine.h"

#include <stdlib.h>
#include <string.h>

#include "act.h"

#define WARN_MS 60000

/* act_slot - what was kept of this message so far */
struct act *
act_slot(const struct quarantine *q, weir_call *call, bool make)
{
	struct act *a = q->host->data_get(call, WEIR_SCOPE_MESSAGE,
	    WEIR_RCPT_NONE);

	if (a == NULL && make) {
		a = calloc(1, sizeof(*a));
		if (a != NULL &&
		    q->host->data_set(call, WEIR_SCOPE_MESSAGE,
			WEIR_RCPT_NONE, a, act_drop) < 0) {
			free(a);
			a = NULL;
		}
	}
	return a;
}

/* act_drop - the message is gone */
void
act_drop(void *data)
{
	struct act *a = data;

	while (a->kept != NULL) {
		struct act_kept *k = a->kept;

		a->kept = k->next;
		free(k);
	}
	free(a);
}

/* act_add - remember what became of it; false: no memory */
bool
act_add(const struct quarantine *q, weir_call *call, const struct keep *k)
{
	struct act *a = act_slot(q, call, true);

	for (uint32_t i = 0; a != NULL && i < k->nrcpts; i++) {
		struct act_kept *one = calloc(1, sizeof(*one));

		if (one == NULL)
			return false;
		one->rcpt = k->rcpts[i].index;
		one->adopted = k->rcpts[i].adopted;
		memcpy(one->id, k->rcpts[i].id, sizeof(one->id));
		one->next = a->kept;
		a->kept = one;
		if (one->adopted)
			q->metric->add(q->self, q->metric_adopted, 1);
		else
			q->metric->add(q->self,
			    q->metric_kept[k->rcpts[i].class_], 1);
	}
	return a != NULL;
}

/* act_failed - say so, but not for each mail of a bad hour */
void
act_failed(struct quarantine *q, weir_call *call, const char *why)
{
	int64_t now = q->host->mono_ms(q->self);
	bool first = q->warned_ms == 0 || now - q->warned_ms > WARN_MS;

	q->metric->add(q->self, q->metric_failed, 1);
	if (first)
		q->warned_ms = now;
	quarantine_log(q, call, first ? WEIR_LOG_ERROR : WEIR_LOG_DEBUG,
	    "can't keep a mail: %s", why);
}

/* act_defer - the sender keeps it */
static int
act_defer(struct quarantine *q, weir_call *call, const char *why)
{
	struct weir_verdict v = { .size = sizeof(v),
		.action = WEIR_ACT_TEMPFAIL, .scope = WEIR_SCOPE_MESSAGE,
		.rcpt = WEIR_RCPT_NONE, .enhanced = "4.3.1",
		.text = "Message can't be stored now, please try again "
			"later" };

	act_failed(q, call, why);
	return q->host->verdict(call, &v);
}

/* act_done - the copies are safe, or are not */
static void
act_done(weir_call *call, int status, struct keep *k, void *arg)
{
	struct quarantine *q = arg;

	if (status < 0) {
		/* a call that was given up takes no verdict: its failure
		   defers the mail, too */
		act_defer(q, call, k->fault.text[0] != '\0' ? k->fault.text :
							      "given up");
		return;
	}
	if (!act_add(q, call, k)) {
		act_defer(q, call, "no memory");
		return;
	}
	q->metric->observe(q->self, q->metric_time,
	    (double)(q->host->wall_ms(q->self) - k->time_ms) / 1e3);
	for (uint32_t i = 0; i < k->nrcpts; i++)
		q->host->kept(call, k->rcpts[i].index,
		    weir_str_of(k->rcpts[i].id));
}

/* act_original - another module has kept it for this recipient already */
static bool
act_original(const struct quarantine *q, weir_call *call, uint32_t rcpt)
{
	const char *id = service_id(q, call, rcpt);

	return id != NULL &&
	    q->host->kept(call, rcpt, weir_str_of(id)) == WEIR_OK;
}

/* act_eom - keep for those who do not get it */
int
act_eom(void *state, weir_call *call)
{
	struct quarantine *q = state;
	uint32_t n = q->host->rcpt_count(call), count = 0, *rcpts;
	struct keep *k;
	int status;

	if (comeback_eom(q, call, &status))
		return status;
	/* policy delegation shows no content: the MTA's own hold it is */
	if (n == 0 || weir_str_eq(quarantine_attr(q, call, WEIR_A_FRONTEND,
				      WEIR_RCPT_NONE), "policy"))
		return WEIR_OK;
	rcpts = calloc(n, sizeof(*rcpts));
	for (uint32_t i = 0; rcpts != NULL && i < n; i++)
		if (q->host->fate(call, i) == WEIR_ACT_QUARANTINE &&
		    !act_original(q, call, i))
			rcpts[count++] = i;
	if (count == 0) {
		free(rcpts);
		return rcpts != NULL ? WEIR_OK : WEIR_E_NOMEM;
	}
	k = mail_keep(q, call, rcpts, count);
	free(rcpts);
	status = k != NULL ? batch_start(q, call, k, act_done, q) :
			     WEIR_E_NOMEM;
	return status < 0 ? act_defer(q, call, "no thread or memory") :
			    WEIR_OK;
}

/* act_answer - one item, by what became of its recipient; original: it was
   kept beside a mail that may have gone on */
static void
act_answer(struct quarantine *q, weir_call *call, uint32_t rcpt,
    const char *id, bool adopted, bool original)
{
	int fate = q->host->fate(call, rcpt);

	if (fate == WEIR_ACT_QUARANTINE ||
	    (original && (fate == WEIR_ACT_NONE || fate == WEIR_ACT_ACCEPT ||
			     fate == WEIR_E_UNSUPPORTED)))
		batch_note(q, KEEP_ANSWERED, id, "");
	else if (!adopted)
		batch_note(q, KEEP_WITHDRAWN, id, "");
}

/* act_end - what was answered, for whom */
void
act_end(void *state, weir_call *call)
{
	struct quarantine *q = state;
	struct act *a = act_slot(q, call, false);
	struct service_kept *s = service_take(q, call);

	comeback_end(q, call);
	for (struct act_kept *k = a != NULL ? a->kept : NULL; k != NULL;
	     k = k->next)
		act_answer(q, call, k->rcpt, k->id, k->adopted, false);
	while (s != NULL) {
		struct service_kept *next = s->next;

		act_answer(q, call, s->rcpt, s->id, s->adopted, true);
		free(s);
		s = next;
	}
}
