/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/worker_setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/budget.h"
#include "conf/load.h"
#include "ctl/server.h"
#include "daemon/engine.h"
#include "daemon/privs.h"
#include "daemon/sockets.h"
#include "dns/resolver.h"
#include "front/front.h"
#include "loop/listen.h"
#include "lua/notify.h"
#include "mail/session.h"
#include "obs/board.h"
#include "obs/log.h"
#include "obs/metric.h"
#include "obs/metric_http.h"
#include "obs/record.h"
#include "pipe/guard.h"
#include "pipe/run.h"
#include "replay/recorder.h"
#include "store/aside.h"
#include "store/store.h"
#include "work/pool.h"

static struct front_listener *listeners;
static size_t nlisteners;
static struct metric_http *metrics;
static struct conf *conf;
static struct board_slot *slot;
static int gauge_sessions = -1, gauge_memory = -1, gauge_store = -1;
static int counter_dns[4];
static char store_alarm[600]; /* already told */

/* worker_load - the configuration with all modules, from the snapshot */
static int
worker_load(const struct worker_start *start, struct err *err)
{
	struct conf_report report = CONF_REPORT_INIT;
	struct buf text = BUF_INIT;
	int status = engine_load(start->snapshot, &conf, &report);

	if (status < 0) {
		conf_report_print(&report, &text);
		err_set(err, status, "%s", buf_str(&text).ptr);
		buf_fini(&text);
	}
	conf_report_fini(&report);
	return status;
}

/* worker_folder - of a file, to be freed */
static char *
worker_folder(const char *path)
{
	char *dir = xstrdup(path), *slash = strrchr(dir, '/');

	if (slash != NULL)
		slash[slash == dir] = '\0';
	return dir;
}

/* worker_confine - no longer root, no longer free */
static int
worker_confine(struct err *err)
{
	const char *writable[] = { conf->state_dir, "/dev", "/run", "/tmp",
		NULL, NULL, NULL };
	char *dirs[2] = { worker_folder(conf->explain.path), NULL };
	struct err why = { "" };
	uid_t uid;
	gid_t gid;
	int status = privs_find(conf, &uid, &gid, err);

	notify_on = true;
	if (status == WEIR_OK)
		status = privs_drop(uid, gid, err);
	if (status < 0) {
		free(dirs[0]);
		return status;
	}
	writable[4] = dirs[0];
	if (conf->log.target == CONF_LOG_FILE)
		writable[5] = dirs[1] = worker_folder(conf->log.path);
	status = privs_landlock(writable, &why);
	free(dirs[0]);
	free(dirs[1]);
	if (status < 0 && status != WEIR_E_UNSUPPORTED) {
		*err = why;
		return status;
	}
	return privs_seccomp(err);
}

/* worker_listen - serve what the master has bound */
static void
worker_listen(void)
{
	struct front_limits limits = *front_limits();

	/* one that the last configuration had would keep its clients waiting */
	sockets_keep(conf, false);
	limits.command_ms = conf->limits.command_timeout_ms;
	limits.idle_ms = conf->limits.idle_ms;
	limits.sessions = (unsigned)conf->limits.sessions;
	front_limits_set(&limits);
	listeners = xcalloc(conf->n_listeners + 1, sizeof(*listeners));
	for (size_t i = 0; i < conf->n_listeners; i++) {
		const struct conf_listener *l = &conf->listeners[i];
		static const char *const directions[] = { "auto", "in", "out" };
		struct front_listener *f = &listeners[nlisteners++];

		f->name = f->front.listener = l->name;
		f->direction = f->front.direction = directions[l->direction];
		f->front.protocol = l->protocol == CONF_PROTOCOL_MILTER ?
		    "milter" : "policy";
		f->no_reply = l->no_reply;
		f->fd = sockets_fd(l->address.text);
		front_listen_start(f);
	}
	ctl_server_start(sockets_control_fd(conf));
	if (conf->metrics.kind != CONF_ADDRESS_NONE)
		metrics = metric_http_create(
		    dup(sockets_fd(conf->metrics.text)));
}

/* worker_store - say when the store stops or starts to work */
static void
worker_store(void)
{
	static bool degraded;
	struct store_status st;

	store_status(&st);
	metric_set(gauge_store, st.degraded);
	if (strcmp(st.alarm, store_alarm) != 0) {
		snprintf(store_alarm, sizeof(store_alarm), "%s", st.alarm);
		log_event(WEIR_LOG_ERROR, LOG_STORE_CORRUPT, "%s", st.alarm);
	}
	if (st.degraded == degraded)
		return;
	degraded = st.degraded;
	if (degraded)
		log_event(WEIR_LOG_ERROR, LOG_STORE_DEGRADED,
		    "the modules' store does not work: %s", st.trouble);
	else
		log_event(WEIR_LOG_INFO, LOG_STORE_RECOVERED,
		    "the modules' store works again");
}

/* worker_record - mail goes on without its recordings, loudly */
static void
worker_record(unsigned worker)
{
	struct err err = { "" };

	if (!conf->record.enabled)
		return;
	if (recorder_open(conf, worker, &err) < 0)
		log_event(WEIR_LOG_ERROR, LOG_STORE_DEGRADED,
		    "nothing is recorded: %s", err.text);
	else
		run_wants_tape(recorder_wants_body());
}

/* worker_setup - in the order in which the parts need each other */
int
worker_setup(const struct worker_start *start, struct conf **conf_out,
    struct err *err)
{
	int status;

	slot = &board->slot[start->slot];
	metric_attach(start->slot);
	guard_slot(start->slot);
	id_worker((unsigned)start->slot);
	/* what the master has found, it has told */
	snprintf(store_alarm, sizeof(store_alarm), "%s", aside_alarm());
	/* modules are opened while we may still read everything */
	status = worker_load(start, err);
	if (status == WEIR_OK)
		status = worker_confine(err);
	if (status == WEIR_OK)
		status = engine_start(conf, ENGINE_WORKER, err);
	if (status < 0)
		return status;
	worker_record((unsigned)start->slot);
	gauge_sessions = metric_gauge("weir_sessions", NULL,
	    "Open sessions.");
	gauge_memory = metric_gauge("weir_mail_memory_bytes", NULL,
	    "Memory taken by messages.");
	gauge_store = metric_gauge("weir_store_degraded", NULL,
	    "Workers whose store is out of order.");
	counter_dns[0] = metric_gauge("weir_dns_queries", NULL,
	    "DNS questions asked by modules since the worker started.");
	counter_dns[1] = metric_gauge("weir_dns_cache_hits", NULL,
	    "Of these, answered from the cache.");
	counter_dns[2] = metric_gauge("weir_dns_timeouts", NULL,
	    "Of these, without an answer in time.");
	counter_dns[3] = metric_gauge("weir_dns_in_flight", NULL,
	    "DNS questions on their way now.");
	worker_store();
	worker_listen();
	*conf_out = conf;
	return WEIR_OK;
}

/* worker_metrics - gauges from other parts */
void
worker_metrics(void)
{
	const struct dns_stats *d = dns_stats();

	worker_store();
	metric_set(gauge_sessions, session_count());
	metric_set(gauge_memory, (int64_t)budget_used());
	metric_set(counter_dns[0], (int64_t)d->queries);
	metric_set(counter_dns[1], (int64_t)d->cache_hits);
	metric_set(counter_dns[2], (int64_t)d->timeouts);
	metric_set(counter_dns[3], (int64_t)d->in_flight);
	atomic_store_explicit(&slot->sessions, session_count(),
	    memory_order_relaxed);
}

/* worker_listeners_stop - accept no more */
void
worker_listeners_stop(void)
{
	for (size_t i = 0; i < nlisteners; i++)
		front_listen_stop(&listeners[i]);
	metric_http_destroy(&metrics);
}

/* worker_teardown - in the reverse order */
void
worker_teardown(void)
{
	worker_listeners_stop();
	ctl_server_close_all();
	front_close_all();
	sockets_close(false);
	recorder_close();
	engine_stop();
	free(listeners);
	listeners = NULL;
	conf_destroy(&conf);
}
