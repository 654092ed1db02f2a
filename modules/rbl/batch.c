/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * batch - ask zones about subjects, side by side.
 *
 * A zone that has not been tested yet is tested by the same call, so that
 * the first message after a start is judged like all later ones.  What
 * counts is the zone's state when all answers are here.
 */
#include "rbl.h"

#include <stdlib.h>

struct query {
	struct batch *b;
	struct zone *z;
	unsigned int kind;
	uint32_t subject;
	enum zone_answer answer;
	struct hit hit;
};

/* batch_create - an empty batch; NULL without memory */
struct batch *
batch_create(struct rbl *r, void (*done)(struct batch *, weir_call *))
{
	struct batch *b = calloc(1, sizeof(*b));

	if (b != NULL) {
		b->r = r;
		b->done = done;
	}
	return b;
}

/* batch_subject - one more subject to fill in */
struct subject *
batch_subject(struct batch *b, unsigned int kind)
{
	if (b->nsubjects == BATCH_SUBJECTS)
		return NULL;
	b->kinds[b->nsubjects] = kind;
	return &b->subjects[b->nsubjects++];
}

/* batch_settle - collect the hits of zones that are up; the end */
static void
batch_settle(struct batch *b, weir_call *call)
{
	struct hit **tail = &b->hits;

	for (uint32_t i = 0; i < b->wanted; i++) {
		struct query *q = &b->queries[i];

		if (q->z->state != ZONE_UP || q->answer == ZONE_SILENT ||
		    q->answer == ZONE_UNKNOWN) {
			b->off = q->z;
			continue;
		}
		b->ran++;
		if (q->answer != ZONE_LISTED)
			continue;
		*tail = &q->hit;
		tail = &q->hit.next;
	}
	b->done(b, call);
	free(b->queries);
	free(b);
}

/* batch_left - something has completed */
static void
batch_left(struct batch *b, weir_call *call)
{
	if (--b->pending == 0)
		batch_settle(b, call);
}

/* batch_tested - the state of a zone is settled */
static void
batch_tested(weir_call *call, void *arg)
{
	batch_left(arg, call);
}

/* batch_answer - a zone has answered */
static void
batch_answer(weir_call *call, const struct weir_dns_answer *a, void *arg)
{
	struct query *q = arg;
	struct rbl *r = q->b->r;

	q->answer = zone_judge(r, q->z, a, &q->hit.addr, &q->hit.score);
	if (q->kind == KIND_CLIENT &&
	    (q->answer == ZONE_LISTED || q->answer == ZONE_NOT_LISTED))
		health_seen(r, q->z, &q->b->subjects[q->subject],
		    q->answer == ZONE_LISTED);
	batch_left(q->b, call);
}

/* batch_asks - is this subject a question for this zone? */
static bool
batch_asks(const struct batch *b, const struct zone *z, uint32_t subject)
{
	return z->enabled && (z->kinds & KIND_BIT(b->kinds[subject])) != 0 &&
	    !(z->allow && b->block_only[subject]);
}

/* batch_ask - send one question */
static void
batch_ask(struct query *q, weir_call *call)
{
	struct batch *b = q->b;
	char name[NAME_SIZE];

	q->answer = ZONE_SILENT;
	if (q->z->state == ZONE_FAILING || q->z->state == ZONE_SUSPENDED)
		return;
	if (!zone_query_name(q->z, &b->subjects[q->subject], name)) {
		/* what is too long to ask can't be listed */
		q->answer = ZONE_NOT_LISTED;
		return;
	}
	if (b->r->dns->query(call, name, WEIR_DNS_A, q->z->timeout_ms,
	    batch_answer, q) == WEIR_OK)
		b->pending++;
}

/* batch_test - test the zones that have to be, in the same call */
static void
batch_test(struct batch *b, weir_call *call)
{
	struct zone *last = NULL;

	/* questions are sorted by zone */
	for (uint32_t i = 0; i < b->wanted; i++) {
		struct zone *z = b->queries[i].z;

		if (z == last || z->state != ZONE_UNTESTED)
			continue;
		last = z;
		if (health_test(b->r, z, call, batch_tested, b) == WEIR_OK)
			b->pending++;
	}
}

/* batch_start - ask everything */
void
batch_start(struct batch *b, weir_call *call)
{
	struct rbl *r = b->r;
	uint32_t n = 0;

	for (uint32_t z = 0; z < r->nzones; z++)
		for (uint32_t s = 0; s < b->nsubjects; s++)
			n += batch_asks(b, &r->zones[z], s);
	b->queries = calloc(n + 1, sizeof(*b->queries));
	for (uint32_t z = 0; b->queries != NULL && z < r->nzones; z++)
		for (uint32_t s = 0; s < b->nsubjects; s++) {
			struct query *q = &b->queries[b->wanted];

			if (!batch_asks(b, &r->zones[z], s))
				continue;
			b->wanted++;
			*q = (struct query){ .b = b, .z = &r->zones[z],
				.kind = b->kinds[s], .subject = s };
			q->hit.zone = q->z;
			q->hit.kind = q->kind;
			q->hit.subject = s;
		}
	/* one more than there are: nothing settles while we still ask */
	b->pending = 1;
	for (uint32_t i = 0; i < b->wanted; i++)
		batch_ask(&b->queries[i], call);
	batch_test(b, call);
	batch_left(b, call);
}
