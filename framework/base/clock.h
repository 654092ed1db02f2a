/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * clock - the only place that asks what time it is.
 *
 * Tests, the harness and replay turn it: clock_set_wall freezes wall time at a
 * value, clock_advance moves both clocks.  Deadlines use mono, dates use wall.
 */
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_wall_ms(void);
int64_t clock_mono_ms(void);
uint64_t clock_mono_ns(void); /* never turned: for measuring cost */

void clock_set_wall(int64_t wall_ms); /* 0: back to real time */
void clock_advance(int64_t ms);

#endif
