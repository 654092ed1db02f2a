/* SPDX-License-Identifier: GPL-2.0-or-later */
/* learn - client identities that have shown that they retry. */
#include "learn.h"

#include <inttypes.h>
#include <stdio.h>

/* learn_key - where an identity is kept */
size_t
learn_key(char *out, size_t size, const char *identity)
{
	int n = snprintf(out, size, "k %s", identity);

	return n < (int)size ? (size_t)n : size - 1;
}

/* learn_known - has it shown often enough that it retries? */
bool
learn_known(const struct learn *l, const struct learn_rule *rule, int64_t now)
{
	return l != NULL && rule->after > 0 && l->count >= rule->after &&
	    now - l->last < rule->lifetime;
}

/* learn_count - one more tuple has passed */
bool
learn_count(struct learn *l, const struct learn_rule *rule, int64_t now)
{
	if (l->count == 0 || now - l->last >= rule->lifetime) {
		*l = (struct learn){ .count = 0, .since = now };
	} else if (now >= l->last && now - l->last < rule->gap) {
		return false;
	}
	if (l->count < UINT32_MAX)
		l->count++;
	if (l->count == rule->after)
		l->since = now;
	l->last = now;
	return true;
}

/* learn_renew - it was used again */
bool
learn_renew(struct learn *l, const struct learn_rule *rule, int64_t now)
{
	if (now >= l->last && now - l->last < rule->lifetime / 20)
		return false;
	l->last = now;
	return true;
}

/* learn_encode - the value that is stored */
size_t
learn_encode(const struct learn *l, char *out, size_t size)
{
	int n = snprintf(out, size, "1 %" PRIu32 " %" PRId64 " %" PRId64,
	    l->count, l->since, l->last);

	return n < (int)size ? (size_t)n : size - 1;
}

/* learn_decode - read a stored value */
bool
learn_decode(struct learn *l, weir_str value)
{
	int64_t n[4];

	if (!record_numbers(value, n, 4) || n[0] != 1 || n[1] > UINT32_MAX)
		return false;
	*l = (struct learn){ .count = (uint32_t)n[1], .since = n[2],
		.last = n[3] };
	return true;
}
