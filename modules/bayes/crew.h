/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crew - several threads read messages; what they found is taken in order.
 *
 * The caller's thread hands over one message after the other, takes the results
 * in the same order, and works as well while nothing else is to be done.  So
 * neither the order nor a result depends on how many threads there are.  What
 * waits is bounded: CREW_AHEAD messages a thread, TOKEN_RAW octets of each.
 */
#ifndef BAYES_CREW_H
#define BAYES_CREW_H

#include "bayes.h"

#define CREW_MAX 64    /* threads */
#define CREW_DEFAULT 8 /* more than that wait for the one that reads files */
#define CREW_AHEAD 8   /* messages a thread */

struct crew_work {
	size_t size; /* of a result */
	/* Read one message. [any] */
	void (*work)(struct tokens *t, weir_str raw, void *result, void *arg);
	/* Take a result; false: stop. [the caller's thread] */
	bool (*take)(const char *name, const void *result, void *arg);
	void *arg;
};

struct crew;

/* As many threads as this process may use processors, CREW_DEFAULT at most. */
unsigned crew_processors(void);
/* t: what the caller's thread reads into; borrowed.  threads: with that one;
   the others start when they are needed.  NULL: no memory. */
struct crew *crew_create(struct bayes *b, struct tokens *t, unsigned threads,
    const struct crew_work *work);
/* files_fn, arg is the crew: hand over a message, which is copied; false: a
   take() said stop. */
bool crew_put(const char *name, weir_str raw, void *arg);
/* Take what is left, end the threads, free it. */
void crew_finish(struct crew **crew);

#endif
