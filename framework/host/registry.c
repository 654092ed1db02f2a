/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/pool.h"
#include "base/text.h"
#include "host/control.h"
#include "host/ext_lua.h"
#include "host/ext_timer.h"
#include "host/load.h"
#include "host/table.h"
#include "host/trial.h"
#include "obs/board.h"
#include "obs/log.h"
#include "obs/metric.h"
#include "pipe/plan.h"

static struct pool *pool;
static struct module **modules;
static uint32_t nmodules;
const char *registry_busy;
const struct weir_module *(*registry_replace)(const struct weir_module *);

/* registry_find_descriptor - conf asks for a module's rows */
static const struct weir_module *
registry_find_descriptor(void *arg, const char *name, const char *path,
    struct err *err)
{
	const struct weir_module *m;

	(void)arg;
	registry_busy = name;
	m = load_module(name, path, err);
	registry_busy = NULL;
	return m;
}

const struct conf_modules registry_describe = {
	.describe = registry_find_descriptor, .arg = NULL
};

/* registry_metrics - the series that every module has */
static void
registry_metrics(struct module *m)
{
	char labels[160];

	for (int s = 0; s < WEIR_STAGE_COUNT; s++) {
		bool used = false;

		for (int p = 0; p < WEIR_PHASE_COUNT; p++)
			used |= plan_has(m, s, p);
		m->metric_time[s] = -1;
		if (!used)
			continue;
		snprintf(labels, sizeof(labels),
		    "module=\"%s\",stage=\"%s\"", m->name, stage_name(s));
		m->metric_time[s] = metric_histogram(
		    "weir_module_call_seconds", labels,
		    "Time from a module's callback to its last completion.");
	}
	snprintf(labels, sizeof(labels), "module=\"%s\"", m->name);
	m->metric_failures = metric_counter("weir_module_failures", labels,
	    "Checks that did not run.");
}

/* registry_module - one module from its section */
static struct module *
registry_module(const struct conf *conf, const struct conf_module *cm)
{
	struct module *m = pool_new(pool, struct module);
	const struct weir_symbol *sym = cm->desc->symbols;

	m->name = cm->name;
	m->path = load_path(cm->name);
	m->origin = pool_printf(pool, "%s:%u", cm->file, cm->line);
	m->descriptor = registry_replace != NULL ?
	    registry_replace(cm->desc) : cm->desc;
	m->conf = cm->conf;
	m->flags = m->descriptor->flags;
	m->on_failure[0] = cm->on_failure;
	m->on_failure[1] = cm->on_failure_out;
	m->timeout_ms = cm->timeout_ms;
	m->shadow = cm->shadow;
	m->board = board != NULL ? board_module_find(cm->name) : 0;
	while (sym != NULL && sym[m->nsymbols].name != NULL)
		m->nsymbols++;
	m->scores = pool_array(pool, double, m->nsymbols + 1);
	for (uint32_t i = 0; i < m->nsymbols; i++)
		m->scores[i] = conf_score(conf, sym[i].name, sym[i].score);
	return m;
}

/* registry_check_ids - an identity belongs to one module */
static int
registry_check_ids(struct err *err)
{
	for (uint32_t i = 0; i < nmodules; i++) {
		for (uint32_t k = 0; k < i; k++) {
			if (strcmp(modules[i]->descriptor->id,
				modules[k]->descriptor->id) == 0)
				return err_set(err, WEIR_E_INVAL, "modules %s "
				    "and %s both have the id %s",
				    modules[k]->name, modules[i]->name,
				    modules[i]->descriptor->id);
		}
	}
	return WEIR_OK;
}

/* registry_check_symbols - a symbol belongs to one module */
static int
registry_check_symbols(struct err *err)
{
	struct map seen = MAP_INIT;
	int status = WEIR_OK;

	for (uint32_t i = 0; i < nmodules && status == WEIR_OK; i++) {
		struct module *m = modules[i];

		for (uint32_t k = 0; k < m->nsymbols; k++) {
			const char *name = m->descriptor->symbols[k].name;
			struct module *other = map_set(&seen, text_slice(name),
			    m);

			if (other != NULL)
				status = err_set(err, WEIR_E_INVAL, "modules "
				    "%s and %s both have a symbol %s",
				    other->name, m->name, name);
		}
	}
	map_fini(&seen);
	return status;
}

/* registry_create - let one module start */
static int
registry_create(struct module *m, struct err *err)
{
	int status;

	registry_busy = m->name;
	status = m->descriptor->create(trial_host(), table_self(m), m->conf,
	    &m->state);
	registry_busy = NULL;
	if (status < 0)
		return err_set(err, status, "%s: error: module %s refuses to "
		    "start (%s)", m->origin, m->name, status_name(status));
	m->created = true;
	log_event(WEIR_LOG_DEBUG, LOG_MODULE_LOADED, "%s %s from %s", m->name,
	    m->descriptor->version, m->path);
	return WEIR_OK;
}

/* registry_start - all modules of the configuration */
int
registry_start(const struct conf *conf, struct err *err)
{
	int status;

	pool = pool_create(4096, 0);
	nmodules = (uint32_t)conf->n_modules;
	modules = pool_array(pool, struct module *, nmodules + 1);
	for (uint32_t i = 0; i < nmodules; i++)
		modules[i] = registry_module(conf, &conf->modules[i]);
	status = registry_check_ids(err);
	if (status == WEIR_OK)
		status = registry_check_symbols(err);
	if (status == WEIR_OK)
		status = plan_order(modules, nmodules, err);
	for (uint32_t i = 0; i < nmodules && status == WEIR_OK; i++)
		status = registry_create(modules[i], err);
	if (status < 0) {
		registry_stop();
		return status;
	}
	plan_build(modules, nmodules);
	for (uint32_t i = 0; i < nmodules; i++)
		registry_metrics(modules[i]);
	return WEIR_OK;
}

/* registry_stop - destroy in reverse order */
void
registry_stop(void)
{
	ext_timer_stop();
	for (uint32_t i = nmodules; i-- > 0;) {
		if (!modules[i]->created)
			continue;
		registry_busy = modules[i]->name;
		if (modules[i]->descriptor->destroy != NULL)
			modules[i]->descriptor->destroy(modules[i]->state);
		modules[i]->created = false;
		registry_busy = NULL;
	}
	control_fini();
	ext_service_fini();
	ext_lua_fini();
	plan_fini();
	nmodules = 0;
	modules = NULL;
	pool_destroy(&pool);
}
