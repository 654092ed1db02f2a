/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * breaker - a signature that hits too much, too soon after an update, is not
 * believed.
 *
 * One bad signature of a vendor's blocks all PDF files of the world for a day.
 * So the hits of each name are counted in a window; a name that nobody had met
 * under an older database, and that in the time after a change of the database
 * hits both more than so many mails and more than such a share of them, is
 * demoted until the database changes again. Not thread-safe.
 */
#ifndef MODULE_ANTIVIRUS_BREAKER_H
#define MODULE_ANTIVIRUS_BREAKER_H

#include "result.h"

#define BREAKER_NAMES 256u
#define BREAKER_SLICES 16u /* of the window */

struct breaker_options {
	uint32_t hits;	   /* 0: off */
	double share;	   /* 0..1 */
	int64_t window_ms;
	int64_t age_ms;	   /* a database is young for so long */
};

struct breaker_name {
	char name[AV_NAME_MAX + 1]; /* "": free */
	uint32_t generation;	    /* of the database it was first met under */
	uint32_t demoted;	    /* under this generation; 0: not */
	int64_t last_ms;
	uint32_t hits[BREAKER_SLICES];
};

struct breaker {
	struct breaker_options options;
	uint32_t generation;
	int64_t changed_ms; /* when it came */
	int64_t slice;	    /* the current one's number since time 0 */
	uint32_t mails[BREAKER_SLICES];
	struct breaker_name name[BREAKER_NAMES];
	uint32_t demoted; /* names */
};

void breaker_init(struct breaker *b, const struct breaker_options *options);
/* The database is another one now. fresh: it has changed, and was not just
   loaded for the first time. */
void breaker_database(struct breaker *b, uint32_t generation, bool fresh,
    int64_t now_ms);
/* One more mail was scanned: its viruses are counted, those that are not
   believed become AV_DEMOTED.  The name that has just been demoted, or NULL;
   valid until the next call. */
const char *breaker_apply(struct breaker *b, struct av_result *r,
    int64_t now_ms);

#endif
