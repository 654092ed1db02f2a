/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * helper - the half of the module that runs in the process antivirus.scan.
 *
 * One engine for the whole machine.  Threads take a reference for a scan; the
 * watcher (watch.c) puts a new engine in its place when the database has
 * changed, and the old one goes with its last scan.  Everything below `lock`
 * is under it.
 */
#ifndef MODULE_ANTIVIRUS_HELPER_H
#define MODULE_ANTIVIRUS_HELPER_H

#include <pthread.h>
#include <sys/types.h>

#include <weir/ext/remote.h>

#include "breaker.h"
#include "cache.h"
#include "engine.h"
#include "options.h"

#define HELPER_LEASE_MS 30000 /* how long one worker reports for all */

struct helper {
	const struct weir_helper_host *host;
	struct engine_limits limits;
	const char *dir; /* of the database */
	enum av_reload reload;
	int64_t interval_ms, max_age_ms;
	uint64_t temp_reserve, memory_limit;
	uint32_t threads;
	struct cache *cache; /* has a lock of its own, or NULL */
	dev_t dir_dev; /* the folder that the sandbox leaves open; */
	ino_t dir_ino; /* 0: there was none */

	pthread_mutex_t lock;
	pthread_cond_t ready; /* an engine came, or won't come; one went */
	pthread_cond_t wake;  /* something for the watcher */
	struct engine *engine; /* NULL: none */
	bool loading, draining; /* draining: scans wait for the next one */
	bool forced;		/* a reload was asked for */
	uint32_t generation;	/* of the last engine */
	uint64_t seen_print, failed_print;
	char alarm[ENGINE_PROBLEM_MAX + 1]; /* "": all is well */
	uint64_t scans, cached, failures, reloads, reload_failures, trips;
	struct breaker breaker;
	uint64_t reporter; /* the worker that reports, 0: none */
	int64_t reporter_ms;
};

/* Take the current engine for a scan, waiting while there will be one soon,
   until nobody waits for request any more; or NULL. */
struct engine *helper_take(struct helper *h, weir_request *request);
/* Give it back; whoever is the last frees it. */
void helper_give(struct helper *h, struct engine *e);
/* Printf to the log. */
void helper_log(const struct helper *h, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* watch.c: load the database for the first time; then, in a thread of its
   own, whenever it changes. WEIR_E_TEMP: no thread. */
int watch_start(struct helper *h);
/* Is there memory for a second engine beside the first? */
bool watch_has_room(uint64_t engine, uint64_t available, uint64_t headroom);

/* state.c: the JSON text of AV_ASK_STATUS; free() it. reporter: is the asker
   the one that reports. */
char *state_json(struct helper *h, bool reporter);

extern const struct weir_helper av_helper;

#endif
