/* SPDX-License-Identifier: GPL-2.0-only */
#include "breaker.h"

#include <stdio.h>
#include <string.h>

/* breaker_init - nothing counted */
void
breaker_init(struct breaker *b, const struct breaker_options *options)
{
	memset(b, 0, sizeof(*b));
	b->options = *options;
}

/* breaker_database - old names are known by now, and nobody is demoted */
void
breaker_database(struct breaker *b, uint32_t generation, bool fresh,
    int64_t now_ms)
{
	b->generation = generation;
	/* the first one may be as old as it likes */
	b->changed_ms = fresh ? now_ms : now_ms - b->options.age_ms;
	b->demoted = 0;
	for (uint32_t i = 0; i < BREAKER_NAMES; i++)
		b->name[i].demoted = 0;
}

/* breaker_turn - forget the slices that time has passed by */
static void
breaker_turn(struct breaker *b, int64_t now_ms)
{
	int64_t each = b->options.window_ms / BREAKER_SLICES;
	int64_t slice = now_ms / (each > 0 ? each : 1);
	int64_t gone = slice - b->slice;

	if (gone == 0)
		return;
	/* a clock that steps back starts anew */
	if (gone < 0 || gone > BREAKER_SLICES)
		gone = BREAKER_SLICES;
	b->slice = slice;
	for (int64_t k = 0; k < gone; k++) {
		unsigned at = (unsigned)((uint64_t)(slice - k) %
		    BREAKER_SLICES);

		b->mails[at] = 0;
		for (uint32_t i = 0; i < BREAKER_NAMES; i++)
			b->name[i].hits[at] = 0;
	}
}

/* breaker_sum - over the window */
static uint32_t
breaker_sum(const uint32_t slices[BREAKER_SLICES])
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < BREAKER_SLICES; i++)
		sum += slices[i];
	return sum;
}

/* breaker_find - its row; a new one takes the place of the oldest that is not
   demoted */
static struct breaker_name *
breaker_find(struct breaker *b, const char *name)
{
	struct breaker_name *oldest = NULL;

	for (uint32_t i = 0; i < BREAKER_NAMES; i++) {
		struct breaker_name *n = &b->name[i];

		if (strcmp(n->name, name) == 0)
			return n;
		if (n->demoted == 0 && (oldest == NULL ||
			(n->name[0] == '\0' && oldest->name[0] != '\0') ||
			((n->name[0] == '\0') == (oldest->name[0] == '\0') &&
			    n->last_ms < oldest->last_ms)))
			oldest = n;
	}
	if (oldest == NULL)
		return NULL;
	memset(oldest, 0, sizeof(*oldest));
	snprintf(oldest->name, sizeof(oldest->name), "%s", name);
	oldest->generation = b->generation;
	return oldest;
}

/* breaker_trips - young, often, and in too large a share */
static bool
breaker_trips(const struct breaker *b, const struct breaker_name *n,
    int64_t now_ms)
{
	uint32_t hits = breaker_sum(n->hits), mails = breaker_sum(b->mails);

	return n->generation == b->generation &&
	    now_ms - b->changed_ms < b->options.age_ms &&
	    hits >= b->options.hits &&
	    (double)hits >= b->options.share * (double)mails;
}

/* breaker_apply - count and judge */
const char *
breaker_apply(struct breaker *b, struct av_result *r, int64_t now_ms)
{
	const char *tripped = NULL;

	if (b->options.hits == 0)
		return NULL;
	breaker_turn(b, now_ms);
	b->mails[(uint64_t)b->slice % BREAKER_SLICES]++;
	for (uint32_t i = 0; i < r->n; i++) {
		struct breaker_name *n;

		if (r->hit[i].class != AV_VIRUS)
			continue;
		n = breaker_find(b, r->hit[i].name);
		if (n == NULL)
			continue;
		n->last_ms = now_ms;
		n->hits[(uint64_t)b->slice % BREAKER_SLICES]++;
		if (n->demoted == 0 && breaker_trips(b, n, now_ms)) {
			n->demoted = b->generation;
			b->demoted++;
			tripped = n->name;
		}
		if (n->demoted != 0)
			r->hit[i].class = AV_DEMOTED;
	}
	return tripped;
}
