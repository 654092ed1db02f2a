/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/pool.h"
#include "base/text.h"
#include "conf/load.h"
#include "daemon/helpers.h"
#include "daemon/helpers_specs.h"
#include "dns/resolver.h"
#include "host/ext_remote.h"
#include "host/hold.h"
#include "host/limits.h"
#include "host/load.h"
#include "host/registry.h"
#include "host/table.h"
#include "loop/loop.h"
#include "mail/message.h"
#include "mail/mime.h"
#include "mail/spool.h"
#include "obs/log.h"
#include "obs/record.h"
#include "pipe/call.h"
#include "pipe/explain.h"
#include "pipe/guard.h"
#include "pipe/run.h"
#include "pipe/settle.h"
#include "store/store.h"
#include "work/pool.h"

#define JOB_THREADS 4
#define JOB_QUEUE 1000

static const struct conf *conf;
static bool recording;
static bool helpers_told;
static char helpers_dir[4096]; /* "": none */

/* engine_load - first the plain form, to know where modules are */
int
engine_load(struct conf_snapshot *snap, struct conf **out,
    struct conf_report *report)
{
	struct conf_report ignored = CONF_REPORT_INIT;
	struct conf *plain = NULL;

	if (conf_load(snap, NULL, &plain, &ignored) == WEIR_OK)
		load_init(plain->module_path);
	else
		load_init(WEIR_MODULEDIR);
	conf_report_fini(&ignored);
	conf_destroy(&plain);
	return conf_load(snap, &registry_describe, out, report);
}

/* engine_is_internal - networks "internal" are our own clients */
static bool
engine_is_internal(const struct ip *ip)
{
	return conf_net_contains(conf_network(conf, "internal"), ip);
}

/* engine_in_networks - modules ask by name */
static int
engine_in_networks(const char *name, const struct ip *ip)
{
	const struct conf_netset *set = conf_network(conf, name);

	return set != NULL ? conf_net_contains(set, ip) : WEIR_E_NOTFOUND;
}

/* engine_limits - from the configuration to those who apply them */
static void
engine_limits(void)
{
	struct message_limits ml = {
		.recipients = (uint32_t)conf->limits.recipients,
		.header_lines = (uint32_t)conf->limits.header_lines,
		.header_octets = (uint32_t)conf->limits.header_octets
	};
	struct mime_limits mime = MIME_LIMITS_DEFAULT;

	mime.header_lines = (unsigned)conf->limits.header_lines;
	mime.header_octets = (unsigned)conf->limits.header_octets;
	mime.parts = (unsigned)conf->limits.parts;
	mime.depth = (unsigned)conf->limits.depth;
	message_limits(&ml);
	limits_set((uint32_t)conf->dns.queries, &mime);
	spool_limits((size_t)conf->memory.spool, (size_t)conf->memory.message);
	/* each worker has its share of the cap */
	budget_limit((size_t)conf->memory.total / (size_t)conf->workers);
	settle_policy((enum settle_disagree)conf->disagree);
	session_internal(engine_is_internal);
	table_networks(engine_in_networks);
}

/* engine_dns - the resolver, or a zone file in its place */
static int
engine_dns(enum engine_kind kind, struct err *err)
{
	struct dns_config dc = {
		.nservers = conf->dns.n_servers,
		.timeout_ms = conf->dns.timeout_ms,
		.tries = (unsigned)conf->dns.tries,
		.cache_entries = (size_t)conf->dns.cache
	};
	struct pool *pool;
	const char **servers;
	int status;

	if (kind == ENGINE_REPLAY)
		return dns_init_recorded();
	if (conf->dns.zone[0] != '\0')
		return dns_init_zone(conf->dns.zone, err);
	pool = pool_create(1024, 0);
	servers = pool_array(pool, const char *, dc.nservers + 1);
	for (size_t i = 0; i < dc.nservers; i++)
		servers[i] = conf->dns.servers[i].text;
	dc.servers = servers;
	status = dns_init(&dc, err);
	pool_destroy(&pool);
	return status;
}

/* engine_store - on disk for a worker, else in memory */
static int
engine_store(enum engine_kind kind, struct err *err)
{
	char path[4096];
	struct store_config sc = {
		.path = path, .map_size = (size_t)conf->store_size,
		.memory = kind != ENGINE_WORKER, .tolerant = kind == ENGINE_WORKER
	};

	snprintf(path, sizeof(path), "%s/store.lmdb", conf->state_dir);
	return store_init(&sc, err);
}

/* engine_record - where explain records go */
static void
engine_record(enum engine_kind kind)
{
	struct err err = { "" };

	recording = kind == ENGINE_WORKER && conf->explain.enabled;
	if (recording &&
	    record_init(conf->explain.path, conf->explain.retention_ms,
		&err) < 0) {
		/* mail goes on without its records, loudly */
		log_event(WEIR_LOG_ERROR, LOG_STORE_DEGRADED, "%s", err.text);
		recording = false;
	}
	explain_enable(recording);
}

/* engine_on_helpers - a helper that can't start fails what is asked of it */
static void
engine_on_helpers(uint32_t generation, const char *error)
{
	(void)generation;
	helpers_told = true;
	if (error != NULL)
		log_event(WEIR_LOG_ERROR, LOG_MODULE_FAILED, "%s", error);
}

/* engine_helpers - where no master has started them */
static int
engine_helpers(struct err *err)
{
	struct buf specs = BUF_INIT;
	int status;

	status = helpers_specs(conf, &specs, err);
	if (status < 0 || specs.len == 0) {
		buf_fini(&specs);
		return status;
	}
	text_temporary(helpers_dir, sizeof(helpers_dir), "weir-drive");
	if (mkdtemp(helpers_dir) == NULL) {
		status = err_set(err, WEIR_E_TEMP, "no folder for helpers: "
		    "%s: %s", helpers_dir, strerror(errno));
		helpers_dir[0] = '\0';
		buf_fini(&specs);
		return status;
	}
	helpers_told = false;
	helpers_init(engine_on_helpers, true);
	helpers_worker(1);
	status = helpers_start(1, conf, &specs, helpers_dir, err);
	buf_fini(&specs);
	while (status == WEIR_OK && !helpers_told)
		loop_once(true);
	return status;
}

/* engine_start - in the order in which the parts need each other */
int
engine_start(const struct conf *c, enum engine_kind kind, struct err *err)
{
	int status;

	conf = c;
	table_folders(kind == ENGINE_DRIVE ? NULL : conf->state_dir);
	engine_limits();
	if (kind == ENGINE_WORKER)
		mime_init();
	call_init();
	hold_init();
	ext_remote_find(helpers_find);
	status = work_init(JOB_THREADS, JOB_QUEUE, err);
	if (status == WEIR_OK)
		status = engine_store(kind, err);
	if (status == WEIR_OK)
		status = engine_dns(kind, err);
	if (status == WEIR_OK &&
	    (kind == ENGINE_DRIVE || kind == ENGINE_LOCAL))
		status = engine_helpers(err);
	if (status == WEIR_OK)
		status = registry_start(conf, err);
	if (status < 0)
		return status;
	engine_record(kind);
	run_wants_build(recording || log_enabled(WEIR_LOG_INFO) ||
		kind != ENGINE_WORKER, conf->message_timeout_ms);
	return WEIR_OK;
}

/* engine_settle - let calls without a session finish, for a moment */
static void
engine_settle(void)
{
	for (int i = 0; i < 200 && call_count() > 0; i++) {
		loop_once(false);
		if (call_count() > 0)
			call_cancel_all(WEIR_E_CANCELLED);
	}
}

/* engine_stop - in the reverse order */
void
engine_stop(void)
{
	engine_settle();
	dns_fini();
	store_fini();
	work_fini();
	engine_settle();
	ext_remote_fini();
	if (helpers_dir[0] != '\0') {
		helpers_stop();
		rmdir(helpers_dir);
		helpers_dir[0] = '\0';
	}
	hold_fini();
	guard_flush();
	registry_stop();
	table_folders_fini();
	if (recording)
		record_fini();
	call_fini();
	mime_fini();
}
