/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * module - one loaded module as the pipeline sees it.  host/ fills it.
 */
#ifndef WEIR_PIPE_MODULE_H
#define WEIR_PIPE_MODULE_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/module.h>

struct weir_conf;

/* weir_self is this struct in disguise. */
struct module {
	uint32_t index; /* row in slots, position in the plan */
	const char *name;
	const char *path;
	const char *origin; /* "FILE:LINE" of its section */
	const struct weir_module *descriptor;
	const struct weir_conf *conf;
	void *state;
	bool created;
	uint32_t flags;	       /* WEIR_F_*, as the options need them */
	uint32_t skips[WEIR_PHASE_COUNT]; /* stages it has no use for, as bits */
	uint32_t on_failure[2]; /* enum weir_on_failure, [0] in, [1] out */
	int64_t timeout_ms;    /* per call */
	bool shadow;
	_Atomic bool told_thread; /* logged: it called us from a thread */
	double *scores;	       /* site's weight of each symbol */
	uint32_t nsymbols;
	int board;	       /* row in obs/board's module table */
	int metric_time[WEIR_STAGE_COUNT]; /* histogram ids, or -1 */
	int metric_failures;
	/* calls since guard_flush, and the next module that has some */
	uint32_t calls;
	uint64_t calls_ns;
	struct module *counted;
};

#endif
