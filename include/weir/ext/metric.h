/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir/ext/metric.h - weir.metric/1: numbers for weirctl metrics and
 * OpenMetrics.  The host prefixes names with weir_MODULE_ and sums workers.
 */
#ifndef WEIR_EXT_METRIC_H
#define WEIR_EXT_METRIC_H

#include <weir/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_EXT_METRIC "weir.metric/1"

struct weir_metric {
	/* Register in create(): the id (>= 0), or a negative status.  labels:
	   "zone=\"a\",kind=\"b\"" or NULL. The same name and labels give the same
	   id. [main] */
	int (*counter)(weir_self *, const char *name, const char *labels,
	    const char *help);
	int (*gauge)(weir_self *, const char *name, const char *labels,
	    const char *help);
	/* Seconds; buckets from 100 microseconds to 100 seconds. */
	int (*histogram)(weir_self *, const char *name, const char *labels,
	    const char *help);
	/* [any], wait-free; a negative id is ignored. */
	void (*add)(weir_self *, int id, uint64_t n);
	void (*set)(weir_self *, int id, int64_t value);
	void (*observe)(weir_self *, int id, double seconds);
};

#ifdef __cplusplus
}
#endif
#endif
