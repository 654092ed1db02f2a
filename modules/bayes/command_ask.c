/* SPDX-License-Identifier: GPL-2.0-or-later */
/* command_ask - classify, explain and stats: what the database says. */
#include "command.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#define COMMAND_EXPLAIN 30 /* tokens that are shown */

/* command_word - the class, or that nothing can be said yet */
static const char *
command_word(const struct command *c, const struct verdict *v)
{
	return v->trained ? score_class(v->score.probability, c->b->spam,
				c->b->ham) : "untrained";
}

/* What a message is. */
struct command_verdict {
	int status;
	struct verdict v;
	char err[DB_ERR];
};

/* command_classify_read - crew_work's */
static void
command_classify_read(struct tokens *t, weir_str raw, void *result, void *arg)
{
	const struct command *c = arg;
	struct command_verdict *r = result;

	token_read(t, raw);
	r->status = bayes_judge(c->b, c->user, t, &r->v, r->err);
}

/* command_classify_one - crew_work's */
static bool
command_classify_one(const char *name, const void *result, void *arg)
{
	const struct command_verdict *r = result;
	const struct verdict *v = &r->v;
	struct command *c = arg;

	c->status = r->status;
	memcpy(c->err, r->err, sizeof(c->err));
	if (c->status < 0)
		return false;
	if (c->json)
		command_print_json(c, json_pack("{s:o,s:f,s:s}", "file",
		    command_text(name), "probability", v->score.probability,
		    "class", command_word(c, v)));
	else
		command_print(c, "%.4f %-6s %s\n", v->score.probability,
		    command_word(c, v), name);
	return true;
}

/* command_classify - classify FILE|DIR ... */
int
command_classify(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	struct command c;
	int status;

	if (!command_open(&c, state, call, argc, argv, json) || c.n_words < 1)
		return command_close(&c, WEIR_E_INVAL);
	if (!command_db(&c))
		return command_close(&c, command_fail(&c, c.status));
	status = command_crew(&c, 0, (struct crew_work){
	    .size = sizeof(struct command_verdict),
	    .work = command_classify_read, .take = command_classify_one }) ?
	    WEIR_OK : WEIR_E_TEMP;
	if (c.status < 0)
		status = c.status;
	else if (status < 0)
		snprintf(c.err, sizeof(c.err), "not everything could be read");
	return command_close(&c, status < 0 ? command_fail(&c, status) :
					      WEIR_OK);
}

/* A token and what it says. */
struct command_token {
	unsigned index;
	struct db_count count;
	double odds;
};

/* command_stronger - qsort: what says most first */
static int
command_stronger(const void *a, const void *b)
{
	double x = fabs(((const struct command_token *)a)->odds);
	double y = fabs(((const struct command_token *)b)->odds);

	return (x < y) - (x > y);
}

/* command_explain_json - for programs */
static void
command_explain_json(const struct command *c, const char *name,
    const struct verdict *v, const struct command_token *all, unsigned n)
{
	json_t *tokens = json_array(), *groups = json_object();
	struct db_fit fit = score_levels(&v->totals);

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(tokens, json_pack(
		    "{s:s,s:o,s:I,s:I,s:f}", "group",
		    token_group_name(c->t->v[all[i].index].group), "token",
		    command_text(token_name(c->t, all[i].index)), "spam",
		    (json_int_t)all[i].count.spam, "ham",
		    (json_int_t)all[i].count.ham, "evidence", all[i].odds));
	for (int g = 0; g < TOKEN_GROUPS; g++)
		json_object_set_new(groups, token_group_name(g),
		    json_real(v->score.groups[g]));
	command_print_json(c, json_pack(
	    "{s:o,s:f,s:s,s:I,s:I,s:f,s:f,s:f,s:f,s:o,s:o}",
	    "file", command_text(name), "probability",
	    v->score.probability, "class", command_word(c, v), "spam",
	    (json_int_t)v->totals.spam, "ham", (json_int_t)v->totals.ham,
	    "evidence", v->score.evidence, "doubt", v->score.doubt,
	    "spam_level", fit.spam, "ham_level", fit.ham,
	    "groups", groups, "tokens", tokens));
}

/* command_explain_text - for people */
static void
command_explain_text(const struct command *c, const char *name,
    const struct verdict *v, const struct command_token *all, unsigned n)
{
	struct db_fit fit = score_levels(&v->totals);

	command_print(c, "%s: %s, probability of spam %.4f\n%u of %u tokens "
	    "are known from %" PRIu64 " spam and %" PRIu64 " ham\nevidence "
	    "%+.2f, doubt %.2f; 0.99 is at %+.2f, 0.01 at %+.2f\n\nevidence "
	    "by group\n", name, command_word(c, v), v->score.probability,
	    v->score.known, c->t->n, v->totals.spam, v->totals.ham,
	    v->score.evidence, v->score.doubt, fit.spam, fit.ham);
	for (int g = 0; g < TOKEN_GROUPS; g++) {
		if (v->score.groups[g] != 0)
			command_print(c, "%+8.2f  %s\n", v->score.groups[g],
			    token_group_name(g));
	}
	command_print(c, "\nevidence    spam     ham  token\n");
	for (unsigned i = 0; i < n; i++)
		command_print(c, "%+8.2f %7u %7u  %s\n", all[i].odds,
		    all[i].count.spam, all[i].count.ham,
		    token_name(c->t, all[i].index));
}

/* command_explain_one - files_fn */
static bool
command_explain_one(const char *name, weir_str raw, void *arg)
{
	struct command *c = arg;
	struct command_token *all;
	struct db_count *counts;
	struct verdict v;
	struct db *db;
	unsigned n = 0;

	c->t->named = true;
	token_read(c->t, raw);
	c->t->named = false;
	c->status = bayes_judge(c->b, c->user, c->t, &v, c->err);
	if (c->status < 0)
		return false;
	all = calloc(c->t->n + 1, sizeof(*all));
	counts = calloc(c->t->n + 1, sizeof(*counts));
	c->status = all != NULL && counts != NULL ?
	    store_use(c->b, false, &db, c->err) : WEIR_E_NOMEM;
	if (c->status == WEIR_OK) {
		c->status = db_counts(db, v.scope, c->t->v, c->t->n, counts,
		    &v.totals);
		store_done(c->b, c->status, c->err);
	}
	for (unsigned i = 0; c->status == WEIR_OK && i < c->t->n; i++) {
		double odds = score_token(&counts[i], &v.totals);

		if (odds != 0)
			all[n++] = (struct command_token){ i, counts[i],
				odds };
	}
	qsort(all, n, sizeof(*all), command_stronger);
	if (n > COMMAND_EXPLAIN)
		n = COMMAND_EXPLAIN;
	if (c->status == WEIR_OK && c->json)
		command_explain_json(c, name, &v, all, n);
	else if (c->status == WEIR_OK)
		command_explain_text(c, name, &v, all, n);
	free(all);
	free(counts);
	return false; /* one mail is enough */
}

/* command_explain - explain FILE|- */
int
command_explain(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	struct command c;

	if (!command_open(&c, state, call, argc, argv, json) ||
	    c.n_words != 1)
		return command_close(&c, WEIR_E_INVAL);
	if (command_db(&c) && !command_all(&c, 0, command_explain_one, &c))
		snprintf(c.err, sizeof(c.err), "it could not be read");
	return command_close(&c, c.status < 0 || c.err[0] != '\0' ?
	    command_fail(&c, c.status < 0 ? c.status : WEIR_E_TEMP) :
	    WEIR_OK);
}

/* stats_scope - a line a scope */
static bool
stats_scope(const char *scope, const struct db_totals *t, void *arg)
{
	struct command *c = arg;
	struct db_fit fit = score_levels(t);

	command_print(c, "%10" PRIu64 " spam %10" PRIu64 " ham  %s\n"
	    "%10u      %10u kept: 0.99 is at %+.2f, 0.01 at %+.2f\n",
	    t->spam, t->ham, scope[0] != '\0' ? scope : "the site",
	    t->kept_spam, t->kept_ham, fit.spam, fit.ham);
	return true;
}

/* stats_scope_json - the same for programs */
static bool
stats_scope_json(const char *scope, const struct db_totals *t, void *arg)
{
	struct db_fit fit = score_levels(t);

	json_array_append_new(arg, json_pack(
	    "{s:o,s:I,s:I,s:i,s:i,s:f,s:f}", "scope", command_text(scope),
	    "spam", (json_int_t)t->spam, "ham", (json_int_t)t->ham,
	    "kept_spam", t->kept_spam, "kept_ham", t->kept_ham,
	    "spam_level", fit.spam, "ham_level", fit.ham));
	return true;
}

/* command_stats - stats */
int
command_stats(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	struct command c;
	struct db_stats s = { 0 };
	json_t *scopes = json_array();
	struct db *db;
	int status;

	if (!command_open(&c, state, call, argc, argv, json) ||
	    c.n_words != 0) {
		json_decref(scopes);
		return command_close(&c, WEIR_E_INVAL);
	}
	status = store_use(c.b, false, &db, c.err);
	if (status == WEIR_OK) {
		status = db_stats(db, &s);
		if (status == WEIR_OK && json)
			status = db_scopes(db, stats_scope_json, scopes);
		else if (status == WEIR_OK)
			command_print(&c, "%" PRIu64 " tokens, %" PRIu64
			    " messages, %.1f MiB in %s/" DB_FILE "\n",
			    s.tokens, s.messages, (double)s.octets / 1048576,
			    c.b->dir);
		if (status == WEIR_OK && !json)
			status = db_scopes(db, stats_scope, &c);
		store_done(c.b, status, "");
	}
	if (status == WEIR_OK && json)
		command_print_json(&c, json_pack("{s:I,s:I,s:I,s:O}",
		    "tokens", (json_int_t)s.tokens, "messages",
		    (json_int_t)s.messages, "octets", (json_int_t)s.octets,
		    "scopes", scopes));
	json_decref(scopes);
	return command_close(&c, status < 0 ? command_fail(&c, status) :
					      WEIR_OK);
}
