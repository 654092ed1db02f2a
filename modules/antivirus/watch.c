/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * watch - the database folder: load it, and load it anew when it changes.
 *
 * Files are replaced by renaming (freshclam) or written in place (rsync), so a
 * change counts once the folder has been the same for a whole round.  With
 * memory for two engines the new one is loaded beside the old one, which stays
 * if the new one is broken.  Else scans wait, the old one goes first, and of a
 * broken folder what can be loaded is loaded: some signatures are better than
 * none, and the alarm says which are missing.
 */
#include "helper.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SETTLE_MS 500
#define LAST_MS 10000 /* for scans to end before this process does */
#define QUIET_MS 100  /* for the last answer to be sent */
#define EXIT_RESTART 75 /* see weir/ext/remote.h */
#define HEADROOM (64u << 20) /* memory that must stay free in any case */
#define AGE_WARN_MS (24 * 3600000)

/* watch_has_room - the estimate is a fifth more than the engine of now */
bool
watch_has_room(uint64_t engine, uint64_t available, uint64_t headroom)
{
	uint64_t need = engine + engine / 5 + HEADROOM;

	return available >= need && headroom >= need;
}

/* watch_available - octets that the machine can spare */
static uint64_t
watch_available(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long long kib = 0;
	char line[200];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			break;
	}
	if (f != NULL)
		fclose(f);
	return (uint64_t)kib * 1024;
}

/* watch_headroom - octets of address space left under the limit */
static uint64_t
watch_headroom(const struct helper *h)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long long pages = 0;
	uint64_t used;

	if (f == NULL || fscanf(f, "%llu", &pages) != 1)
		pages = 0;
	if (f != NULL)
		fclose(f);
	used = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return used < h->memory_limit ? h->memory_limit - used : 0;
}

/* watch_alarm - something is wrong with the database; "": no more */
static void
watch_alarm(struct helper *h, const char *text)
{
	bool fresh, over;

	pthread_mutex_lock(&h->lock);
	fresh = text[0] != '\0' && strcmp(h->alarm, text) != 0;
	over = text[0] == '\0' && h->alarm[0] != '\0';
	snprintf(h->alarm, sizeof(h->alarm), "%s", text);
	pthread_mutex_unlock(&h->lock);
	if (fresh)
		helper_log(h, WEIR_LOG_ERROR, "alarm: %s", text);
	else if (over)
		helper_log(h, WEIR_LOG_INFO, "the database is well again");
}

/* watch_publish - scans use this one from now on */
static void
watch_publish(struct helper *h, struct engine *e)
{
	struct engine *old;

	e->refs = 1;
	pthread_mutex_lock(&h->lock);
	old = h->engine;
	e->generation = ++h->generation;
	h->engine = e;
	h->draining = false;
	h->reloads += e->generation > 1;
	breaker_database(&h->breaker, e->generation, e->generation > 1,
	    h->host->mono_ms());
	pthread_cond_broadcast(&h->ready);
	pthread_mutex_unlock(&h->lock);
	if (old != NULL)
		helper_give(h, old);
	malloc_trim(0);
	helper_log(h, WEIR_LOG_INFO, "database %s: %u signatures loaded in "
	    "%.1f s, %.1f MiB", h->dir, e->signatures,
	    (double)e->load_us / 1e6, (double)e->bytes / 1048576);
	watch_alarm(h, e->left_out > 0 ? e->problem : "");
}

/* watch_drain - wait for the scans under way and let the engine go */
static void
watch_drain(struct helper *h)
{
	struct engine *old;

	pthread_mutex_lock(&h->lock);
	old = h->engine;
	h->engine = NULL;
	h->draining = true;
	while (old != NULL && old->refs > 1)
		pthread_cond_wait(&h->ready, &h->lock);
	pthread_mutex_unlock(&h->lock);
	engine_free(&old);
	malloc_trim(0);
}

/* watch_parallel - may both engines exist at the same time? */
static bool
watch_parallel(struct helper *h, uint64_t bytes)
{
	if (h->reload != AV_RELOAD_AUTO)
		return h->reload == AV_RELOAD_PARALLEL;
	return watch_has_room(bytes, watch_available(), watch_headroom(h));
}

/* watch_load - the folder as it is now */
static void
watch_load(struct helper *h, uint64_t print)
{
	char problem[ENGINE_PROBLEM_MAX + 1] = "";
	char text[ENGINE_PROBLEM_MAX + 1];
	struct engine *e;
	bool beside = h->engine != NULL;
	int status;

	if (beside && !watch_parallel(h, h->engine->bytes)) {
		helper_log(h, WEIR_LOG_INFO, "database %s: reload without the "
		    "old engine, scans wait", h->dir);
		watch_drain(h);
		beside = false;
	}
	pthread_mutex_lock(&h->lock);
	h->loading = true;
	pthread_mutex_unlock(&h->lock);
	status = engine_load(h->dir, &h->limits, !beside, &e, problem);
	pthread_mutex_lock(&h->lock);
	h->loading = false;
	if (status < 0) {
		h->failed_print = print;
		h->reload_failures += h->generation > 0;
		/* whoever waits must not wait for ever */
		h->draining = false;
		pthread_cond_broadcast(&h->ready);
	}
	pthread_mutex_unlock(&h->lock);
	if (status == WEIR_OK) {
		watch_publish(h, e);
		return;
	}
	snprintf(text, sizeof(text), "%.200s; %s", problem, beside ?
	    "the old signatures stay in use" : "mail is not scanned");
	watch_alarm(h, text);
}

/* watch_quiet - wait for a moment without a scan, for a while */
static void
watch_quiet(struct helper *h)
{
	static const struct timespec nap = { 0, QUIET_MS * 1000000L };
	int64_t until = h->host->mono_ms() + LAST_MS;
	bool quiet = false, before;

	do {
		before = quiet;
		nanosleep(&nap, NULL);
		pthread_mutex_lock(&h->lock);
		quiet = h->engine == NULL || h->engine->refs <= 1;
		pthread_mutex_unlock(&h->lock);
	} while (!(quiet && before) && h->host->mono_ms() < until);
}

/* watch_lost - the folder was replaced by one that the sandbox does not know:
   only a new process may read it.  It is wished for, so no death. */
static void
watch_lost(struct helper *h)
{
	struct stat st;

	if (stat(h->dir, &st) < 0 ||
	    (st.st_dev == h->dir_dev && st.st_ino == h->dir_ino))
		return;
	helper_log(h, WEIR_LOG_WARN, "%s is another folder than before: this "
	    "process ends for one that may read it", h->dir);
	watch_quiet(h);
	_exit(EXIT_RESTART);
}

/* watch_round - look, and load what is new; true: look again soon */
static bool
watch_round(struct helper *h, bool forced)
{
	char text[ENGINE_PROBLEM_MAX + 1];
	uint64_t print;
	uint32_t files;

	if (engine_print(h->dir, &print, &files) < 0) {
		snprintf(text, sizeof(text), "%.200s: %s; %s", h->dir,
		    strerror(errno), h->engine != NULL ?
		    "the old signatures stay in use" : "mail is not scanned");
		watch_alarm(h, text);
		watch_lost(h);
		return false;
	}
	if (files == 0) {
		snprintf(text, sizeof(text), "there is no database in %.200s; "
		    "%s", h->dir, h->engine != NULL ?
		    "the old signatures stay in use" : "mail is not scanned");
		watch_alarm(h, text);
		return false;
	}
	if (!forced && h->engine != NULL && print == h->engine->print) {
		watch_alarm(h, h->engine->problem);
		return false;
	}
	if (!forced && print == h->failed_print)
		return false;
	if (!forced && print != h->seen_print) {
		h->seen_print = print;
		return true;
	}
	watch_load(h, print);
	return false;
}

/* watch_age - say now and then that the database is old */
static void
watch_age(struct helper *h)
{
	static int64_t said_ms;
	int64_t now = h->host->mono_ms(), age;

	if (h->engine == NULL || h->max_age_ms == 0)
		return;
	age = h->host->wall_ms() - h->engine->newest_ms;
	if (age <= h->max_age_ms) {
		said_ms = 0;
		return;
	}
	if (said_ms != 0 && now - said_ms < AGE_WARN_MS)
		return;
	said_ms = now;
	helper_log(h, WEIR_LOG_WARN, "the newest signatures in %s are %lld "
	    "hours old: is freshclam running?", h->dir,
	    (long long)age / 3600000);
}

/* watch_wait - until something is to do; true: a reload was asked for */
static bool
watch_wait(struct helper *h, int64_t ms)
{
	struct timespec until;
	bool forced;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&h->lock);
	while (!h->forced && pthread_cond_timedwait(&h->wake, &h->lock,
		&until) != ETIMEDOUT)
		continue;
	forced = h->forced;
	h->forced = false;
	h->loading = forced;
	pthread_mutex_unlock(&h->lock);
	return forced;
}

/* watch_thread - only this thread replaces the engine, so it may look at the
   pointer without the lock */
static void *
watch_thread(void *arg)
{
	struct helper *h = arg;
	bool soon = false;

	for (;;) {
		int64_t ms = soon && h->interval_ms > SETTLE_MS ?
		    SETTLE_MS : h->interval_ms;
		bool forced = watch_wait(h, ms);

		soon = watch_round(h, forced);
		pthread_mutex_lock(&h->lock);
		h->loading = false;
		pthread_mutex_unlock(&h->lock);
		watch_age(h);
	}
	return NULL;
}

/* watch_start - the first load, then the thread */
int
watch_start(struct helper *h)
{
	pthread_t thread;
	int rc;

	watch_round(h, true);
	if (h->engine == NULL)
		helper_log(h, WEIR_LOG_WARN, "no virus database: every mail is "
		    "unscanned until there is one in %s", h->dir);
	watch_age(h);
	rc = pthread_create(&thread, NULL, watch_thread, h);
	if (rc != 0) {
		helper_log(h, WEIR_LOG_ERROR, "can't start a thread: %s",
		    strerror(rc));
		return WEIR_E_TEMP;
	}
	pthread_detach(thread);
	return WEIR_OK;
}
