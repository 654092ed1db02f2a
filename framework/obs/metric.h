/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * metric - counters, gauges and histograms of all processes, in shared memory.
 *
 * A directory of series (names, labels) is shared; values are cells, one row
 * of cells for each process, so that nobody waits for anybody.  The rows are
 * summed when they are rendered.  When a worker has died the master folds its
 * counters and histograms into the `retired` row; its gauges go with it.
 *
 * metric_create comes before the first fork; the master uses METRIC_MASTER, a
 * worker attaches to its slot of the board.
 */
#ifndef WEIR_OBS_METRIC_H
#define WEIR_OBS_METRIC_H

#include <stdatomic.h>
#include <stdint.h>

#include <weir/types.h>

#include "base/buf.h"
#include "obs/board.h"

#define METRIC_SERIES 2048
#define METRIC_CELLS 16384
#define METRIC_MASTER BOARD_SLOTS
#define METRIC_RETIRED (BOARD_SLOTS + 1)
#define METRIC_ROWS (BOARD_SLOTS + 2)
#define METRIC_BOUNDS 19 /* 100 us ... 100 s in steps of 1, 2.5, 5 */
#define METRIC_BUCKETS (METRIC_BOUNDS + 1)
#define METRIC_NAME_MAX 96
#define METRIC_LABELS_MAX 160
#define METRIC_HELP_MAX 160

enum metric_kind {
	METRIC_COUNTER = 1,
	METRIC_GAUGE = 2,
	METRIC_HISTOGRAM = 3
};

/* An id is the series' first cell with the kind above it. */
#define METRIC_KIND_SHIFT 24
#define METRIC_CELL_MASK 0xffffff

/* This process's row; a private one that nobody renders before attach. */
extern _Atomic uint64_t *metric_row;

void metric_create(void);  /* fatal without memory [main] */
void metric_destroy(void); /* for tests [main] */
/* Use this row from now on: a board slot or METRIC_MASTER. [main] */
void metric_attach(int row);
/* Fold a dead process's row; master only, after it was reaped. */
void metric_retire(int row);

/* The id of a series, new or known.  name: [a-z_][a-z0-9_]*, a counter's
   "_total" is cut off; labels: a="x",b="y" with \\, \" and \n escaped, or
   NULL; help is cut at 159 octets.  WEIR_E_INVAL: malformed, or the name has
   another kind; WEIR_E_LIMIT: the directory is full. [any] */
int metric_counter(const char *name, const char *labels, const char *help);
int metric_gauge(const char *name, const char *labels, const char *help);
/* Seconds. */
int metric_histogram(const char *name, const char *labels, const char *help);
/* Append name="value", escaped, with a comma before if out is not empty. */
void metric_label_add(struct buf *out, const char *name, weir_str value);

/* Everything as OpenMetrics text. [any] */
void metric_render(struct buf *out);
/* The sum over all processes: for tests and weirctl status. */
uint64_t metric_value(int id);
/* Each gauge with its sum, in the order of their making.  Name and labels are
   as they were given; they live as long as the process. [any] */
typedef void metric_gauge_fn(const char *name, const char *labels,
    int64_t value, void *arg);
void metric_gauges(metric_gauge_fn *fn, void *arg);

/* metric_is - is the id usable as this kind */
static inline bool
metric_is(int id, enum metric_kind kind)
{
	return id >= 0 && id >> METRIC_KIND_SHIFT == (int)kind &&
	    (id & METRIC_CELL_MASK) <= METRIC_CELLS - METRIC_BUCKETS - 1;
}

/* metric_add - count; other ids than a counter's are ignored. [any] */
static inline void
metric_add(int id, uint64_t n)
{
	if (metric_is(id, METRIC_COUNTER))
		atomic_fetch_add_explicit(&metric_row[id & METRIC_CELL_MASK],
		    n, memory_order_relaxed);
}

/* metric_set - this process's share of a gauge. [any] */
static inline void
metric_set(int id, int64_t value)
{
	if (metric_is(id, METRIC_GAUGE))
		atomic_store_explicit(&metric_row[id & METRIC_CELL_MASK],
		    (uint64_t)value, memory_order_relaxed);
}

/* Upper bounds of the buckets in nanoseconds. */
extern const uint64_t metric_bounds[METRIC_BOUNDS];

/* metric_bucket - where a duration belongs; most are short */
static inline unsigned
metric_bucket(uint64_t ns)
{
	unsigned lo = 0, hi = METRIC_BOUNDS;

	if (ns <= metric_bounds[0])
		return 0;
	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (ns <= metric_bounds[mid])
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/* metric_observe_ns - one duration. [any] */
static inline void
metric_observe_ns(int id, uint64_t ns)
{
	_Atomic uint64_t *cell;

	if (!metric_is(id, METRIC_HISTOGRAM))
		return;
	cell = &metric_row[id & METRIC_CELL_MASK];
	atomic_fetch_add_explicit(&cell[metric_bucket(ns)], 1,
	    memory_order_relaxed);
	atomic_fetch_add_explicit(&cell[METRIC_BUCKETS], ns,
	    memory_order_relaxed);
}

/* metric_cell_add - to a cell that one thread alone writes */
static inline void
metric_cell_add(_Atomic uint64_t *cell, uint64_t n)
{
	atomic_store_explicit(cell,
	    atomic_load_explicit(cell, memory_order_relaxed) + n,
	    memory_order_relaxed);
}

/* metric_observe_own - one duration, of a series in which no other thread of
   this process counts: that needs no locked instruction */
static inline void
metric_observe_own(int id, uint64_t ns)
{
	_Atomic uint64_t *cell;

	if (!metric_is(id, METRIC_HISTOGRAM))
		return;
	cell = &metric_row[id & METRIC_CELL_MASK];
	metric_cell_add(&cell[metric_bucket(ns)], 1);
	metric_cell_add(&cell[METRIC_BUCKETS], ns);
}

/* metric_observe - one duration in seconds; NaN and less than 0 count as 0,
   more than a million as a million. [any] */
static inline void
metric_observe(int id, double seconds)
{
	if (!(seconds > 0))
		seconds = 0;
	if (seconds > 1e6)
		seconds = 1e6;
	metric_observe_ns(id, (uint64_t)(seconds * 1e9));
}

#endif
