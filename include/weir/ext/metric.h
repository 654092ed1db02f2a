/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir/ext/metric.h - weir.metric/1: numbers for weirctl metrics and
 * OpenMetrics.  The host prefixes names with weir_MODULE_ ("-" becomes "_") and
 * sums workers.
 */
#ifndef WEIR_EXT_METRIC_H
#define WEIR_EXT_METRIC_H

#include <weir/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_EXT_METRIC "weir.metric/1"

/* Frozen: what comes later is weir.metric/2. */
struct weir_metric {
	/* Register in create(): the id (>= 0), or a negative status.  name: a-z
	   0-9 _; labels: "zone=\"a\",kind=\"b\"" or NULL; help: one sentence;
	   all copied.  The same name and labels give the same id.
	   WEIR_E_INVAL: a name or labels that are none, or a name that is
	   another kind's; WEIR_E_LIMIT: no room for more; WEIR_E_STATE: where a
	   configuration is only checked nobody counts.  None of these needs to
	   end create: a negative id is ignored below. [main] */
	int (*counter)(weir_self *, const char *name, const char *labels,
	    const char *help);
	/* weirctl status shows a module's gauges: name_seconds as a duration,
	   name_bytes as a size; one named alarm is a complaint while it is not
	   0.  The processes' values are added up. [main] */
	int (*gauge)(weir_self *, const char *name, const char *labels,
	    const char *help);
	/* Of seconds; buckets from 100 microseconds to 100 seconds. [main] */
	int (*histogram)(weir_self *, const char *name, const char *labels,
	    const char *help);
	/* Count, set, observe: wait-free; an id that is none, or of another
	   kind, is ignored. [any] */
	void (*add)(weir_self *, int id, uint64_t n);
	void (*set)(weir_self *, int id, int64_t value);
	void (*observe)(weir_self *, int id, double seconds);
};

#ifdef __cplusplus
}
#endif
#endif
