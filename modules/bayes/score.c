/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "score.h"

#include <math.h>

/* How strongly a token that was never met counts as undecided: small, for a
   word that was met in one class alone says much. */
#define SCORE_DOUBT 0.03
/* Probability of one token nearer to one half than this says nothing. */
#define SCORE_DEAF 0.15
/* Weight of the undecided tokens that every group is thought to have besides
   its own. */
#define SCORE_PRIOR 6.0
/* What a group may say for ham at most: what a list wrote around a spam speaks
   for ham in every group that it touched, without end. */
#define SCORE_HAM_MOST 4.0
/* Evidence to log odds. */
#define SCORE_SLOPE 0.6

/* score_token - log odds of spam */
double
score_token(const struct db_count *count, const struct db_totals *totals)
{
	double n = (double)count->spam + count->ham, spam, ham, p;

	if (n == 0 || totals->spam == 0 || totals->ham == 0)
		return 0;
	spam = count->spam / (double)totals->spam;
	ham = count->ham / (double)totals->ham;
	p = (SCORE_DOUBT / 2 + n * spam / (spam + ham)) / (SCORE_DOUBT + n);
	return fabs(p - 0.5) > SCORE_DEAF ? log(p / (1 - p)) : 0;
}

/* score_message - add up */
void
score_message(const struct token *tokens, const struct db_count *counts,
    unsigned n, const struct db_totals *totals, struct score *out)
{
	double said[TOKEN_GROUPS] = { 0 }, odds, weight, met;

	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < n; i++) {
		met = (double)counts[i].spam + counts[i].ham;
		if (met == 0)
			continue;
		out->known++;
		odds = score_token(&counts[i], totals);
		/* a clear token weighs more, one that was met once less */
		weight = fabs(odds) * sqrt(met / (met + 1));
		out->groups[tokens[i].group] += odds * weight;
		said[tokens[i].group] += weight;
	}
	for (int g = 0; g < TOKEN_GROUPS; g++) {
		out->groups[g] /= said[g] + SCORE_PRIOR;
		out->groups[g] = fmax(out->groups[g], -SCORE_HAM_MOST);
		out->evidence += out->groups[g];
	}
	out->probability = 1 / (1 + exp(-SCORE_SLOPE * out->evidence));
}

/* score_class - the word for it */
const char *
score_class(double probability, double spam, double ham)
{
	return probability >= spam ? "spam" : probability <= ham ? "ham" :
								   "unsure";
}
