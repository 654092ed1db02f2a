/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * learn - client identities that have shown that they retry.
 *
 * Every tuple that passes for the first time counts for its identity, at most
 * once per `gap` (a queue run of one spammer is one proof, not fifty).  After
 * `after` of them the identity is known: it is not delayed any more until it
 * has been away for a lifetime.  The value is text, "1 count since last".
 * Pure functions. [any]
 */
#ifndef GREYLIST_LEARN_H
#define GREYLIST_LEARN_H

#include "record.h"
#include "tuple.h"

#define LEARN_KEY_SIZE (2 + TUPLE_IDENTITY_SIZE)

struct learn {
	uint32_t count; /* tuples that passed */
	int64_t since;	/* when it became known, or the first pass */
	int64_t last;	/* latest pass that counted, or use */
};

struct learn_rule {
	uint32_t after; /* 0: never */
	int64_t gap;
	int64_t lifetime;
};

/* "k identity"; the length. */
size_t learn_key(char *out, size_t size, const char *identity);
/* Is it known at this time?  l may be NULL. */
bool learn_known(const struct learn *l, const struct learn_rule *rule,
    int64_t now);
/* Count one first pass (l is zero if there was none).  False if the gap has
   not passed: nothing to store. */
bool learn_count(struct learn *l, const struct learn_rule *rule, int64_t now);
/* A known identity was used: true if that must be stored.  Not each time:
   once a twentieth of the lifetime is enough. */
bool learn_renew(struct learn *l, const struct learn_rule *rule, int64_t now);
size_t learn_encode(const struct learn *l, char *out, size_t size);
bool learn_decode(struct learn *l, weir_str value);

#endif
