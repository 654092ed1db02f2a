/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mail/id.h"

#include <stdint.h>
#include <string.h>

#include "base/clock.h"

static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
static uint64_t worker_bits;
static uint64_t last_ms;
static uint64_t counter;

/* id_worker - this process's share of the ids */
void
id_worker(unsigned worker)
{
	worker_bits = worker & 0xffu;
}

/* id_make - the next id; a burst of over 4096 in a millisecond borrows from the
   next one */
void
id_make(char out[ID_LEN + 1])
{
	uint64_t ms = (uint64_t)clock_wall_ms(), v;

	if (ms > last_ms) {
		last_ms = ms;
		counter = 0;
	} else if (++counter == 4096) {
		last_ms++;
		counter = 0;
	}
	v = (last_ms & 0xffffffffffu) << 20 | worker_bits << 12 | counter;
	for (int i = ID_LEN - 1; i >= 0; i--, v >>= 5)
		out[i] = digits[v & 31];
	out[ID_LEN] = '\0';
}

/* id_is_valid - could this be one of ours */
bool
id_is_valid(const char *s)
{
	return strlen(s) == ID_LEN && strspn(s, digits) == ID_LEN;
}
