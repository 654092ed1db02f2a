/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/mod_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "lua/bind_map.h"
#include "lua/command.h"
#include "lua/effect.h"
#include "lua/notify.h"
#include "lua/round.h"
#include "lua/rules.h"

#define RULES_MAP_MS 5000
#define RULES_METRICS_MAX 250

enum {
	OPT_PATH,
	OPT_INSTRUCTIONS,
	OPT_MEMORY,
	OPT_MEMORY_TOTAL,
	OPT_TIME,
	OPT_ADMIN,
	OPT_NOTIFY_SERVER,
	OPT_NOTIFY_SPOOL,
	OPT_NOTIFY_FROM,
	OPT_NOTIFY_MAX,
	OPT_MAP_SIZE
};

static const struct weir_option rules_options[] = {
	[OPT_PATH] = { "path", WEIR_OPT_PATH, 0, WEIR_SYSCONFDIR "/rules",
	    NULL, NULL, NULL,
	    "Folder of rule files (*.lua, in the order of their names), or one "
	    "file.", NULL },
	[OPT_INSTRUCTIONS] = { "instructions", WEIR_OPT_INT, 0, "2000000",
	    "1000", "1000000000", NULL,
	    "Instructions that one call of a rule may take.", NULL },
	[OPT_MEMORY] = { "memory", WEIR_OPT_SIZE, 0, "16M", "64k", "1G", NULL,
	    "Memory that one call of a rule may hold.", NULL },
	[OPT_MEMORY_TOTAL] = { "memory_total", WEIR_OPT_SIZE, 0, "64M", "1M",
	    "4G", NULL, "Memory that all rules of a worker may hold.", NULL },
	[OPT_TIME] = { "time", WEIR_OPT_DURATION, 0, "500ms", "1ms", "1m",
	    NULL, "Processor time that one call of a rule may take; waiting "
	    "does not count.", NULL },
	[OPT_ADMIN] = { "admin", WEIR_OPT_STRING, 0, NULL, NULL, NULL, NULL,
	    "Address of the administrator: the macro __ADMIN__.", NULL },
	[OPT_NOTIFY_SERVER] = { "notify_server", WEIR_OPT_STRING, 0,
	    "inet:127.0.0.1:25", NULL, NULL, NULL,
	    "Where notifications and copies that rules cause are handed over "
	    "by SMTP: \"inet:ADDRESS:PORT\" or \"unix:PATH\", as a rule the "
	    "MTA of this machine.", NULL },
	[OPT_NOTIFY_SPOOL] = { "notify_spool", WEIR_OPT_PATH, 0,
	    NULL, NULL, NULL, NULL,
	    "Folder where they wait for the MTA, made when it is needed; it "
	    "must lie below state_dir. By default the module's own there.",
	    NULL },
	[OPT_NOTIFY_FROM] = { "notify_from", WEIR_OPT_STRING, 0, NULL, NULL,
	    NULL, NULL, "From of notifications; by default admin, or "
	    "postmaster at the MTA's name. The envelope sender is always "
	    "empty.", NULL },
	[OPT_NOTIFY_MAX] = { "notify_max", WEIR_OPT_INT, 0, "100", "0",
	    "100000", NULL, "Notifications that all workers together send in an "
	    "hour; further ones are counted, not sent. Copies do not count.",
	    NULL },
	[OPT_MAP_SIZE] = { "map_size", WEIR_OPT_SIZE, 0, "256M", "1k", "2G",
	    NULL, "Octets of the largest file that a map reads; every worker "
	    "holds all maps in memory.", NULL },
	{ NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }
};

static const struct weir_symbol rules_symbols[] = {
	{ "RULES_SCORE", "A site rule added to the score; the reason names "
	    "it.", 1.0 },
	{ NULL, NULL, 0 }
};

static const char *const rules_needs[] = { WEIR_EXT_DNS, WEIR_EXT_STORE,
	WEIR_EXT_EDIT, WEIR_EXT_MIME, WEIR_EXT_METRIC, WEIR_EXT_TIMER,
	WEIR_EXT_CONTROL, WEIR_EXT_JOB, NULL };
static const char *const rules_after[] = { "*", NULL };

#define RULES_STAGE(stage, number) \
	static int \
	rules_on_##stage(void *state, weir_call *call) \
	{ \
		return round_start(state, call, number, WEIR_RCPT_NONE); \
	}
RULES_STAGE(connect, WEIR_STAGE_CONNECT)
RULES_STAGE(helo, WEIR_STAGE_HELO)
RULES_STAGE(mail, WEIR_STAGE_MAIL)
RULES_STAGE(data, WEIR_STAGE_DATA)
RULES_STAGE(eoh, WEIR_STAGE_EOH)
RULES_STAGE(eom, WEIR_STAGE_EOM)

static int
rules_on_rcpt(void *state, weir_call *call, uint32_t rcpt)
{
	return round_start(state, call, WEIR_STAGE_RCPT, rcpt);
}

static int
rules_act_eom(void *state, weir_call *call)
{
	return effect_apply(state, call);
}

static const struct weir_stages rules_decide = {
	.size = sizeof(rules_decide), .connect = rules_on_connect,
	.helo = rules_on_helo, .mail = rules_on_mail, .rcpt = rules_on_rcpt,
	.data = rules_on_data, .eoh = rules_on_eoh, .eom = rules_on_eom
};
static const struct weir_stages rules_act = { .size = sizeof(rules_act),
	.eom = rules_act_eom };

/* rules_message_end - count what rules in shadow would have changed */
static void
rules_message_end(void *state, weir_call *call)
{
	effect_end(state, call);
}

/* rules_ext - the tables that needs names */
static void
rules_ext(struct rules *r)
{
	const struct weir_host *h = r->host;

	r->dns = h->ext(r->self, WEIR_EXT_DNS);
	r->store = h->ext(r->self, WEIR_EXT_STORE);
	r->edit = h->ext(r->self, WEIR_EXT_EDIT);
	r->mime = h->ext(r->self, WEIR_EXT_MIME);
	r->metric = h->ext(r->self, WEIR_EXT_METRIC);
	r->timer = h->ext(r->self, WEIR_EXT_TIMER);
	r->control = h->ext(r->self, WEIR_EXT_CONTROL);
	r->job = h->ext(r->self, WEIR_EXT_JOB);
}

/* rules_metrics - the host's table of series is not for rules alone: of many
   rules the first ones have theirs, `weirctl rules stats` shows all */
static void
rules_metrics(struct rules *r)
{
	char label[200];

	r->metric_runs = r->metric->counter(r->self, "rounds", NULL,
	    "Stages that went through the rules.");
	r->metric_renewed = r->metric->counter(r->self, "renewed", NULL,
	    "New Lua states because rules kept too much.");
	r->metric_waiting = r->metric->gauge(r->self, "waiting", NULL,
	    "Calls of rules that wait now.");
	r->metric_memory = r->metric->gauge(r->self, "memory_bytes", NULL,
	    "Memory that the rules' Lua states hold.");
	for (size_t i = 0; i < r->rules.n && i < RULES_METRICS_MAX; i++) {
		struct rule *rule = r->rules.v[i];

		snprintf(label, sizeof(label), "rule=\"%s\"", rule->name);
		rule->metric_seconds = r->metric->histogram(r->self,
		    "seconds", label, "Processor time of a rule's calls; the "
		    "count is the number of calls.");
		rule->metric_matches = r->metric->counter(r->self, "matches",
		    label, "Calls of a rule that did something.");
		rule->metric_failures = r->metric->counter(r->self,
		    "failures", label, "Calls of a rule that did not end "
		    "well.");
		rule->metric_overruns = r->metric->counter(r->self,
		    "overruns", label, "Failures because a budget was used "
		    "up.");
		if (rule->shadow)
			rule->metric_changes = r->metric->counter(r->self,
			    "shadow_changes", label, "Decisions that a rule "
			    "in shadow would have changed.");
	}
	if (r->rules.n > RULES_METRICS_MAX)
		rules_log(r, NULL, WEIR_LOG_INFO, "metrics of the first %d "
		    "rules only: weirctl rules stats has all",
		    RULES_METRICS_MAX);
}

/* rules_want - what the rules need of the MTA, and no more */
static void
rules_want(struct rules *r)
{
	uint32_t want = 0;

	for (size_t i = 0; i < r->rules.n; i++) {
		if (!r->rules.v[i]->active)
			continue;
		if (r->rules.v[i]->content >= RULE_HEADERS)
			want |= WEIR_F_WANT_HEADERS;
		if (r->rules.v[i]->content >= RULE_BODY)
			want |= WEIR_F_WANT_BODY;
	}
	if (want != 0)
		r->host->want(r->self, want);
	for (uint32_t s = 0; s < WEIR_STAGE_COUNT; s++) {
		if (r->stages[s].n == 0 && s != WEIR_STAGE_HEADER &&
		    s != WEIR_STAGE_BODY)
			r->host->skip(r->self, WEIR_PHASE_DECIDE, s);
	}
	if (r->stages[WEIR_STAGE_EOM].n == 0)
		r->host->skip(r->self, WEIR_PHASE_ACT, WEIR_STAGE_EOM);
}

/* rules_on_timer - files of maps may have changed */
static void
rules_on_timer(weir_call *call, int status, void *arg)
{
	if (status == WEIR_OK)
		bind_map_refresh(arg, call);
}

/* rules_notify - the options of notifications */
static int
rules_notify(struct rules *r, const weir_conf *conf, struct err *err)
{
	const struct weir_host *h = r->host;
	struct notify_options o = {
		.server = h->conf_str(conf, OPT_NOTIFY_SERVER).ptr,
		.spool = h->conf_str(conf, OPT_NOTIFY_SPOOL).ptr,
		.from = h->conf_str(conf, OPT_NOTIFY_FROM).ptr,
		.max_per_hour = h->conf_int(conf, OPT_NOTIFY_MAX)
	};

	r->notify = notify_create(r, &o, err);
	return r->notify != NULL ? WEIR_OK : WEIR_E_INVAL;
}

/* rules_create - read and check everything */
static int
rules_create(const struct weir_host *host, weir_self *self,
    const weir_conf *conf, void **state)
{
	struct rules *r = xcalloc(1, sizeof(*r));
	struct err err = { "" };
	int status;

	r->host = host;
	r->self = self;
	rules_ext(r);
	r->path = xstrdup(rules_watch != NULL && rules_watch->path != NULL ?
	    rules_watch->path : host->conf_str(conf, OPT_PATH).ptr);
	r->admin = xstrdup(host->conf_str(conf, OPT_ADMIN).ptr);
	r->max.instructions = (uint64_t)host->conf_int(conf,
	    OPT_INSTRUCTIONS);
	r->max.memory = host->conf_int(conf, OPT_MEMORY);
	r->max.time_ns = (uint64_t)host->conf_int(conf, OPT_TIME) * 1000000;
	r->memory_total = (size_t)host->conf_int(conf, OPT_MEMORY_TOTAL);
	r->map_size = (size_t)host->conf_int(conf, OPT_MAP_SIZE);
	status = rules_notify(r, conf, &err);
	if (status == WEIR_OK)
		status = rules_load(r, &err);
	/* whoever watches knows what to make of it */
	if (status < 0 && r->problems == 0) {
		rules_log(r, NULL, WEIR_LOG_ERROR, "%s", err.text);
		rules_unload(r);
		free(r);
		return status;
	}
	rules_metrics(r);
	rules_want(r);
	command_init(r);
	notify_start(r->notify);
	if (r->maps.n > 0)
		r->timer->every(self, RULES_MAP_MS, rules_on_timer, r);
	rules_log(r, NULL, WEIR_LOG_INFO, "%zu rules from %zu files in %s",
	    r->rules.n, r->files.n, r->path);
	*state = r;
	return WEIR_OK;
}

/* rules_destroy - the process ends */
static void
rules_destroy(void *state)
{
	struct rules *r = state;

	rules_unload(r);
	free(r);
}

const struct weir_module mod_rules = {
	WEIR_MODULE_HEAD,
	.on_failure = WEIR_ON_FAILURE_TEMPFAIL,
	.id = "org.weir.rules",
	.name = "rules",
	.version = "1.0",
	.license = "GPL-2.0-or-later",
	.summary = "Rules of the site, in Lua.",
	.options = rules_options,
	.symbols = rules_symbols,
	.needs = rules_needs,
	.after = rules_after,
	.decide = &rules_decide,
	.act = &rules_act,
	.create = rules_create,
	.destroy = rules_destroy,
	.message_end = rules_message_end
};
