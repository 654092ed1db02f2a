/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ext_metric - weir.metric/1 on obs/metric, names under weir_MODULE_. */
#include <stdio.h>

#include <weir/ext/metric.h>

#include "host/table.h"
#include "obs/metric.h"

/* ext_metric_name - "weir_greylist_deferred" */
static bool
ext_metric_name(weir_self *self, const char *name, char *out, size_t cap)
{
	int n;

	if (self == NULL || name == NULL)
		return false;
	n = snprintf(out, cap, "weir_%s_%s", table_module(self)->name, name);
	for (int i = 0; i < n && (size_t)i < cap; i++) {
		if (out[i] == '-')
			out[i] = '_';
	}
	return n > 0 && (size_t)n < cap;
}

static int
ext_metric_counter(weir_self *self, const char *name, const char *labels,
    const char *help)
{
	char full[128];

	return ext_metric_name(self, name, full, sizeof(full)) ?
	    metric_counter(full, labels, help) :
	    WEIR_E_INVAL;
}

static int
ext_metric_gauge(weir_self *self, const char *name, const char *labels,
    const char *help)
{
	char full[128];

	return ext_metric_name(self, name, full, sizeof(full)) ?
	    metric_gauge(full, labels, help) :
	    WEIR_E_INVAL;
}

static int
ext_metric_histogram(weir_self *self, const char *name, const char *labels,
    const char *help)
{
	char full[128];

	return ext_metric_name(self, name, full, sizeof(full)) ?
	    metric_histogram(full, labels, help) :
	    WEIR_E_INVAL;
}

static void
ext_metric_add(weir_self *self, int id, uint64_t n)
{
	(void)self;
	metric_add(id, n);
}

static void
ext_metric_set(weir_self *self, int id, int64_t value)
{
	(void)self;
	metric_set(id, value);
}

static void
ext_metric_observe(weir_self *self, int id, double seconds)
{
	(void)self;
	metric_observe(id, seconds);
}

const struct weir_metric ext_metric_table = {
	.counter = ext_metric_counter,
	.gauge = ext_metric_gauge,
	.histogram = ext_metric_histogram,
	.add = ext_metric_add,
	.set = ext_metric_set,
	.observe = ext_metric_observe,
};
