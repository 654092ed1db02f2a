/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "obs/record.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/check.h"
#include "base/clock.h"
#include "obs/log.h"
#include "obs/record_int.h"

#define RECORD_PURGE_MS 3600000
#define RECORD_RETRY_MS 1000
#define RECORD_STOP_MS 5000

/* A chain of records. */
struct record_chain {
	struct record_item *head, **tail;
	uint32_t n;
	size_t octets;
};

static struct {
	pthread_mutex_t lock; /* guards all but db, which is the writer's */
	pthread_cond_t cond;
	pthread_t thread;
	bool running, stop;
	bool idle; /* the writer sleeps until there is something */
	struct record_chain queue;
	uint32_t busy; /* taken by the writer, not yet written */
	size_t busy_octets;
	uint64_t written, dropped, untold;
	struct record_db db;
	char *path;
	int64_t retention_ms;
	bool degraded;
	int64_t next_purge; /* mono ms; the writer's */
} record_q = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* record_chain_init - an empty chain */
static void
record_chain_init(struct record_chain *c)
{
	memset(c, 0, sizeof(*c));
	c->tail = &c->head;
}

/* record_chain_free - free all items */
static void
record_chain_free(struct record_chain *c)
{
	struct record_item *next;

	for (struct record_item *i = c->head; i != NULL; i = next) {
		next = i->next;
		free(i);
	}
	record_chain_init(c);
}

/* record_copy - one block that holds the record and its text */
static struct record_item *
record_copy(const struct record *r)
{
	const weir_str *from = &r->id;
	size_t octets = sizeof(struct record_item);
	struct record_item *item;
	weir_str *to;
	char *p;

	/* id ... json are the last members and all of one type */
	_Static_assert(sizeof(struct record) - offsetof(struct record, id) ==
		9 * sizeof(weir_str), "nine texts");
	for (int i = 0; i < 9; i++) {
		if (from[i].len > RECORD_QUEUE_OCTETS)
			return NULL;
		octets += from[i].len;
	}
	if (octets > RECORD_QUEUE_OCTETS)
		return NULL;
	item = xmalloc(octets);
	item->next = NULL;
	item->octets = octets;
	item->r = *r;
	to = &item->r.id;
	p = (char *)(item + 1);
	for (int i = 0; i < 9; i++) {
		if (from[i].len != 0)
			memcpy(p, from[i].ptr, from[i].len);
		to[i].ptr = p;
		p += from[i].len;
	}
	return item;
}

/* record_put - queue a copy */
bool
record_put(const struct record *r)
{
	struct record_item *item = record_copy(r);
	bool taken = false, wake = false;

	pthread_mutex_lock(&record_q.lock);
	if (item != NULL && record_q.running && !record_q.stop &&
	    record_q.queue.n + record_q.busy < RECORD_QUEUE_MAX &&
	    record_q.queue.octets + record_q.busy_octets + item->octets <=
		RECORD_QUEUE_OCTETS) {
		*record_q.queue.tail = item;
		record_q.queue.tail = &item->next;
		record_q.queue.n++;
		record_q.queue.octets += item->octets;
		wake = record_q.idle || record_q.queue.n == RECORD_BATCH_MAX;
		record_q.idle = false;
		taken = true;
	} else {
		record_q.dropped++;
		record_q.untold++;
	}
	pthread_mutex_unlock(&record_q.lock);
	if (wake)
		pthread_cond_signal(&record_q.cond);
	if (!taken)
		free(item);
	return taken;
}

/* record_stats - numbers for metrics and tests */
void
record_stats(struct record_stats *out)
{
	pthread_mutex_lock(&record_q.lock);
	out->written = record_q.written;
	out->dropped = record_q.dropped;
	out->queued = record_q.queue.n + record_q.busy;
	pthread_mutex_unlock(&record_q.lock);
}

/* record_wait - sleep on the condition; real time, whatever clock says */
static int
record_wait(int64_t ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += (time_t)(ms / 1000);
	ts.tv_nsec += (long)(ms % 1000) * 1000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	return pthread_cond_timedwait(&record_q.cond, &record_q.lock, &ts);
}

/* record_gather - wait for work, then a moment for more of it, and take at
   most one batch.  false: nothing more will come. */
static bool
record_gather(struct record_chain *out)
{
	bool stop;

	record_chain_init(out);
	pthread_mutex_lock(&record_q.lock);
	if (record_q.queue.n == 0 && !record_q.stop) {
		record_q.idle = true;
		/* the purge is due some time even if nothing comes */
		record_wait(RECORD_PURGE_MS / 60);
		record_q.idle = false;
	}
	while (record_q.queue.n != 0 &&
	    record_q.queue.n < RECORD_BATCH_MAX && !record_q.stop) {
		if (record_wait(RECORD_BATCH_MS) == ETIMEDOUT)
			break;
	}
	while (record_q.queue.head != NULL && out->n < RECORD_BATCH_MAX) {
		struct record_item *item = record_q.queue.head;

		record_q.queue.head = item->next;
		item->next = NULL;
		*out->tail = item;
		out->tail = &item->next;
		out->n++;
		out->octets += item->octets;
	}
	if (record_q.queue.head == NULL)
		record_q.queue.tail = &record_q.queue.head;
	record_q.queue.n -= out->n;
	record_q.queue.octets -= out->octets;
	record_q.busy = out->n;
	record_q.busy_octets = out->octets;
	stop = record_q.stop;
	pthread_mutex_unlock(&record_q.lock);
	return !stop || out->n != 0;
}

/* record_done - a batch is written or given up */
static void
record_done(struct record_chain *batch, bool written)
{
	pthread_mutex_lock(&record_q.lock);
	record_q.busy = 0;
	record_q.busy_octets = 0;
	if (written) {
		record_q.written += batch->n;
	} else {
		record_q.dropped += batch->n;
		record_q.untold += batch->n;
	}
	pthread_mutex_unlock(&record_q.lock);
	record_chain_free(batch);
}

/* record_tell - log what was lost since the last time */
static void
record_tell(void)
{
	struct log_field f;
	uint64_t n;

	pthread_mutex_lock(&record_q.lock);
	n = record_q.untold;
	record_q.untold = 0;
	pthread_mutex_unlock(&record_q.lock);
	if (n == 0)
		return;
	f = log_int("count", (int64_t)n);
	log_fields(WEIR_LOG_ERROR, LOG_EXPLAIN_DROPPED, &f, 1,
	    "%llu explain records were lost", (unsigned long long)n);
}

/* record_trouble - log once that the database fails, once that it works */
static void
record_trouble(bool trouble, const struct err *err)
{
	if (trouble && !record_q.degraded)
		log_event(WEIR_LOG_ERROR, LOG_STORE_DEGRADED,
		    "explain records can't be written: %s", err->text);
	else if (!trouble && record_q.degraded)
		log_event(WEIR_LOG_INFO, LOG_STORE_RECOVERED,
		    "explain records are written again to %s",
		    record_q.path);
	record_q.degraded = trouble;
}

/* record_pause - wait before the next attempt; false: stop instead */
static bool
record_pause(void)
{
	bool stop;

	pthread_mutex_lock(&record_q.lock);
	for (int64_t end = (int64_t)(clock_mono_ns() / 1000000u) +
		RECORD_RETRY_MS, now;
	     !record_q.stop &&
	     (now = (int64_t)(clock_mono_ns() / 1000000u)) < end;)
		record_wait(end - now);
	stop = record_q.stop;
	pthread_mutex_unlock(&record_q.lock);
	return !stop;
}

/* record_write - one batch, tried until it is in or the process ends */
static void
record_write(struct record_chain *batch)
{
	struct err err;
	int status;

	for (;;) {
		status = record_db_insert(&record_q.db, batch->head, &err);
		record_trouble(status != WEIR_OK, &err);
		if (status == WEIR_OK || !record_pause())
			break;
		record_tell();
	}
	record_done(batch, status == WEIR_OK);
}

/* record_purge - one slice; the next one follows after the next batch */
static void
record_purge(void)
{
	struct err err;
	int n;

	if (record_q.retention_ms == 0 ||
	    clock_mono_ms() < record_q.next_purge)
		return;
	n = record_db_purge(&record_q.db,
	    clock_wall_ms() - record_q.retention_ms, &err);
	record_trouble(n < 0, &err);
	if (n <= 0)
		record_q.next_purge = clock_mono_ms() + RECORD_PURGE_MS;
}

/* record_more_to_purge - is another slice due at once */
static bool
record_more_to_purge(void)
{
	return record_q.retention_ms != 0 &&
	    clock_mono_ms() >= record_q.next_purge;
}

/* record_main - the writer thread */
static void *
record_main(void *arg)
{
	struct record_chain batch;
	int64_t stop_at = 0;
	bool empty;

	for (;;) {
		do {
			record_purge();
			pthread_mutex_lock(&record_q.lock);
			empty = record_q.queue.n == 0 && !record_q.stop;
			pthread_mutex_unlock(&record_q.lock);
		} while (empty && record_more_to_purge());
		if (!record_gather(&batch))
			break;
		if (batch.n != 0)
			record_write(&batch);
		record_tell();
		pthread_mutex_lock(&record_q.lock);
		if (record_q.stop && stop_at == 0)
			stop_at = (int64_t)(clock_mono_ns() / 1000000u) +
			    RECORD_STOP_MS;
		pthread_mutex_unlock(&record_q.lock);
		if (stop_at != 0 &&
		    (int64_t)(clock_mono_ns() / 1000000u) > stop_at)
			break;
	}
	return arg;
}

/* record_init - open the database, start the writer */
int
record_init(const char *path, int64_t retention_ms, struct err *err)
{
	pthread_condattr_t attr;
	sigset_t all, old;
	int status;

	expect(!record_q.running);
	record_q.path = xstrdup(path);
	status = record_db_open(&record_q.db, record_q.path, err);
	if (status != WEIR_OK) {
		free(record_q.path);
		record_q.path = NULL;
		return status;
	}
	pthread_mutex_lock(&record_q.lock);
	record_chain_init(&record_q.queue);
	record_q.retention_ms = retention_ms;
	record_q.written = record_q.dropped = record_q.untold = 0;
	record_q.next_purge = clock_mono_ms();
	record_q.busy = 0;
	record_q.busy_octets = 0;
	record_q.stop = record_q.idle = record_q.degraded = false;
	record_q.running = true;
	pthread_mutex_unlock(&record_q.lock);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&record_q.cond, &attr);
	pthread_condattr_destroy(&attr);
	/* signals are the loop thread's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	status = pthread_create(&record_q.thread, NULL, record_main, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (status != 0) {
		record_q.running = false;
		record_db_close(&record_q.db);
		free(record_q.path);
		record_q.path = NULL;
		return err_set(err, WEIR_E_TEMP, "no thread for explain "
		    "records: %s", strerror(status));
	}
	return WEIR_OK;
}

/* record_fini - flush and stop */
void
record_fini(void)
{
	if (!record_q.running)
		return;
	pthread_mutex_lock(&record_q.lock);
	record_q.stop = true;
	pthread_mutex_unlock(&record_q.lock);
	pthread_cond_signal(&record_q.cond);
	pthread_join(record_q.thread, NULL);
	pthread_mutex_lock(&record_q.lock);
	record_q.running = false;
	record_q.dropped += record_q.queue.n;
	record_q.untold += record_q.queue.n;
	record_chain_free(&record_q.queue);
	pthread_mutex_unlock(&record_q.lock);
	record_tell();
	record_db_close(&record_q.db);
	pthread_cond_destroy(&record_q.cond);
	free(record_q.path);
	record_q.path = NULL;
}
