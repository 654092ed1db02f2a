/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * score - allow and block lists, in collect.
 *
 * The envelope sender is looked up at rcpt, the addresses of From at eom, for
 * recipients whose lists said nothing before.  Everybody can write into From:
 * an allow entry counts there only if it is the one address of the one field.
 */
#include "quarantine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCORE_RCPTS 1000 /* looked up for one message */

/* One lookup: all recipients, one set of addresses. */
struct score {
	struct quarantine *q;
	const char *where; /* "envelope sender", "From" */
	bool allow;
	char (*addresses)[USER_MAX];
	size_t naddresses;
	uint32_t n;
	uint32_t *index;
	char **rcpts; /* in lower case */
	struct lists_match *found;
	struct fault fault;
};

/* score_free - all of it */
static void
score_free(struct score *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		free(s->rcpts[i]);
	free(s->addresses);
	free(s->index);
	free(s->rcpts);
	free(s->found);
	free(s);
}

/* score_new - room for so many recipients; NULL: no memory */
static struct score *
score_new(struct quarantine *q, uint32_t max)
{
	struct score *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->q = q;
	s->index = calloc(max, sizeof(*s->index));
	s->rcpts = calloc(max, sizeof(*s->rcpts));
	s->found = calloc(max, sizeof(*s->found));
	s->addresses = calloc(LISTS_FROM_MAX, sizeof(*s->addresses));
	if (s->index != NULL && s->rcpts != NULL && s->found != NULL &&
	    s->addresses != NULL)
		return s;
	score_free(s);
	return NULL;
}

/* score_add - a recipient, unless something was found for it before */
static void
score_add(struct score *s, weir_call *call, uint32_t rcpt)
{
	const struct weir_host *h = s->q->host;
	weir_str address, known;

	if (h->attr_get(call, WEIR_A_RCPT, rcpt, &address) != WEIR_OK ||
	    h->fact_get(call, rcpt, "lists.match", &known) == WEIR_OK)
		return;
	s->rcpts[s->n] = quarantine_lower(address);
	s->index[s->n] = rcpt;
	if (s->rcpts[s->n] != NULL)
		s->n++;
}

/* score_run - in a job */
static int
score_run(weir_jobctx *ctx, void *arg)
{
	struct score *s = arg;
	const char *addresses[LISTS_FROM_MAX];
	int status = WEIR_OK;

	for (size_t i = 0; i < s->naddresses; i++)
		addresses[i] = s->addresses[i];
	for (uint32_t i = 0; status == WEIR_OK && i < s->n &&
	     !s->q->job->unwanted(ctx); i++)
		status = lists_find(s->q->store, s->rcpts[i], addresses,
		    s->naddresses, s->allow, &s->found[i], &s->fault);
	return status;
}

/* score_done - findings and facts */
static void
score_done(weir_call *call, int status, void *arg)
{
	struct score *s = arg;
	const struct weir_host *h = s->q->host;

	if (status < 0)
		h->fail(call, status, weir_str_of(s->fault.text));
	for (uint32_t i = 0; status == WEIR_OK && i < s->n; i++) {
		const struct lists_match *m = &s->found[i];
		bool allow = m->kind == LISTS_ALLOW;
		char reason[LISTS_ENTRY_MAX + USER_MAX + 100];

		if (m->kind == LISTS_NONE)
			continue;
		snprintf(reason, sizeof(reason), "%s is in the %s list of %s: "
		    "%s", s->where, allow ? "allow" : "block", m->owner,
		    m->entry);
		h->finding(call, allow ? SYMBOL_ALLOW : SYMBOL_BLOCK,
		    s->index[i], 1, weir_str_of(reason));
		h->fact_set(call, s->index[i], "lists.match",
		    weir_str_of(allow ? "allow" : "block"));
		h->fact_set(call, s->index[i], "lists.entry",
		    weir_str_of(m->entry));
	}
	score_free(s);
}

/* score_start - if there is anything to look up */
static int
score_start(struct score *s, weir_call *call)
{
	int status = WEIR_OK;

	if (s->n > 0 && s->naddresses > 0)
		status = s->q->job->start(call, score_run, score_done, s);
	if (status < 0 || s->n == 0 || s->naddresses == 0)
		score_free(s);
	return status;
}

/* score_rcpt - by the envelope sender */
int
score_rcpt(void *state, weir_call *call, uint32_t rcpt)
{
	struct quarantine *q = state;
	weir_str sender = quarantine_attr(q, call, WEIR_A_SENDER,
	    WEIR_RCPT_NONE);
	struct score *s;
	char *lower;

	if (sender.len == 0 || sender.len >= USER_MAX ||
	    !lists_any(q->store))
		return WEIR_OK;
	s = score_new(q, 1);
	lower = quarantine_lower(sender);
	if (s == NULL || lower == NULL) {
		free(lower);
		free(s);
		return WEIR_E_NOMEM;
	}
	s->where = "the envelope sender";
	s->allow = true;
	memcpy(s->addresses[0], lower, strlen(lower) + 1);
	s->naddresses = 1;
	free(lower);
	score_add(s, call, rcpt);
	return score_start(s, call);
}

/* score_eom - by From */
int
score_eom(void *state, weir_call *call)
{
	struct quarantine *q = state;
	uint32_t n = q->host->rcpt_count(call), fields;
	struct score *s;
	weir_str value;

	if (n == 0 || !lists_any(q->store))
		return WEIR_OK;
	s = score_new(q, n < SCORE_RCPTS ? n : SCORE_RCPTS);
	if (s == NULL)
		return WEIR_E_NOMEM;
	s->where = "From";
	fields = q->host->header_count(call, "From");
	for (uint32_t i = 0; i < fields && i < LISTS_FROM_MAX; i++) {
		if (q->host->header_at(call, "From", i, NULL, &value) ==
		    WEIR_OK)
			s->naddresses += lists_from(value,
			    s->addresses + s->naddresses,
			    LISTS_FROM_MAX - s->naddresses);
	}
	s->allow = fields == 1 && s->naddresses == 1;
	for (uint32_t i = 0; i < n && s->n < SCORE_RCPTS; i++)
		score_add(s, call, i);
	return score_start(s, call);
}
