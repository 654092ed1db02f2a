/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check - a mail is classified in a job, and its findings are stated; later,
   when everything is known about it, it may be learned. */
#include "bayes.h"

#include <stdlib.h>

#define CHECK_SCOPES 8 /* databases that one mail asks */

/* What the job works with. */
struct check {
	struct bayes *b;
	char *raw;
	size_t len;
	unsigned n_scopes;
	char (*scopes)[DB_SCOPE_MAX + 1]; /* CHECK_SCOPES of them */
	struct verdict *verdicts;
	int64_t started_ms;
	bool gtube;
	char err[DB_ERR];
	/* for autolearn */
	uint64_t id[2];
	uint64_t *keys;
	uint32_t n;
	uint16_t groups[TOKEN_GROUPS];
};

/* check_free - data_set's drop */
static void
check_free(void *arg)
{
	struct check *c = arg;

	free(c->raw);
	free(c->scopes);
	free(c->verdicts);
	free(c->keys);
	free(c);
}

/* check_gtube - the test text stands in what is shown; written in two pieces
   here, so that this file is none */
static bool
check_gtube(const struct check *c, const struct tokens *t)
{
	static const char text[] = "XJS*C4JDBQADN1.NSBN3*2IDNEN*"
				   "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";

	return memmem(c->raw, c->len, text, sizeof(text) - 1) != NULL ||
	    (t->seen.len > 0 && memmem(t->seen.ptr, t->seen.len, text,
		sizeof(text) - 1) != NULL);
}

/* check_run - read and classify [job] */
static int
check_run(weir_jobctx *ctx, void *arg)
{
	struct check *c = arg;
	struct tokens *t = bayes_tokens(c->b);
	int status = WEIR_OK;

	(void)ctx;
	if (t == NULL)
		return WEIR_E_NOMEM;
	token_read(t, (weir_str){ c->raw, c->len });
	c->gtube = check_gtube(c, t);
	for (unsigned i = 0; i < c->n_scopes && status == WEIR_OK; i++)
		status = bayes_judge(c->b, c->scopes[i], t, &c->verdicts[i],
		    c->err);
	/* a test is no example */
	c->keys = c->b->autolearn && status == WEIR_OK && !c->gtube ?
	    malloc((t->n + 1) * sizeof(*c->keys)) : NULL;
	if (c->keys != NULL) {
		c->n = t->n;
		memcpy(c->id, t->id, sizeof(c->id));
		bayes_keys(t, c->keys, c->groups);
	}
	bayes_tokens_done(c->b, t);
	return status;
}

/* check_symbol - by the probability */
static uint32_t
check_symbol(const struct bayes *b, double p)
{
	if (p >= b->spam)
		return p >= 1 - (1 - b->spam) / 10 ? SYM_SPAM_SURE : SYM_SPAM;
	if (p <= b->ham)
		return p <= b->ham / 10 ? SYM_HAM_SURE : SYM_HAM;
	return SYM_UNSURE;
}

/* check_state - finding and facts about the message or one recipient */
static void
check_state(struct bayes *b, weir_call *call, uint32_t rcpt,
    const struct verdict *v)
{
	const struct weir_host *h = b->host;
	double p = v->score.probability;
	const char *word = v->trained ? score_class(p, b->spam, b->ham) :
					"untrained";
	char text[128];
	int n;

	n = snprintf(text, sizeof(text), "%.4f", p);
	h->fact_set(call, rcpt, "bayes.probability",
	    (weir_str){ text, (size_t)n });
	h->fact_set(call, rcpt, "bayes.class", weir_str_of(word));
	if (!v->trained)
		return;
	n = snprintf(text, sizeof(text), "probability of spam %.4f by %u "
	    "known tokens, learned %llu spam, %llu ham", p, v->score.known,
	    (unsigned long long)v->totals.spam,
	    (unsigned long long)v->totals.ham);
	h->finding(call, check_symbol(b, p), rcpt, 1.0,
	    (weir_str){ text, (size_t)n });
}

/* check_count - metrics */
static void
check_count(struct bayes *b, const struct check *c)
{
	const struct verdict *v = &c->verdicts[0];
	double p = v->score.probability;
	int kind = p >= b->spam ? 0 : p <= b->ham ? 1 : 2;

	b->metric->add(b->self, v->trained ? b->metric_class[kind] :
					     b->metric_untrained, 1);
	b->metric->observe(b->self, b->metric_time,
	    (double)(b->host->mono_ms(b->self) - c->started_ms) / 1000);
}

/* check_done - the job has ended */
static void
check_done(weir_call *call, int status, void *arg)
{
	struct check *c = arg;
	struct bayes *b = c->b;
	char scope[DB_SCOPE_MAX + 1];
	weir_str address;

	if (c->gtube)
		b->host->finding(call, SYM_GTUBE, WEIR_RCPT_NONE, 1.0,
		    WEIR_STR("the mail is a test"));
	if (status != WEIR_OK) {
		b->metric->add(b->self, b->metric_failed, 1);
		b->host->fail(call, status, weir_str_of(c->err[0] != '\0' ?
			c->err : "the mail could not be classified"));
		check_free(c);
		return;
	}
	check_count(b, c);
	if (c->n_scopes == 1)
		check_state(b, call, WEIR_RCPT_NONE, &c->verdicts[0]);
	for (uint32_t r = 0; c->n_scopes > 1 && r < b->host->rcpt_count(call);
	     r++) {
		unsigned i = 0;

		if (b->host->attr_get(call, WEIR_A_RCPT, r, &address) !=
		    WEIR_OK)
			continue;
		bayes_scope_of(b, address, scope);
		while (i < c->n_scopes && strcmp(c->scopes[i], scope) != 0)
			i++;
		/* beyond the limit the site's database counts */
		check_state(b, call, r,
		    &c->verdicts[i < c->n_scopes ? i : 0]);
	}
	if (b->host->data_set(call, WEIR_SCOPE_MESSAGE, WEIR_RCPT_NONE, c,
		check_free) != WEIR_OK)
		check_free(c);
}

/* check_scopes - the site's, and those of the recipients */
static void
check_scopes(struct bayes *b, weir_call *call, struct check *c)
{
	char scope[DB_SCOPE_MAX + 1];
	weir_str address;

	c->scopes[0][0] = '\0';
	c->n_scopes = 1;
	if (b->scope == SCOPE_SITE)
		return;
	for (uint32_t r = 0; r < b->host->rcpt_count(call) &&
	     c->n_scopes < CHECK_SCOPES; r++) {
		unsigned i = 0;

		if (b->host->attr_get(call, WEIR_A_RCPT, r, &address) !=
		    WEIR_OK)
			continue;
		bayes_scope_of(b, address, scope);
		while (i < c->n_scopes && strcmp(c->scopes[i], scope) != 0)
			i++;
		if (i == c->n_scopes)
			strcpy(c->scopes[c->n_scopes++], scope);
	}
}

/* check_eom - begin; the mail is copied: it may go before the job ends */
int
check_eom(void *state, weir_call *call)
{
	struct bayes *b = state;
	struct check *c;
	weir_str raw;
	int status = b->mime->raw(call, &raw);

	if (status != WEIR_OK)
		return status;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return WEIR_E_NOMEM;
	c->b = b;
	c->started_ms = b->host->mono_ms(b->self);
	c->len = raw.len < TOKEN_RAW ? raw.len : TOKEN_RAW;
	c->raw = malloc(c->len + 1);
	c->scopes = calloc(CHECK_SCOPES, sizeof(*c->scopes));
	c->verdicts = calloc(CHECK_SCOPES, sizeof(*c->verdicts));
	if (c->raw == NULL || c->scopes == NULL || c->verdicts == NULL) {
		check_free(c);
		return WEIR_E_NOMEM;
	}
	memcpy(c->raw, raw.ptr, c->len);
	check_scopes(b, call, c);
	status = b->job->start(call, check_run, check_done, c);
	if (status != WEIR_OK)
		check_free(c);
	return status;
}

/* check_act - learn by itself, from what the others found */
int
check_act(void *state, weir_call *call)
{
	struct bayes *b = state;
	struct check *c = b->host->data_get(call, WEIR_SCOPE_MESSAGE,
	    WEIR_RCPT_NONE);
	double others = b->host->score(call, WEIR_RCPT_NONE), p;
	struct weir_finding f = { .size = sizeof(f) };
	enum db_class class_ = DB_NONE;

	if (c == NULL || c->keys == NULL)
		return WEIR_OK;
	/* a mail that was not checked by all is no example */
	if (b->host->unscanned_count(call) > 0)
		return WEIR_OK;
	for (uint32_t i = 0; i < b->host->finding_count(call); i++) {
		if (b->host->finding_at(call, i, &f) == WEIR_OK &&
		    f.rcpt == WEIR_RCPT_NONE && f.module.len == 5 &&
		    memcmp(f.module.ptr, "bayes", 5) == 0)
			others -= f.score;
	}
	p = c->verdicts[0].score.probability;
	if (others >= b->autolearn_spam)
		class_ = DB_SPAM;
	else if (others <= b->autolearn_ham)
		class_ = DB_HAM;
	/* what bayes holds against it is not learned without a human, and what
	   it is sure of anyway teaches nothing */
	if (class_ == DB_NONE || (c->verdicts[0].trained &&
		(class_ == DB_SPAM ? p <= b->ham : p >= b->spam)))
		return WEIR_OK;
	learn_later(b, class_, "", c->id, c->keys, c->n, c->groups);
	return WEIR_OK;
}
