/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bayes - judging and teaching, for mail and for commands. */
#include "bayes.h"

#include <stdlib.h>

/* bayes_tokens - a spare set, or a new one */
struct tokens *
bayes_tokens(struct bayes *b)
{
	struct tokens *t = NULL;

	pthread_mutex_lock(&b->lock);
	for (int i = 0; i < BAYES_SPARES && t == NULL; i++) {
		t = b->spare[i];
		b->spare[i] = NULL;
	}
	pthread_mutex_unlock(&b->lock);
	if (t == NULL)
		t = tokens_create();
	if (t != NULL)
		t->skip = b->skip;
	return t;
}

/* bayes_tokens_done - keep it for the next mail */
void
bayes_tokens_done(struct bayes *b, struct tokens *t)
{
	pthread_mutex_lock(&b->lock);
	for (int i = 0; i < BAYES_SPARES && t != NULL; i++) {
		if (b->spare[i] != NULL)
			continue;
		b->spare[i] = t;
		t = NULL;
	}
	pthread_mutex_unlock(&b->lock);
	tokens_destroy(&t);
}

/* bayes_today - days since 1970 */
unsigned
bayes_today(const struct bayes *b)
{
	return (unsigned)(b->host->wall_ms(b->self) / 86400000);
}

/* bayes_scope_of - by the option "scope" */
void
bayes_scope_of(const struct bayes *b, weir_str address,
    char out[DB_SCOPE_MAX + 1])
{
	const char *at = memrchr(address.ptr, '@', address.len);
	size_t n = address.len;

	out[0] = '\0';
	if (b->scope == SCOPE_SITE || at == NULL)
		return;
	if (b->scope == SCOPE_DOMAIN) {
		n -= (size_t)(at - address.ptr);
		address.ptr = at;
	}
	if (n > DB_SCOPE_MAX)
		return;
	for (size_t i = 0; i < n; i++)
		out[i] = text_lower(address.ptr[i]);
	out[n] = '\0';
}

/* bayes_keys - hashes by group */
void
bayes_keys(const struct tokens *t, uint64_t *keys,
    uint16_t groups[TOKEN_GROUPS])
{
	unsigned at[TOKEN_GROUPS], next = 0;

	memset(groups, 0, TOKEN_GROUPS * sizeof(*groups));
	for (unsigned i = 0; i < t->n; i++)
		groups[t->v[i].group]++;
	for (int g = 0; g < TOKEN_GROUPS; g++) {
		at[g] = next;
		next += groups[g];
	}
	for (unsigned i = 0; i < t->n; i++)
		keys[at[t->v[i].group]++] = t->v[i].hash;
}

/* judge_trained - was enough learned? */
static bool
judge_trained(const struct bayes *b, const struct db_totals *totals)
{
	return totals->spam >= b->min_spam && totals->ham >= b->min_ham;
}

/* bayes_judge - the scope's own database if it is trained, else the site's */
int
bayes_judge(struct bayes *b, const char *scope, const struct tokens *t,
    struct verdict *out, char err[DB_ERR])
{
	struct db_count *counts;
	struct db *db;
	int status;

	memset(out, 0, sizeof(*out));
	out->score.probability = 0.5;
	status = store_use(b, false, &db, err);
	if (status < 0)
		return status == WEIR_E_NOTFOUND ? WEIR_OK : status;
	counts = calloc(t->n + 1, sizeof(*counts));
	if (counts == NULL) {
		store_done(b, WEIR_OK, "");
		return WEIR_E_NOMEM;
	}
	if (scope[0] != '\0')
		status = db_totals(db, scope, &out->totals);
	if (scope[0] == '\0' || !judge_trained(b, &out->totals))
		scope = "";
	snprintf(out->scope, sizeof(out->scope), "%s", scope);
	if (status == WEIR_OK)
		status = db_counts(db, scope, t->v, t->n, counts,
		    &out->totals);
	out->trained = status == WEIR_OK && judge_trained(b, &out->totals);
	if (status == WEIR_OK)
		score_message(t->v, counts, t->n, &out->totals, &out->score);
	else
		snprintf(err, DB_ERR, "the database can't be read");
	store_done(b, status, err);
	free(counts);
	return status;
}

/* bayes_teach - one message, in one transaction */
int
bayes_teach(struct bayes *b, const char *scope, const struct tokens *t,
    enum db_class class_, char err[DB_ERR])
{
	uint64_t *keys = malloc((t->n + 1) * sizeof(*keys));
	struct db_lesson l[2];
	unsigned n = scope[0] != '\0' ? 2 : 1;
	struct db *db;
	int status;

	if (keys == NULL)
		return WEIR_E_NOMEM;
	memset(l, 0, sizeof(l));
	l[0] = (struct db_lesson){ .scope = "", .class_ = class_,
		.id = { t->id[0], t->id[1] }, .keys = keys, .n = t->n };
	bayes_keys(t, keys, l[0].groups);
	l[1] = l[0];
	l[1].scope = scope;
	status = store_use(b, class_ != DB_NONE, &db, err);
	if (status == WEIR_OK) {
		status = db_learn(db, l, n, bayes_today(b), err);
		for (unsigned i = 0; i < n && status == WEIR_OK; i++)
			status = db_fit(db, l[i].scope, false, err);
		store_done(b, status, err);
	}
	free(keys);
	if (status == WEIR_OK && !l[0].changed && !(n > 1 && l[1].changed))
		return WEIR_E_EXISTS;
	return status;
}
