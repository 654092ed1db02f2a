/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * script - what the two halves of this module share: its options, and what the
 * helper tells the worker about one run.
 */
#ifndef MOD_SCRIPT_SCRIPT_H
#define MOD_SCRIPT_SCRIPT_H

#include <weir/weir.h>

#include "answer.h"

enum { OPT_SCRIPT, OPT_VIRUS, OPT_MAX_TIME, OPT_LINE_ENDS, OPT_CONCURRENT,
	OPT_MEMORY_LIMIT, OPT_STATE_FOLDER };

#define SCRIPT_WHY 300

/* A response of the helper, in the order of its octets. */
struct script_result {
	uint32_t kind; /* enum answer_kind */
	uint32_t ms;   /* that the run took */
	double score;
	char text[SCRIPT_WHY]; /* the virus, or why there is no answer */
};

extern const struct weir_helper script_helper;

#endif
