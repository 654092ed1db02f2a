/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "obs/metric.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/check.h"
#include "base/text.h"

#define MS 1000000ull

const uint64_t metric_bounds[METRIC_BOUNDS] = { MS / 10, MS / 4, MS / 2, MS,
	MS * 5 / 2, MS * 5, MS * 10, MS * 25, MS * 50, MS * 100, MS * 250,
	MS * 500, MS * 1000, MS * 2500, MS * 5000, MS * 10000, MS * 25000,
	MS * 50000, MS * 100000 };

static const char *const metric_bound_text[METRIC_BUCKETS] = { "0.0001",
	"0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025",
	"0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "25.0",
	"50.0", "100.0", "+Inf" };

/* One series; all but next is fixed before it is counted in. */
struct metric_series {
	char name[METRIC_NAME_MAX], labels[METRIC_LABELS_MAX],
	    help[METRIC_HELP_MAX];
	_Atomic int id;
	uint32_t first;	       /* the family's first series */
	_Atomic uint32_t next; /* the family's next one, 0: none */
};

static struct metric_board {
	pthread_mutex_t lock; /* appending to the directory */
	_Atomic uint32_t n;
	uint32_t cells; /* handed out; under the lock */
	_Atomic uint32_t folding; /* odd while the master folds a row */
	/* rows in use: to look at others would make the kernel fill them */
	_Atomic bool used[METRIC_ROWS];
	struct metric_series series[METRIC_SERIES];
	_Atomic uint64_t row[METRIC_ROWS][METRIC_CELLS];
} *metric_shared;

/* Counting before there is a board harms nobody. */
static _Atomic uint64_t metric_nowhere[METRIC_CELLS];
_Atomic uint64_t *metric_row = metric_nowhere;

/* metric_create - map the shared memory; untouched pages cost nothing */
void
metric_create(void)
{
	pthread_mutexattr_t attr;
	void *p;

	expect(metric_shared == NULL);
	p = mmap(NULL, sizeof(*metric_shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		fatal("no shared memory for metrics: %s", strerror(errno));
	metric_shared = p;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&metric_shared->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	metric_attach(METRIC_MASTER);
}

/* metric_destroy - unmap it */
void
metric_destroy(void)
{
	if (metric_shared != NULL)
		munmap(metric_shared, sizeof(*metric_shared));
	metric_shared = NULL;
	metric_row = metric_nowhere;
}

/* metric_attach - this process counts here */
void
metric_attach(int row)
{
	expect(metric_shared != NULL && row >= 0 && row < METRIC_RETIRED);
	metric_shared->used[row] = true;
	metric_row = metric_shared->row[row];
}

/* metric_width - cells of a series */
static unsigned
metric_width(enum metric_kind kind)
{
	return kind == METRIC_HISTOGRAM ? METRIC_BUCKETS + 1 : 1;
}

/* metric_name_ok - [a-zA-Z_:][a-zA-Z0-9_:]* */
static bool
metric_name_ok(const char *s, size_t n, bool colon)
{
	for (size_t i = 0; i < n; i++) {
		if (!text_is_alpha(s[i]) && s[i] != '_' &&
		    !(colon && s[i] == ':') &&
		    (i == 0 || !text_is_digit(s[i])))
			return false;
	}
	return n != 0;
}

/* metric_labels_ok - name="value",... as the format wants it */
static bool
metric_labels_ok(const char *s)
{
	size_t n;

	if (strlen(s) >= METRIC_LABELS_MAX || !text_is_utf8(text_slice(s)))
		return false;
	if (*s == '\0')
		return true;
	for (;;) {
		n = strcspn(s, "=");
		if (!metric_name_ok(s, n, false) || s[n] != '=' ||
		    s[n + 1] != '"')
			return false;
		for (s += n + 2; *s != '"'; s++) {
			if (*s == '\\' && (s[1] == '\\' || s[1] == '"' ||
			    s[1] == 'n'))
				s++;
			else if (*s == '\0' || *s == '\n' || *s == '\\')
				return false;
		}
		s++;
		if (*s == '\0')
			return true;
		if (*s++ != ',')
			return false;
	}
}

/* metric_label_add - one label, escaped */
void
metric_label_add(struct buf *out, const char *name, weir_str value)
{
	char text[METRIC_LABELS_MAX];
	size_t n = text_escape(text, sizeof(text), value);

	if (out->len != 0)
		buf_add_char(out, ',');
	buf_printf(out, "%s=\"", name);
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '"' || text[i] == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, text[i]);
	}
	buf_add_char(out, '"');
}

/* metric_count - series in the directory, of which there are never more; any
   worker may have written anything there, and the master reads it, too */
static uint32_t
metric_count(void)
{
	uint32_t n = metric_shared->n;

	return n < METRIC_SERIES ? n : METRIC_SERIES;
}

/* metric_find - a known series; *first is its family's first, or n */
static int
metric_find(const char *name, const char *labels, uint32_t n,
    uint32_t *first)
{
	const struct metric_series *s;

	*first = n;
	for (uint32_t i = 0; i < n; i++) {
		s = &metric_shared->series[i];
		if (strcmp(s->name, name) != 0)
			continue;
		if (*first == n)
			*first = i;
		if (strcmp(s->labels, labels) == 0)
			return s->id;
	}
	return WEIR_E_NOTFOUND;
}

/* metric_append - enter a series; the lock is held */
static int
metric_append(enum metric_kind kind, const char *name, const char *labels,
    const char *help)
{
	uint32_t n = metric_count(), first, i;
	struct metric_series *s = &metric_shared->series[n];
	int id = metric_find(name, labels, n, &first);

	if (first != n &&
	    metric_shared->series[first].id >> METRIC_KIND_SHIFT != (int)kind)
		return WEIR_E_INVAL;
	if (id >= 0)
		return id;
	/* the last histogram's worth stays free: metric_is tests one bound */
	if (n == METRIC_SERIES || metric_shared->cells > METRIC_CELLS ||
	    metric_shared->cells + metric_width(kind) >
		METRIC_CELLS - METRIC_BUCKETS - 1)
		return WEIR_E_LIMIT;
	snprintf(s->name, sizeof(s->name), "%s", name);
	snprintf(s->labels, sizeof(s->labels), "%s", labels);
	s->help[text_escape(s->help, sizeof(s->help), text_slice(help))] =
	    '\0';
	s->id = (int)metric_shared->cells | (int)kind << METRIC_KIND_SHIFT;
	s->first = first;
	s->next = 0;
	metric_shared->cells += metric_width(kind);
	metric_shared->n = n + 1;
	if (first != n) {
		for (i = first; metric_shared->series[i].next != 0;)
			i = metric_shared->series[i].next;
		metric_shared->series[i].next = n;
	}
	return s->id;
}

/* metric_register - find or enter a series */
static int
metric_register(enum metric_kind kind, const char *name, const char *labels,
    const char *help)
{
	char base[METRIC_NAME_MAX];
	size_t n = strlen(name);
	int id;

	if (metric_shared == NULL)
		return WEIR_E_STATE;
	if (labels == NULL)
		labels = "";
	if (kind == METRIC_COUNTER && n > 6 &&
	    strcmp(name + n - 6, "_total") == 0)
		n -= 6;
	if (n >= sizeof(base) || !metric_name_ok(name, n, true) ||
	    !metric_labels_ok(labels))
		return WEIR_E_INVAL;
	memcpy(base, name, n);
	base[n] = '\0';
	/* a process that died in here left at most a series that is not
	   counted in, or one that is not yet in its family's chain */
	if (pthread_mutex_lock(&metric_shared->lock) == EOWNERDEAD)
		pthread_mutex_consistent(&metric_shared->lock);
	id = metric_append(kind, base, labels, help != NULL ? help : "");
	pthread_mutex_unlock(&metric_shared->lock);
	return id;
}

/* metric_counter - a number that only grows */
int
metric_counter(const char *name, const char *labels, const char *help)
{
	return metric_register(METRIC_COUNTER, name, labels, help);
}

/* metric_gauge - a number that comes and goes */
int
metric_gauge(const char *name, const char *labels, const char *help)
{
	return metric_register(METRIC_GAUGE, name, labels, help);
}

/* metric_histogram - durations */
int
metric_histogram(const char *name, const char *labels, const char *help)
{
	return metric_register(METRIC_HISTOGRAM, name, labels, help);
}

/* metric_retire - fold a dead process's row */
void
metric_retire(int row)
{
	_Atomic uint64_t *from, *to = metric_shared->row[METRIC_RETIRED];
	uint32_t n = metric_count();

	expect(row >= 0 && row < BOARD_SLOTS);
	if (!metric_shared->used[row])
		return;
	from = metric_shared->row[row];
	metric_shared->used[METRIC_RETIRED] = true;
	atomic_fetch_add(&metric_shared->folding, 1);
	for (uint32_t i = 0; i < n; i++) {
		int id = atomic_load_explicit(&metric_shared->series[i].id,
		    memory_order_relaxed);
		enum metric_kind kind = id >> METRIC_KIND_SHIFT;
		unsigned cell = (unsigned)id & METRIC_CELL_MASK;

		/* the directory lies in the hands of every worker */
		if (!metric_is(id, kind))
			continue;
		for (unsigned k = 0; k < metric_width(kind); k++) {
			uint64_t v = atomic_exchange(&from[cell + k], 0);

			if (kind != METRIC_GAUGE && v != 0)
				atomic_fetch_add(&to[cell + k], v);
		}
	}
	metric_shared->used[row] = false;
	atomic_fetch_add(&metric_shared->folding, 1);
}

/* metric_sum - one cell over all rows */
static uint64_t
metric_sum(unsigned cell)
{
	uint64_t sum = 0;

	for (int row = 0; row < METRIC_ROWS; row++) {
		if (metric_shared->used[row])
			sum += atomic_load_explicit(
			    &metric_shared->row[row][cell],
			    memory_order_relaxed);
	}
	return sum;
}

/* metric_sums - all cells of a series, not torn by a fold */
static void
metric_sums(int id, uint64_t out[METRIC_BUCKETS + 1])
{
	unsigned width = metric_width(id >> METRIC_KIND_SHIFT);
	unsigned cell = (unsigned)id & METRIC_CELL_MASK;
	uint32_t before;

	memset(out, 0, sizeof(out[0]) * (METRIC_BUCKETS + 1));
	if (!metric_is(id, id >> METRIC_KIND_SHIFT))
		return;
	for (int tries = 0; tries < 1000; tries++) {
		before = atomic_load(&metric_shared->folding);
		for (unsigned k = 0; k < width; k++)
			out[k] = metric_sum(cell + k);
		atomic_thread_fence(memory_order_acquire);
		if ((before & 1) == 0 &&
		    before == atomic_load(&metric_shared->folding))
			return;
	}
}

/* metric_value - the sum of a counter or gauge, the count of a histogram */
uint64_t
metric_value(int id)
{
	uint64_t sums[METRIC_BUCKETS + 1], count = 0;

	if (metric_shared == NULL || id < 0)
		return 0;
	metric_sums(id, sums);
	if (!metric_is(id, METRIC_HISTOGRAM))
		return sums[0];
	for (unsigned k = 0; k < METRIC_BUCKETS; k++)
		count += sums[k];
	return count;
}

/* metric_gauges - those that can be told */
void
metric_gauges(metric_gauge_fn *fn, void *arg)
{
	uint32_t n = metric_shared != NULL ? metric_count() : 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct metric_series *s = &metric_shared->series[i];

		if (metric_is(s->id, METRIC_GAUGE))
			fn(s->name, s->labels, (int64_t)metric_value(s->id),
			    arg);
	}
}

/* metric_render_histogram - buckets, sum and count */
static void
metric_render_histogram(struct buf *out, const struct metric_series *s,
    const uint64_t *sums)
{
	const char *comma = s->labels[0] != '\0' ? "," : "";
	uint64_t count = 0;

	for (unsigned k = 0; k < METRIC_BUCKETS; k++) {
		count += sums[k];
		buf_printf(out, "%s_bucket{%s%sle=\"%s\"} %llu\n", s->name,
		    s->labels, comma, metric_bound_text[k],
		    (unsigned long long)count);
	}
	for (int k = 0; k < 2; k++) {
		buf_printf(out, "%s_%s", s->name, k == 0 ? "count" : "sum");
		if (s->labels[0] != '\0')
			buf_printf(out, "{%s}", s->labels);
		if (k == 0)
			buf_printf(out, " %llu\n", (unsigned long long)count);
		else
			buf_printf(out, " %llu.%09llu\n",
			    (unsigned long long)(sums[METRIC_BUCKETS] /
				1000000000u),
			    (unsigned long long)(sums[METRIC_BUCKETS] %
				1000000000u));
	}
}

/* metric_render_series - the samples of one series */
static void
metric_render_series(struct buf *out, const struct metric_series *s)
{
	enum metric_kind kind = s->id >> METRIC_KIND_SHIFT;
	uint64_t sums[METRIC_BUCKETS + 1];

	metric_sums(s->id, sums);
	if (kind == METRIC_HISTOGRAM) {
		metric_render_histogram(out, s, sums);
		return;
	}
	buf_printf(out, "%s%s", s->name,
	    kind == METRIC_COUNTER ? "_total" : "");
	if (s->labels[0] != '\0')
		buf_printf(out, "{%s}", s->labels);
	if (kind == METRIC_COUNTER)
		buf_printf(out, " %llu\n", (unsigned long long)sums[0]);
	else
		buf_printf(out, " %lld\n", (long long)sums[0]);
}

/* metric_render_help - with the escapes of the format */
static void
metric_render_help(struct buf *out, const struct metric_series *s)
{
	if (s->help[0] == '\0')
		return;
	buf_printf(out, "# HELP %s ", s->name);
	for (const char *p = s->help; *p != '\0'; p++) {
		if (*p == '\\' || *p == '"')
			buf_add_char(out, '\\');
		buf_add_char(out, *p);
	}
	buf_add_char(out, '\n');
}

/* metric_render - OpenMetrics text, a family at a time */
void
metric_render(struct buf *out)
{
	static const char *const kinds[] = { "", "counter", "gauge",
		"histogram" };
	uint32_t n = metric_shared != NULL ? metric_count() : 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct metric_series *s = &metric_shared->series[i];

		if (s->first != i)
			continue;
		buf_printf(out, "# TYPE %s %s\n", s->name,
		    kinds[s->id >> METRIC_KIND_SHIFT]);
		metric_render_help(out, s);
		metric_render_series(out, s);
		while (s->next != 0) {
			s = &metric_shared->series[s->next];
			metric_render_series(out, s);
		}
	}
	buf_add_str(out, "# EOF\n");
}
