/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"

#include <time.h>

/* Other threads (log, records) ask while a test turns it. */
static _Atomic int64_t frozen_wall; /* 0: real time */
static _Atomic int64_t mono_offset;

/* clock_read - one of the system's clocks in nanoseconds */
static uint64_t
clock_read(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* clock_wall_ms - milliseconds since 1970 */
int64_t
clock_wall_ms(void)
{
	if (frozen_wall != 0)
		return frozen_wall;
	return (int64_t)(clock_read(CLOCK_REALTIME) / 1000000u) + mono_offset;
}

/* clock_mono_ms - milliseconds that never step */
int64_t
clock_mono_ms(void)
{
	return (int64_t)(clock_read(CLOCK_MONOTONIC) / 1000000u) + mono_offset;
}

/* clock_mono_ns - for measuring */
uint64_t
clock_mono_ns(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

/* clock_set_wall - freeze wall time */
void
clock_set_wall(int64_t wall_ms)
{
	frozen_wall = wall_ms;
}

/* clock_advance - move both clocks */
void
clock_advance(int64_t ms)
{
	mono_offset += ms;
	if (frozen_wall != 0)
		frozen_wall += ms;
}
