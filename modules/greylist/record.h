/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * record - what is stored about a tuple, and what follows from it.
 *
 * Values are text ("1 first passed last deferred passes"), so that any tool
 * can read the store.  All times are wall milliseconds.  Pure functions. [any]
 */
#ifndef GREYLIST_RECORD_H
#define GREYLIST_RECORD_H

#include <weir/weir.h>

#define RECORD_TEXT_SIZE 128

/* A record that was never passed stays a day beyond its window, so that
   `stats` can tell how many senders did not come back. */
#define RECORD_GRACE_MS INT64_C(86400000)

struct record {
	int64_t first;	  /* first attempt */
	int64_t passed;	  /* first attempt that passed, or 0 */
	int64_t last;	  /* latest attempt */
	uint32_t deferred; /* attempts that were deferred */
	uint32_t passes;  /* attempts that passed */
};

struct record_times {
	int64_t delay;
	int64_t window;	  /* to come back, from the first attempt */
	int64_t lifetime; /* of a tuple that passed, from its last pass */
};

enum record_state {
	RECORD_NEW,	/* never seen, or expired: a first attempt */
	RECORD_EARLY,	/* came back before the delay was over */
	RECORD_PASS	/* came back in time, or passed before */
};

/* What an attempt at `now` means; r may be NULL.  *wait_out: milliseconds
   until it would pass (0: now). */
enum record_state record_judge(const struct record *r,
    const struct record_times *t, int64_t now, int64_t *wait_out);
/* The value; its length. */
size_t record_encode(const struct record *r, char *out, size_t size);
/* False if it is none of ours. */
bool record_decode(struct record *r, weir_str value);
/* How long the store shall keep it. */
int64_t record_ttl(const struct record *r, const struct record_times *t,
    int64_t now);

/* Whole decimal numbers split by single blanks; false if there are others
   than exactly n or one is above INT64_MAX. */
bool record_numbers(weir_str value, int64_t *out, size_t n);

#endif
