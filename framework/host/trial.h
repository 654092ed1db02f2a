/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trial - what the harness weir-drive counts, breaks and hands out otherwise.
 *
 * A daemon never touches it: counters are counted and read by nobody, faults
 * stay off, modules get the real tables.
 */
#ifndef WEIR_HOST_TRIAL_H
#define WEIR_HOST_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/host.h>

#include "base/err.h"

struct trial_counts {
	uint64_t lookups, jobs, stores, timers, remotes, holds;
};
extern struct trial_counts trial_counts; /* operations started [loop] */

/* What fails: store operations and helpers answer WEIR_E_TEMP, jobs are not
   taken (WEIR_E_LIMIT). */
struct trial_faults {
	bool stores, jobs, remotes;
};
extern struct trial_faults trial_faults;

/* The host table that create gets: the real one unless told otherwise. */
const struct weir_host *trial_host(void);
/* The table that ext() gives out for this one. */
const void *trial_ext(const char *id, const void *table);
/* Before modules are created: a table as a host of that ABI ("0.1") has it,
   what is behind its end poisoned; "next": as a younger host has it. */
int trial_abi(const char *abi, struct err *err);
/* The same with a table of `size` octets, for tests. */
void trial_cut(uint32_t size);
/* From now on a misuse of the host ends the process: it says what, where. */
void trial_strict(void);
/* In strict mode: a function of the host answered this to a module.  Calls
   that were given up are excused: their modules may not know it yet. */
int trial_said(weir_call *call, int status, const char *function);

/* trial_strict.c */
const struct weir_host *strict_host(const struct weir_host *real);
const void *strict_ext(const char *id, const void *table);

#endif
