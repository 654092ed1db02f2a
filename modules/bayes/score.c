/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "score.h"

#include <math.h>
#include <stdlib.h>

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
#define SCORE_HAM_MOST 3.0
/* Share of a mail's tokens that must have been met before, and how much
   evidence it takes if none was: mail of another kind than what was learned
   is to be unsure. */
#define SCORE_KNOWN 0.5
#define SCORE_UNKNOWN 30.0
/* The same of its tags and looks, if there are some: they repeat within the
   mail that a site gets, so new ones tell soonest that it is of another kind. */
#define SCORE_LOOKS 0.65
#define SCORE_LOOKS_UNKNOWN 60.0
#define SCORE_LOOKS_LEAST 5

/* Where a database's mails are thought to end: evidence of all but so many
   ham, estimated from the highest SCORE_TAIL of them; the same for spam. */
#define SCORE_HAM_LOST 0.001
#define SCORE_SPAM_LOST 0.005
#define SCORE_TAIL 0.05
#define SCORE_TAIL_LEAST 8
/* Where ham ends before spam begins the threshold is that much of the way. */
#define SCORE_GAP 0.4
#define SCORE_GAP_SPAM 0.01
/* How many messages the shipped levels are worth. */
#define SCORE_SHIPPED 50
#define SCORE_SHIPPED_SPAM 1.0
#define SCORE_SHIPPED_HAM (-8.0)
/* Between both levels lies at least that. */
#define SCORE_APART 6.0
/* Log odds of the probability at the level of spam: 0.99. */
#define SCORE_SURE 4.59511985

/* Counts up to which scores of tokens are remembered. */
#define SCORE_FEW 16

/* How much a group's average counts: what a sender's program and a designer
   chose tells less about the author than words do.  Hops behind a list speak
   with the list. */
static const double score_weights[TOKEN_GROUPS] = { [TOKEN_SUBJECT] = 1,
	[TOKEN_ADDRESS] = 1, [TOKEN_ROUTE] = 1, [TOKEN_HEADER] = 0.5,
	[TOKEN_MIME] = 0.25, [TOKEN_URL] = 1, [TOKEN_HTML] = 0.25,
	[TOKEN_HIDDEN] = 1, [TOKEN_WORD_] = 1,
	[TOKEN_GRAM] = 1.5, [TOKEN_SUBJECT_GRAM] = 0.5, [TOKEN_LIST] = 1 };

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

/* score_part - a clear token weighs more, one that was met once less */
struct score_part
score_part(const struct db_count *count, const struct db_totals *totals)
{
	double met = (double)count->spam + count->ham;
	double odds = score_token(count, totals);
	double weight = fabs(odds) * sqrt(met / (met + 1));

	return (struct score_part){ odds * weight, weight };
}

/* score_add - one token */
void
score_add(struct score_sum *s, enum token_group group, bool known,
    struct score_part part)
{
	bool telling = group < TOKEN_GRAM || group == TOKEN_ROUTE;
	bool look = group == TOKEN_HTML;

	s->telling += telling;
	s->looks += look;
	if (!known)
		return;
	s->known++;
	s->told += telling;
	s->looks_known += look;
	if (group == TOKEN_LIST_ROUTE)
		group = TOKEN_LIST;
	s->odds[group] += part.odds;
	s->weight[group] += part.weight;
}

/* score_end - averages, and their sum */
void
score_end(const struct score_sum *s, struct score *out)
{
	double known = s->telling > 0 ? (double)s->told / s->telling : 0;
	double looks = s->looks >= SCORE_LOOKS_LEAST ?
	    (double)s->looks_known / s->looks : 1, v;

	memset(out, 0, sizeof(*out));
	out->known = s->known;
	for (int g = 0; g < TOKEN_GROUPS; g++) {
		v = s->odds[g] / (s->weight[g] + SCORE_PRIOR);
		out->groups[g] = score_weights[g] * fmax(v, -SCORE_HAM_MOST);
		out->evidence += out->groups[g];
	}
	out->doubt = SCORE_UNKNOWN * fmax(0, SCORE_KNOWN - known) +
	    SCORE_LOOKS_UNKNOWN * fmax(0, SCORE_LOOKS - looks);
	out->probability = 0.5;
}

/* score_calibrate - the probability: log odds are a line through the levels of
   spam and of ham; doubt leads to the middle, not beyond */
static void
score_calibrate(struct db_fit fit, struct score *s)
{
	double middle = (fit.spam + fit.ham) / 2, e = s->evidence;

	e = e > middle ? fmax(middle, e - s->doubt) :
			 fmin(middle, e + s->doubt);
	s->probability = 1 / (1 + exp(-SCORE_SURE * (e - middle) /
	    (fit.spam - middle)));
}

/* score_message - add up; most tokens were met a few times, as others were, and
   a logarithm takes long */
void
score_message(const struct token *tokens, const struct db_count *counts,
    unsigned n, const struct db_totals *totals, struct score *out)
{
	struct score_part few[SCORE_FEW][SCORE_FEW] = { { { 0, 0 } } }, part;
	bool have[SCORE_FEW][SCORE_FEW] = { { false } };
	struct score_sum sum = { 0 };

	have[0][0] = true;
	for (unsigned i = 0; i < n; i++) {
		uint32_t spam = counts[i].spam, ham = counts[i].ham;

		if (spam >= SCORE_FEW || ham >= SCORE_FEW) {
			part = score_part(&counts[i], totals);
		} else if (have[spam][ham]) {
			part = few[spam][ham];
		} else {
			part = few[spam][ham] = score_part(&counts[i], totals);
			have[spam][ham] = true;
		}
		score_add(&sum, tokens[i].group, spam != 0 || ham != 0, part);
	}
	score_end(&sum, out);
	if (totals->spam > 0 && totals->ham > 0)
		score_calibrate(score_levels(totals), out);
}

/* score_class - the word for it */
const char *
score_class(double probability, double spam, double ham)
{
	return probability >= spam ? "spam" : probability <= ham ? "ham" :
								   "unsure";
}

/* score_fit_none - the shipped levels */
struct db_fit
score_fit_none(void)
{
	return (struct db_fit){ SCORE_SHIPPED_SPAM, SCORE_SHIPPED_HAM };
}

/* score_levels - of a database */
struct db_fit
score_levels(const struct db_totals *totals)
{
	return totals->fit.spam > totals->fit.ham ? totals->fit :
						    score_fit_none();
}

/* score_order - qsort */
static int
score_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* score_tail - the value that a share of them exceeds, from the mean excess of
   the highest: single ones decide little.  v is sorted, lowest first */
static double
score_tail(const double *v, unsigned n, double share)
{
	unsigned k = (unsigned)(SCORE_TAIL * n);
	double base, over = 0;

	if (k < SCORE_TAIL_LEAST)
		k = SCORE_TAIL_LEAST;
	base = v[n - 1 - k];
	for (unsigned i = n - k; i < n; i++)
		over += v[i] - base;
	return base + over / k * log(k / (n * share));
}

/* score_shrink - few messages say little */
static double
score_shrink(double value, unsigned n, double shipped)
{
	return (n * value + SCORE_SHIPPED * shipped) / (n + SCORE_SHIPPED);
}

/* score_fit - both levels */
struct db_fit
score_fit(double *ham_most, unsigned hams, double *spam_least,
    double *spam_most, unsigned spams)
{
	struct db_fit fit = score_fit_none();
	double begin;

	if (hams <= 2 * SCORE_TAIL_LEAST || spams <= 2 * SCORE_TAIL_LEAST)
		return fit;
	qsort(ham_most, hams, sizeof(*ham_most), score_order);
	qsort(spam_least, spams, sizeof(*spam_least), score_order);
	fit.spam = score_tail(ham_most, hams, SCORE_HAM_LOST);
	begin = spam_least[(unsigned)(SCORE_GAP_SPAM * spams)];
	if (begin > fit.spam)
		fit.spam += SCORE_GAP * (begin - fit.spam);
	/* the other end of spam, from below */
	for (unsigned i = 0; i < spams; i++)
		spam_most[i] = -spam_most[i];
	qsort(spam_most, spams, sizeof(*spam_most), score_order);
	fit.ham = -score_tail(spam_most, spams, SCORE_SPAM_LOST);
	fit.spam = score_shrink(fit.spam, hams, SCORE_SHIPPED_SPAM);
	fit.ham = fmin(score_shrink(fit.ham, spams, SCORE_SHIPPED_HAM),
	    fit.spam - SCORE_APART);
	return fit;
}
