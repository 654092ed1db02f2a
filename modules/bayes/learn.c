/* SPDX-License-Identifier: GPL-2.0-or-later */
/* learn - writing to the database, always in a job: one at a time for what was
   learned by itself, others as they come. */
#include "bayes.h"

#include <stdlib.h>

#define LEARN_QUEUE 1000   /* messages that wait */
#define LEARN_TIMEOUT 60000

/* A message that waits to be learned. */
struct lesson {
	struct lesson *next;
	enum db_class class_;
	uint64_t id[2];
	uint32_t n;
	uint16_t groups[TOKEN_GROUPS];
	char scope[DB_SCOPE_MAX + 1];
	uint64_t keys[];
};

/* Messages on their way into the database. */
struct lessons {
	struct bayes *b;
	struct lesson *all;
	unsigned n, changed;
	char err[DB_ERR];
};

/* lessons_free - and what is in it */
static void
lessons_free(struct lesson *l)
{
	while (l != NULL) {
		struct lesson *next = l->next;

		free(l);
		l = next;
	}
}

/* lessons_run - write them in one transaction [job] */
static int
lessons_run(weir_jobctx *ctx, void *arg)
{
	struct lessons *s = arg;
	struct db_lesson *v = calloc(s->n, sizeof(*v));
	unsigned n = 0;
	struct db *db;
	int status;

	(void)ctx;
	if (v == NULL)
		return WEIR_E_NOMEM;
	for (struct lesson *l = s->all; l != NULL; l = l->next) {
		v[n] = (struct db_lesson){ .scope = l->scope,
			.class_ = l->class_, .id = { l->id[0], l->id[1] },
			.keys = l->keys, .n = l->n };
		memcpy(v[n++].groups, l->groups, sizeof(l->groups));
	}
	status = store_use(s->b, true, &db, s->err);
	if (status == WEIR_OK) {
		status = db_learn(db, v, n, bayes_today(s->b), s->err);
		if (status == WEIR_OK)
			status = db_fit(db, "", false, s->err);
		store_done(s->b, status, s->err);
	}
	for (unsigned i = 0; status == WEIR_OK && i < n; i++)
		s->changed += v[i].changed;
	free(v);
	return status;
}

static void learn_start(weir_call *call, int status, void *arg);

/* lessons_done - the next ones may have gathered */
static void
lessons_done(weir_call *call, int status, void *arg)
{
	struct lessons *s = arg;
	struct bayes *b = s->b;

	(void)call;
	if (status == WEIR_OK) {
		b->metric->add(b->self, b->metric_learned, s->changed);
	} else if (status != WEIR_E_CANCELLED) {
		b->metric->add(b->self, b->metric_failed, s->n);
		b->host->log(b->self, NULL, WEIR_LOG_WARN,
		    weir_str_of(s->err[0] != '\0' ? s->err :
			    "what was to be learned could not be written"));
	}
	lessons_free(s->all);
	free(s);
	b->learning = false;
	if (b->queue != NULL &&
	    b->host->task(b->self, learn_start, b, LEARN_TIMEOUT) == WEIR_OK)
		b->learning = true;
}

/* learn_start - hand over what has gathered, in a call of its own */
static void
learn_start(weir_call *call, int status, void *arg)
{
	struct bayes *b = arg;
	struct lessons *s = status == WEIR_OK ? calloc(1, sizeof(*s)) : NULL;

	b->learning = false;
	if (s == NULL)
		return;
	s->b = b;
	s->all = b->queue;
	for (struct lesson *l = s->all; l != NULL; l = l->next)
		s->n++;
	b->queue = NULL;
	if (s->n > 0 && b->job->start(call, lessons_run, lessons_done, s) ==
	    WEIR_OK) {
		b->learning = true;
		return;
	}
	lessons_free(s->all);
	free(s);
}

/* learn_later - queue it; what the queue can't take is not learned */
int
learn_later(struct bayes *b, enum db_class class_, const char *scope,
    const uint64_t id[2], const uint64_t *keys, uint32_t n,
    const uint16_t groups[TOKEN_GROUPS])
{
	struct lesson *l, **end = &b->queue;
	unsigned waiting = 0;

	for (; *end != NULL; end = &(*end)->next)
		waiting++;
	if (waiting >= LEARN_QUEUE)
		return WEIR_E_LIMIT;
	l = calloc(1, sizeof(*l) + n * sizeof(*keys));
	if (l == NULL)
		return WEIR_E_NOMEM;
	l->class_ = class_;
	memcpy(l->id, id, sizeof(l->id));
	l->n = n;
	memcpy(l->groups, groups, sizeof(l->groups));
	snprintf(l->scope, sizeof(l->scope), "%s", scope);
	memcpy(l->keys, keys, n * sizeof(*keys));
	*end = l;
	if (!b->learning && b->host->task(b->self, learn_start, b,
			LEARN_TIMEOUT) == WEIR_OK)
		b->learning = true;
	return WEIR_OK;
}

/* learn_fini - what still waits is lost */
void
learn_fini(struct bayes *b)
{
	lessons_free(b->queue);
	b->queue = NULL;
}

/* One request of weir.learn/1. */
struct learn_one {
	struct bayes *b;
	bool spam;
	char user[DB_SCOPE_MAX + 1];
	char *raw;
	size_t len;
	double before, after;
	char err[DB_ERR];
	weir_learn_done *done;
	void *arg;
};

/* learn_one_run - score, learn, score again [job] */
static int
learn_one_run(weir_jobctx *ctx, void *arg)
{
	struct learn_one *o = arg;
	struct tokens *t = bayes_tokens(o->b);
	struct verdict v;
	int status, again;

	(void)ctx;
	o->before = o->after = -1;
	if (t == NULL)
		return WEIR_E_NOMEM;
	token_read(t, (weir_str){ o->raw, o->len });
	if (bayes_judge(o->b, o->user, t, &v, o->err) == WEIR_OK &&
	    v.totals.spam + v.totals.ham > 0)
		o->before = v.score.probability;
	status = bayes_teach(o->b, o->user, t, o->spam ? DB_SPAM : DB_HAM,
	    o->err);
	again = bayes_judge(o->b, o->user, t, &v, o->err);
	if (again == WEIR_OK)
		o->after = v.score.probability;
	bayes_tokens_done(o->b, t);
	return status;
}

/* learn_one_done - tell who asked */
static void
learn_one_done(weir_call *call, int status, void *arg)
{
	struct learn_one *o = arg;
	struct bayes *b = o->b;

	b->metric->add(b->self, status == WEIR_OK ? b->metric_learned :
		b->metric_failed, status == WEIR_OK ||
		status != WEIR_E_EXISTS);
	if (status < 0 && status != WEIR_E_EXISTS && o->err[0] != '\0')
		b->host->log(b->self, NULL, WEIR_LOG_WARN,
		    weir_str_of(o->err));
	o->done(call, status, o->before, o->after, o->arg);
	free(o->raw);
	free(o);
}

/* learn_learn - weir.learn/1 */
static int
learn_learn(void *state, weir_call *call, bool spam, weir_str user,
    weir_str message, weir_learn_done *done, void *arg)
{
	struct bayes *b = state;
	struct learn_one *o;
	int status;

	if (done == NULL)
		return WEIR_E_INVAL;
	o = calloc(1, sizeof(*o));
	if (o == NULL)
		return WEIR_E_NOMEM;
	o->b = b;
	o->spam = spam;
	bayes_scope_of(b, user, o->user);
	o->len = message.len < TOKEN_RAW ? message.len : TOKEN_RAW;
	o->raw = malloc(o->len + 1);
	o->done = done;
	o->arg = arg;
	if (o->raw != NULL)
		memcpy(o->raw, message.ptr, o->len);
	status = o->raw == NULL ? WEIR_E_NOMEM :
	    b->job->start(call, learn_one_run, learn_one_done, o);
	if (status != WEIR_OK) {
		free(o->raw);
		free(o);
	}
	return status;
}

const struct weir_learn learn_table = { .size = sizeof(struct weir_learn),
	.learn = learn_learn };

/* What expiry found. */
struct learn_old {
	struct bayes *b;
	uint64_t tokens, messages;
	char err[DB_ERR];
};

/* learn_expire_run - [job] */
static int
learn_expire_run(weir_jobctx *ctx, void *arg)
{
	struct learn_old *o = arg;
	unsigned today = bayes_today(o->b), days = o->b->expire_days;
	struct db *db;
	int status = store_use(o->b, false, &db, o->err);

	(void)ctx;
	if (status < 0)
		return status == WEIR_E_NOTFOUND ? WEIR_OK : status;
	status = db_expire(db, today > days ? today - days : 0,
	    today > 2 * days ? today - 2 * days : 0, &o->tokens, &o->messages,
	    o->err);
	if (status == WEIR_OK)
		status = db_fit(db, NULL, true, o->err);
	store_done(o->b, status, o->err);
	return status;
}

/* learn_expire_done - say so */
static void
learn_expire_done(weir_call *call, int status, void *arg)
{
	struct learn_old *o = arg;
	char text[DB_ERR + 64];

	(void)call;
	if (status < 0)
		snprintf(text, sizeof(text), "old tokens stay: %s", o->err);
	else
		snprintf(text, sizeof(text), "%llu old tokens forgotten",
		    (unsigned long long)o->tokens);
	if (status < 0 || o->tokens > 0)
		o->b->host->log(o->b->self, NULL, status < 0 ? WEIR_LOG_WARN :
			WEIR_LOG_INFO, weir_str_of(text));
	free(o);
}

/* learn_expire - once a day */
void
learn_expire(weir_call *call, int status, void *arg)
{
	struct learn_old *o = status == WEIR_OK ? calloc(1, sizeof(*o)) : NULL;

	if (o == NULL)
		return;
	o->b = arg;
	if (o->b->job->start(call, learn_expire_run, learn_expire_done, o) !=
	    WEIR_OK)
		free(o);
}
