/* SPDX-License-Identifier: GPL-2.0-or-later */
/* record - what is stored about a tuple, and what follows from it. */
#include "record.h"

#include <inttypes.h>
#include <stdio.h>

/* record_judge - is this attempt the first, too early, or in time? */
enum record_state
record_judge(const struct record *r, const struct record_times *t,
    int64_t now, int64_t *wait_out)
{
	*wait_out = t->delay;
	if (r == NULL)
		return RECORD_NEW;
	if (r->passed != 0) {
		/* a clock that was set back must not lock anybody out */
		if (now - r->last >= t->lifetime)
			return RECORD_NEW;
		*wait_out = 0;
		return RECORD_PASS;
	}
	if (r->first > now || now - r->first >= t->window)
		return RECORD_NEW;
	if (now - r->first < t->delay) {
		*wait_out = t->delay - (now - r->first);
		return RECORD_EARLY;
	}
	*wait_out = 0;
	return RECORD_PASS;
}

/* record_encode - the value that is stored */
size_t
record_encode(const struct record *r, char *out, size_t size)
{
	int n = snprintf(out, size,
	    "1 %" PRId64 " %" PRId64 " %" PRId64 " %" PRIu32 " %" PRIu32,
	    r->first, r->passed, r->last, r->deferred, r->passes);

	return n < (int)size ? (size_t)n : size - 1;
}

/* record_numbers - read exactly n numbers */
bool
record_numbers(weir_str value, int64_t *out, size_t n)
{
	size_t i = 0;

	for (size_t k = 0; k < n; k++) {
		size_t begin;

		if (k > 0 && (i >= value.len || value.ptr[i++] != ' '))
			return false;
		begin = i;
		out[k] = 0;
		while (i < value.len && value.ptr[i] >= '0' &&
		    value.ptr[i] <= '9') {
			int digit = value.ptr[i++] - '0';

			if (out[k] > (INT64_MAX - digit) / 10)
				return false;
			out[k] = out[k] * 10 + digit;
		}
		if (i == begin)
			return false;
	}
	return i == value.len;
}

/* record_decode - read a stored value */
bool
record_decode(struct record *r, weir_str value)
{
	int64_t n[6];

	if (!record_numbers(value, n, 6) || n[0] != 1 || n[4] > UINT32_MAX ||
	    n[5] > UINT32_MAX)
		return false;
	*r = (struct record){ .first = n[1], .passed = n[2], .last = n[3],
		.deferred = (uint32_t)n[4], .passes = (uint32_t)n[5] };
	return true;
}

/* record_ttl - how long the store shall keep it */
int64_t
record_ttl(const struct record *r, const struct record_times *t, int64_t now)
{
	int64_t left;

	if (r->passed != 0)
		return t->lifetime;
	left = r->first + t->window + RECORD_GRACE_MS - now;
	return left > 0 ? left : 1;
}
