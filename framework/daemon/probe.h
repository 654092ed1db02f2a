/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe - try a configuration in a child that may die of it.
 *
 * The child loads the snapshot with all modules and creates them, within a
 * time and memory limit; a module that crashes, hangs or exits there is named.
 * Nothing of it touches the caller.
 */
#ifndef WEIR_DAEMON_PROBE_H
#define WEIR_DAEMON_PROBE_H

#include "base/buf.h"
#include "base/vec.h"
#include "conf/snapshot.h"
#include "loop/loop.h"

struct probe_result {
	int errors, warnings;
	struct buf report; /* lines "FILE:LINE: error: ..." */
	VEC(char *) modules; /* names, in the file's order */
	struct buf helpers;  /* what they need (daemon/helpers.h) */
};

typedef void probe_done_fn(struct probe_result *result, void *arg);

/* Wait for the result here: start-up and `weir -t`.  The caller frees it with
   probe_result_fini. [main] */
void probe_run(struct conf_snapshot *snap, struct probe_result *out);
/* The same beside a running loop; result is borrowed. One at a time. [loop] */
void probe_start(struct conf_snapshot *snap, probe_done_fn *done, void *arg);
/* Was this child the probe?  Called by whoever reaps. */
bool probe_reaped(int pid, int status);
void probe_result_fini(struct probe_result *r);

#endif
