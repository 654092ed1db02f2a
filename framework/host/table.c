/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/table_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/weir.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/pool.h"
#include "base/text.h"
#include "conf/section.h"
#include "host/hold.h"
#include "host/trial.h"
#include "obs/log.h"
#include "pipe/plan.h"

#define LOG_LINE_MAX 16384

/* table_ext - an extension by id */
const void *
table_ext(const char *id)
{
	static const struct {
		const char *id;
		const void *table;
	} all[] = {
		{ WEIR_EXT_DNS, &ext_dns_table },
		{ WEIR_EXT_TIMER, &ext_timer_table },
		{ WEIR_EXT_JOB, &ext_job_table },
		{ WEIR_EXT_STORE, &ext_store_table },
		{ WEIR_EXT_EDIT, &ext_edit_table },
		{ WEIR_EXT_MIME, &ext_mime_table },
		{ WEIR_EXT_METRIC, &ext_metric_table },
		{ WEIR_EXT_SERVICE, &ext_service_table },
		{ WEIR_EXT_CONTROL, &ext_control_table },
		{ WEIR_EXT_REMOTE, &ext_remote_table },
		{ WEIR_EXT_LUA, &ext_lua_table },
	};

	for (size_t i = 0; id != NULL && i < sizeof(all) / sizeof(*all); i++) {
		if (strcmp(all[i].id, id) == 0)
			return all[i].table;
	}
	return NULL;
}

/* there are none now */
static const char *const no_drafts[] = { NULL };
const char *const *table_drafts = no_drafts;

/* table_is_draft - is it promised to nobody */
bool
table_is_draft(const char *id)
{
	for (const char *const *d = table_drafts; *d != NULL; d++) {
		if (strcmp(*d, id) == 0)
			return true;
	}
	return false;
}

void (*table_log_hook)(const struct module *, int, weir_str);
_Thread_local struct module *table_thread_module;

/* table_foreign - a thread asks for what only the loop may: say so once */
static void
table_foreign(void)
{
	static _Atomic bool told;
	struct module *m = table_thread_module;

	if (!atomic_exchange(m != NULL ? &m->told_thread : &told, true))
		log_event(WEIR_LOG_ERROR, LOG_MODULE_FAILED, "%s%s calls a "
		    "[loop] function from a thread",
		    m != NULL ? "module " : "", m != NULL ? m->name :
							    "a module");
}

/* table_call - check thread and handle */
struct call *
table_call(weir_call *handle, int *status)
{
	struct call *c;

	if (!loop_is_thread()) {
		table_foreign();
		*status = WEIR_E_STATE;
		return NULL;
	}
	c = call_find(handle);
	*status = c != NULL ? WEIR_OK : WEIR_E_STALE;
	return c;
}

/* table_starter - may this call start something that it waits for */
struct call *
table_starter(weir_call *handle, int *status)
{
	struct call *c = table_call(handle, status);

	if (c == NULL)
		return NULL;
	if (c->given_up)
		*status = WEIR_E_CANCELLED;
	else if (c->session != NULL && (c->stage == WEIR_STAGE_HEADER ||
					   c->stage == WEIR_STAGE_BODY))
		*status = WEIR_E_STATE;
	return *status == WEIR_OK ? c : NULL;
}

static const void *
table_find_ext(weir_self *self, const char *id)
{
	(void)self;
	return trial_ext(id, table_ext(id));
}

/* table_log - one line of the module's own */
static void
table_log(weir_self *self, weir_call *handle, int level, weir_str line)
{
	struct log_ctx ctx = { .module = NULL };
	struct call *c = NULL;
	int len;

	if (self == NULL || !table_is_str(line))
		return;
	ctx.module = table_module(self)->name;
	len = (int)(line.len < LOG_LINE_MAX ? line.len : LOG_LINE_MAX);
	if (level < WEIR_LOG_ERROR || level > WEIR_LOG_DEBUG)
		level = WEIR_LOG_INFO;
	if (table_log_hook != NULL) {
		line.len = (size_t)len;
		table_log_hook(table_module(self), level, line);
		return;
	}
	if (!log_enabled(level))
		return;
	if (handle != NULL && loop_is_thread() &&
	    (c = call_find(handle)) != NULL && c->session != NULL) {
		ctx.session = c->session->id;
		ctx.stage = stage_name(c->stage);
		if (c->message != NULL) {
			ctx.message = c->message->id;
			ctx.queue_id = c->message->queue_id.ptr;
		}
	}
	if (loop_is_thread()) {
		const struct log_ctx *before = log_ctx_set(&ctx);

		log_event(level, LOG_MODULE_LOG, "%.*s", len,
		    len > 0 ? line.ptr : "");
		log_ctx_set(before);
	} else {
		log_event(level, LOG_MODULE_LOG, "%s: %.*s", ctx.module, len,
		    len > 0 ? line.ptr : "");
	}
}

static int64_t
table_wall(weir_self *self)
{
	(void)self;
	return clock_wall_ms();
}

static int64_t
table_mono(weir_self *self)
{
	(void)self;
	return clock_mono_ms();
}

/* table_alloc - memory by scope */
static void *
table_alloc(weir_call *handle, uint32_t scope, size_t size)
{
	int status;
	struct call *c = table_call(handle, &status);
	struct pool *pool = c != NULL ? call_pool(c, scope) : NULL;

	return pool != NULL ? pool_try_alloc(pool, size) : NULL;
}

/* table_slot - a module's slot in a scope, made on demand */
static struct slot *
table_slot(struct call *c, uint32_t scope, uint32_t rcpt)
{
	struct slot **slots = NULL;
	struct pool *pool = NULL;

	if (c->session == NULL)
		return NULL;
	if (scope == WEIR_SCOPE_SESSION) {
		slots = &c->session->slots;
		pool = c->session->pool;
	} else if (c->message != NULL && scope == WEIR_SCOPE_MESSAGE) {
		slots = &c->message->slots;
		pool = c->message->pool;
	} else if (c->message != NULL && scope == WEIR_SCOPE_RCPT &&
	    rcpt < c->message->nrcpts) {
		slots = &c->message->rcpts[rcpt].slots;
		pool = c->message->pool;
	}
	if (slots == NULL)
		return NULL;
	if (*slots == NULL)
		*slots = plan_slots(pool);
	return &(*slots)[c->module->index];
}

static int
table_data_set(weir_call *handle, uint32_t scope, uint32_t rcpt, void *data,
    void (*drop)(void *))
{
	int status;
	struct call *c = table_call(handle, &status);
	struct slot *slot, old;

	if (c == NULL)
		return status;
	slot = table_slot(c, scope, rcpt);
	if (slot == NULL)
		return WEIR_E_STATE;
	old = *slot;
	slot->data = data;
	slot->drop = drop;
	if (old.data != NULL && old.drop != NULL && old.data != data)
		old.drop(old.data);
	return WEIR_OK;
}

static void *
table_data_get(weir_call *handle, uint32_t scope, uint32_t rcpt)
{
	int status;
	struct call *c = table_call(handle, &status);
	struct slot *slot = c != NULL ? table_slot(c, scope, rcpt) : NULL;

	return slot != NULL ? slot->data : NULL;
}

static int
table_want(weir_self *self, uint32_t flags)
{
	struct module *m = table_module(self);

	if (m == NULL)
		return WEIR_E_INVAL;
	if (m->created)
		return WEIR_E_STATE;
	m->flags |= flags & (WEIR_F_WANT_HEADERS | WEIR_F_WANT_BODY);
	return WEIR_OK;
}

static int
table_skip(weir_self *self, uint32_t phase, uint32_t stage)
{
	struct module *m = table_module(self);

	if (m == NULL)
		return WEIR_E_INVAL;
	if (m->created)
		return WEIR_E_STATE;
	if (phase >= WEIR_PHASE_COUNT || stage >= WEIR_STAGE_COUNT)
		return WEIR_E_INVAL;
	m->skips[phase] |= 1u << stage;
	return WEIR_OK;
}

const struct weir_host table_host = {
	.size = sizeof(struct weir_host),
	.abi_major = WEIR_ABI_MAJOR,
	.abi_minor = WEIR_ABI_MINOR,
	.version = PACKAGE_VERSION,
	.ext = table_find_ext,
	.log = table_log,
	.wall_ms = table_wall,
	.mono_ms = table_mono,
	.alloc = table_alloc,
	.data_set = table_data_set,
	.data_get = table_data_get,
	.stage = table_stage,
	.phase = table_phase,
	.attr_get = table_attr_get,
	.macro_get = table_macro_get,
	.rcpt_count = table_rcpt_count,
	.header_count = table_header_count,
	.header_at = table_header_at,
	.in_networks = table_in_networks,
	.finding = table_finding,
	.finding_count = table_finding_count,
	.finding_at = table_finding_at,
	.score = table_score,
	.verdict = table_verdict,
	.verdict_get = table_verdict_get,
	.fact_set = table_fact_set,
	.fact_get = table_fact_get,
	.fail = table_fail,
	.unscanned_count = table_unscanned_count,
	.unscanned_at = table_unscanned_at,
	.task = hold_task,
	.hold = hold_begin,
	.release = hold_release,
	.want = table_want,
	.skip = table_skip,
	.conf_bool = conf_bool,
	.conf_int = conf_int,
	.conf_real = conf_real,
	.conf_str = conf_str,
	.conf_list = conf_list,
	.conf_net = conf_net,
	.conf_sections = conf_sections,
	.conf_section = conf_section,
	.fate = table_fate,
	.kept = table_kept,
	.folder = table_folder,
	.exempt = table_exempt,
};
