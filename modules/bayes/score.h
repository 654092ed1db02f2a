/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * score - from counts to a probability of spam.
 *
 * Each token says how often it was met in spam and in ham; the evidence of the
 * tokens of one group is averaged, weighted by how clear it is and how often
 * it was met, as tokens of a group repeat each other, and the groups are added
 * up.  What that evidence is worth differs between databases: a fit says where
 * the learned mails of this one stand.  Pure. [any]
 */
#ifndef BAYES_SCORE_H
#define BAYES_SCORE_H

#include "db.h"
#include "token.h"

struct score {
	double probability; /* of spam, 0..1; 0.5: nothing is known */
	double evidence;    /* before calibration */
	double doubt;	    /* evidence that does not count, either way, as
			       much of the mail was never met */
	double groups[TOKEN_GROUPS]; /* their part of the evidence */
	unsigned known;	    /* tokens that were met before */
};

/* The tokens of one message while they are added up; begins with zeros. */
struct score_sum {
	double odds[TOKEN_GROUPS], weight[TOKEN_GROUPS];
	unsigned known;
	unsigned told, telling; /* known and all, without grams */
	unsigned looks_known, looks; /* of TOKEN_HTML */
};

/* Log odds of one token, 0 if it says too little. */
double score_token(const struct db_count *count,
    const struct db_totals *totals);
/* What a token adds to the sums of its group. */
struct score_part {
	double odds, weight;
};
struct score_part score_part(const struct db_count *count,
    const struct db_totals *totals);
void score_add(struct score_sum *s, enum token_group group, bool known,
    struct score_part part);
/* All but the probability. */
void score_end(const struct score_sum *s, struct score *out);

void score_message(const struct token *tokens, const struct db_count *counts,
    unsigned n, const struct db_totals *totals, struct score *out);
/* "spam", "ham", "unsure" */
const char *score_class(double probability, double spam, double ham);

/* What is thought of a database of which nothing is known. */
struct db_fit score_fit_none(void);
/* The levels that count: those found, or these. */
struct db_fit score_levels(const struct db_totals *totals);
/* From the scores that learned messages had had, had they not been learned.
   The order does not matter; the arrays are sorted. */
struct db_fit score_fit(double *ham_most, unsigned hams, double *spam_least,
    double *spam_most, unsigned spams);

#endif
