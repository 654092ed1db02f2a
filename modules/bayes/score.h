/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * score - from counts to a probability of spam.
 *
 * Each token says how often it was met in spam and in ham; the evidence of the
 * tokens of one group is averaged, weighted by how clear it is and how often
 * it was met, as tokens of a group repeat each other, and the groups are added
 * up.  Pure. [any]
 */
#ifndef BAYES_SCORE_H
#define BAYES_SCORE_H

#include "db.h"
#include "token.h"

struct score {
	double probability; /* of spam, 0..1; 0.5: nothing is known */
	double evidence;    /* log odds before calibration */
	double groups[TOKEN_GROUPS]; /* their part of it */
	unsigned known;	    /* tokens that were met before */
};

/* Log odds of one token, 0 if it says too little. */
double score_token(const struct db_count *count,
    const struct db_totals *totals);
void score_message(const struct token *tokens, const struct db_count *counts,
    unsigned n, const struct db_totals *totals, struct score *out);
/* "spam", "ham", "unsure" */
const char *score_class(double probability, double spam, double ham);

#endif
