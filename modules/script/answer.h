/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * answer - what a check script says on its standard output: "v1", then one of
 * "OK", "SCORE: number" and "VIRUS: name".  Anything else is no answer.
 */
#ifndef MOD_SCRIPT_ANSWER_H
#define MOD_SCRIPT_ANSWER_H

#include <stddef.h>

#define ANSWER_OCTETS 4096 /* more output is not read */
#define ANSWER_NAME 128	   /* octets of a name; the rest is cut */
#define ANSWER_SCORE 1000.0 /* either way; beyond it is no answer */

enum answer_kind { ANSWER_OK, ANSWER_SCORED, ANSWER_VIRUS, ANSWER_NONE };

struct answer {
	enum answer_kind kind;
	double score;
	char name[ANSWER_NAME + 1]; /* printable ASCII; of a virus */
	const char *why;	    /* ANSWER_NONE: what is wrong */
};

/* Read it; words may be in any case, lines may end in CR LF. */
void answer_read(const char *text, size_t len, struct answer *out);

#endif
