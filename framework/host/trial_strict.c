/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trial_strict - tables that end the process when a module misuses them.
 *
 * Each function asks the real one and hands the answer to trial_said; where
 * there is no answer (a count, a pointer) the call itself is looked at.
 */
#include <string.h>

#include <weir/weir.h>

#include "host/table.h"
#include "host/trial.h"
#include "obs/metric.h"

static const struct weir_host *real;
static struct weir_host strict;

#define CORE(name, params, args) \
	static int strict_##name params \
	{ \
		return trial_said(c, real->name args, \
		    "weir_host." #name); \
	}

/* Functions that give 0 or NULL for a call that is over. */
#define CORE_OF(type, name, params, args) \
	static type strict_##name params \
	{ \
		int status; \
		if (table_call(c, &status) == NULL) \
			trial_said(c, status, "weir_host." #name); \
		return real->name args; \
	}

/* Functions of the module, for the loop's thread alone. */
static void
strict_thread(const char *name)
{
	if (!loop_is_thread())
		trial_said(NULL, WEIR_E_STATE, name);
}

#define CORE_SELF(name, params, args) \
	static int strict_##name params \
	{ \
		return trial_said(NULL, real->name args, \
		    "weir_host." #name); \
	}

CORE(data_set,
    (weir_call *c, uint32_t scope, uint32_t rcpt, void *data,
	void (*drop)(void *)), (c, scope, rcpt, data, drop))
CORE(stage, (weir_call *c), (c))
CORE(phase, (weir_call *c), (c))
CORE(attr_get, (weir_call *c, uint32_t attr, uint32_t rcpt, weir_str *out),
    (c, attr, rcpt, out))
CORE(macro_get, (weir_call *c, const char *name, weir_str *out),
    (c, name, out))
CORE(header_at,
    (weir_call *c, const char *name, uint32_t i, weir_str *n, weir_str *v),
    (c, name, i, n, v))
CORE(in_networks, (weir_call *c, const char *name, const char *addr),
    (c, name, addr))
CORE(finding,
    (weir_call *c, uint32_t symbol, uint32_t rcpt, double weight,
	weir_str reason), (c, symbol, rcpt, weight, reason))
CORE(finding_at, (weir_call *c, uint32_t i, struct weir_finding *out),
    (c, i, out))
CORE(verdict, (weir_call *c, const struct weir_verdict *v), (c, v))
CORE(verdict_get, (weir_call *c, uint32_t rcpt, struct weir_verdict *out),
    (c, rcpt, out))
CORE(fact_set, (weir_call *c, uint32_t rcpt, const char *key, weir_str v),
    (c, rcpt, key, v))
CORE(fact_get, (weir_call *c, uint32_t rcpt, const char *key, weir_str *v),
    (c, rcpt, key, v))
CORE(fail, (weir_call *c, int status, weir_str reason), (c, status, reason))
CORE(unscanned_at,
    (weir_call *c, uint32_t i, weir_str *module, weir_str *reason),
    (c, i, module, reason))
CORE(fate, (weir_call *c, uint32_t rcpt), (c, rcpt))
CORE(kept, (weir_call *c, uint32_t rcpt, weir_str id), (c, rcpt, id))
CORE(exempt, (weir_call *c, weir_str reason), (c, reason))
CORE_OF(void *, data_get, (weir_call *c, uint32_t scope, uint32_t rcpt),
    (c, scope, rcpt))
CORE_OF(uint32_t, rcpt_count, (weir_call *c), (c))
CORE_OF(uint32_t, header_count, (weir_call *c, const char *name), (c, name))
CORE_OF(uint32_t, finding_count, (weir_call *c), (c))
CORE_OF(double, score, (weir_call *c, uint32_t rcpt), (c, rcpt))
CORE_OF(uint32_t, unscanned_count, (weir_call *c), (c))
CORE_SELF(task, (weir_self *s, weir_task_fn *fn, void *arg, uint32_t ms),
    (s, fn, arg, ms))
CORE_SELF(want, (weir_self *s, uint32_t flags), (s, flags))
CORE_SELF(skip, (weir_self *s, uint32_t phase, uint32_t stage), (s, phase, stage))

/* strict_alloc - no memory where a call is none is a misuse */
static void *
strict_alloc(weir_call *c, uint32_t scope, size_t size)
{
	if (real->stage(c) == WEIR_E_STALE || scope > WEIR_SCOPE_RCPT)
		trial_said(c, WEIR_E_STALE, "weir_host.alloc");
	return real->alloc(c, scope, size);
}

/* strict_folder - the list of folders is the loop's own */
static const char *
strict_folder(weir_self *s)
{
	strict_thread("weir_host.folder");
	return real->folder(s);
}

/* strict_hold - so is no hold, unless the call was given up */
static weir_hold *
strict_hold(weir_call *c, uint32_t ms, weir_task_fn *fn, void *arg)
{
	int status = WEIR_OK;
	weir_hold *h = real->hold(c, ms, fn, arg);

	if (h == NULL && table_starter(c, &status) == NULL)
		trial_said(c, status, "weir_host.hold");
	return h;
}

#define EXT(table, name, params, args) \
	static int strict_##table##_##name params \
	{ \
		return trial_said(c, ext_##table##_table.name args, \
		    "weir_" #table "." #name); \
	}

EXT(dns, query,
    (weir_call *c, const char *name, uint16_t type, uint32_t ms,
	weir_dns_fn *fn, void *arg), (c, name, type, ms, fn, arg))
EXT(timer, after, (weir_call *c, uint32_t ms, weir_task_fn *fn, void *arg),
    (c, ms, fn, arg))
static int
strict_timer_every(weir_self *s, uint32_t ms, weir_task_fn *fn, void *arg)
{
	return trial_said(NULL, ext_timer_table.every(s, ms, fn, arg),
	    "weir_timer.every");
}

EXT(job, start,
    (weir_call *c, weir_job_run *run, weir_job_done *done, void *arg),
    (c, run, done, arg))
EXT(store, get, (weir_call *c, weir_str key, weir_store_fn *fn, void *arg),
    (c, key, fn, arg))
EXT(store, put,
    (weir_call *c, weir_str key, weir_str value, int64_t ttl,
	weir_store_fn *fn, void *arg), (c, key, value, ttl, fn, arg))
EXT(store, add,
    (weir_call *c, weir_str key, weir_str value, int64_t ttl,
	weir_store_fn *fn, void *arg), (c, key, value, ttl, fn, arg))
EXT(store, del, (weir_call *c, weir_str key, weir_store_fn *fn, void *arg),
    (c, key, fn, arg))
EXT(store, walk,
    (weir_call *c, weir_str prefix, weir_str from, uint32_t limit,
	weir_store_row_fn *row, weir_store_fn *done, void *arg),
    (c, prefix, from, limit, row, done, arg))
EXT(edit, header_add, (weir_call *c, const char *name, weir_str value),
    (c, name, value))
EXT(edit, header_insert,
    (weir_call *c, uint32_t i, const char *name, weir_str value),
    (c, i, name, value))
EXT(edit, header_change,
    (weir_call *c, const char *name, uint32_t n, weir_str value),
    (c, name, n, value))
EXT(edit, header_delete, (weir_call *c, const char *name, uint32_t n),
    (c, name, n))
EXT(edit, body_replace, (weir_call *c, weir_str body), (c, body))
EXT(edit, rcpt_add, (weir_call *c, weir_str address, weir_str params),
    (c, address, params))
EXT(edit, rcpt_delete, (weir_call *c, uint32_t rcpt), (c, rcpt))
EXT(edit, sender_change, (weir_call *c, weir_str address, weir_str params),
    (c, address, params))
EXT(edit, mta_hold, (weir_call *c, weir_str reason), (c, reason))
EXT(remote, start,
    (weir_call *c, uint32_t helper, weir_str request, uint32_t flags,
	weir_remote_done *done, void *arg),
    (c, helper, request, flags, done, arg))

EXT(remote, start_data,
    (weir_call *c, uint32_t helper, weir_str request, const weir_str *data,
	uint32_t n, weir_remote_done *done, void *arg),
    (c, helper, request, data, n, done, arg))
EXT(mime, raw, (weir_call *c, weir_str *out), (c, out))
EXT(mime, part_count, (weir_call *c, uint32_t *out), (c, out))
EXT(mime, part, (weir_call *c, uint32_t part, struct weir_mime_part *out),
    (c, part, out))
EXT(mime, part_name,
    (weir_call *c, uint32_t part, uint32_t i, weir_str *out),
    (c, part, i, out))
EXT(mime, part_header,
    (weir_call *c, uint32_t part, const char *name, weir_str *out),
    (c, part, name, out))
EXT(mime, part_data,
    (weir_call *c, uint32_t part, size_t max, weir_str *out),
    (c, part, max, out))
EXT(mime, part_text,
    (weir_call *c, uint32_t part, size_t max, weir_str *out),
    (c, part, max, out))
EXT(mime, link_count, (weir_call *c, uint32_t *out), (c, out))
EXT(mime, link_at, (weir_call *c, uint32_t i, weir_str *out), (c, i, out))
EXT(mime, anomaly_count, (weir_call *c, uint32_t *out), (c, out))
EXT(mime, anomaly_at,
    (weir_call *c, uint32_t i, uint32_t *code, weir_str *detail),
    (c, i, code, detail))
EXT(mime, header_decode, (weir_call *c, weir_str raw, weir_str *out),
    (c, raw, out))
EXT(control, print, (weir_call *c, weir_str text), (c, text))
EXT(control, error, (weir_call *c, weir_str text), (c, text))
EXT(lua, give, (weir_call *c, uint32_t n, const struct weir_lua_value *v),
    (c, n, v))
EXT(lua, refuse, (weir_call *c, weir_str why), (c, why))

#define EXT_SELF(table, name, params, args) \
	static int strict_##table##_##name params \
	{ \
		strict_thread("weir_" #table "." #name); \
		return trial_said(NULL, ext_##table##_table.name args, \
		    "weir_" #table "." #name); \
	}

EXT_SELF(control, command,
    (weir_self *s, const char *name, const char *usage, const char *help,
	weir_control_fn *fn), (s, name, usage, help, fn))
EXT_SELF(control, local,
    (weir_self *s, const char *name, const char *usage, const char *help,
	weir_control_fn *fn), (s, name, usage, help, fn))
EXT_SELF(lua, publish,
    (weir_self *s, const char *name, const char *signature, const char *help,
	weir_lua_fn *fn), (s, name, signature, help, fn))
EXT_SELF(service, provide,
    (weir_self *s, const char *id, const void *table, void *state),
    (s, id, table, state))

/* strict_service_find - NULL is an answer, but not for everybody */
static const void *
strict_service_find(weir_self *s, const char *id, void **state)
{
	strict_thread("weir_service.find");
	if (id == NULL)
		trial_said(NULL, WEIR_E_INVAL, "weir_service.find");
	return ext_service_table.find(s, id, state);
}

/* strict_registered - series are registered in create */
static void
strict_registered(weir_self *s, const char *function)
{
	strict_thread(function);
	if (s != NULL && table_module(s)->created)
		trial_said(NULL, WEIR_E_STATE, function);
}

#define EXT_SERIES(name) \
	static int strict_metric_##name(weir_self *s, const char *series, \
	    const char *labels, const char *help) \
	{ \
		strict_registered(s, "weir_metric." #name); \
		return trial_said(NULL, ext_metric_table.name(s, series, \
		    labels, help), "weir_metric." #name); \
	}

EXT_SERIES(counter)
EXT_SERIES(gauge)
EXT_SERIES(histogram)

/* A negative id was answered before and may be used; another one that is
   nobody's, or of another kind, was made up. */
#define EXT_NUMBER(name, type, kind) \
	static void strict_metric_##name(weir_self *s, int id, type n) \
	{ \
		if (id >= 0 && !metric_is(id, kind)) \
			trial_said(NULL, WEIR_E_INVAL, \
			    "weir_metric." #name); \
		ext_metric_table.name(s, id, n); \
	}

EXT_NUMBER(add, uint64_t, METRIC_COUNTER)
EXT_NUMBER(set, int64_t, METRIC_GAUGE)
EXT_NUMBER(observe, double, METRIC_HISTOGRAM)

static const struct weir_mime strict_mime = {
	.raw = strict_mime_raw,
	.part_count = strict_mime_part_count,
	.part = strict_mime_part,
	.part_name = strict_mime_part_name,
	.part_header = strict_mime_part_header,
	.part_data = strict_mime_part_data,
	.part_text = strict_mime_part_text,
	.link_count = strict_mime_link_count,
	.link_at = strict_mime_link_at,
	.anomaly_count = strict_mime_anomaly_count,
	.anomaly_at = strict_mime_anomaly_at,
	.header_decode = strict_mime_header_decode,
};
static const struct weir_metric strict_metric = {
	.counter = strict_metric_counter,
	.gauge = strict_metric_gauge,
	.histogram = strict_metric_histogram,
	.add = strict_metric_add,
	.set = strict_metric_set,
	.observe = strict_metric_observe,
};
static const struct weir_service strict_service = {
	.provide = strict_service_provide, .find = strict_service_find };
static const struct weir_control strict_control = {
	.command = strict_control_command,
	.print = strict_control_print,
	.error = strict_control_error,
	.local = strict_control_local,
};
static const struct weir_lua strict_lua = { .publish = strict_lua_publish,
	.give = strict_lua_give, .refuse = strict_lua_refuse };
static const struct weir_dns strict_dns = { .query = strict_dns_query };
static const struct weir_timer strict_timer = { .after = strict_timer_after,
	.every = strict_timer_every };
static struct weir_job strict_job = { .start = strict_job_start };
static const struct weir_store strict_store = { .get = strict_store_get,
	.put = strict_store_put, .add = strict_store_add,
	.del = strict_store_del, .walk = strict_store_walk };
static const struct weir_edit strict_edit = {
	.header_add = strict_edit_header_add,
	.header_insert = strict_edit_header_insert,
	.header_change = strict_edit_header_change,
	.header_delete = strict_edit_header_delete,
	.body_replace = strict_edit_body_replace,
	.rcpt_add = strict_edit_rcpt_add,
	.rcpt_delete = strict_edit_rcpt_delete,
	.sender_change = strict_edit_sender_change,
	.mta_hold = strict_edit_mta_hold,
};
static const struct weir_remote strict_remote = {
	.start = strict_remote_start, .start_data = strict_remote_start_data };

/* strict_find - extensions come strict, too */
static const void *
strict_find(weir_self *self, const char *id)
{
	return real->ext(self, id);
}

/* strict_ext - the strict form of a table, if it has one */
const void *
strict_ext(const char *id, const void *table)
{
	static const struct {
		const char *id;
		const void *table;
	} all[] = {
		{ WEIR_EXT_DNS, &strict_dns },
		{ WEIR_EXT_TIMER, &strict_timer },
		{ WEIR_EXT_JOB, &strict_job },
		{ WEIR_EXT_STORE, &strict_store },
		{ WEIR_EXT_EDIT, &strict_edit },
		{ WEIR_EXT_REMOTE, &strict_remote },
		{ WEIR_EXT_MIME, &strict_mime },
		{ WEIR_EXT_METRIC, &strict_metric },
		{ WEIR_EXT_SERVICE, &strict_service },
		{ WEIR_EXT_CONTROL, &strict_control },
		{ WEIR_EXT_LUA, &strict_lua },
	};

	strict_job.unwanted = ext_job_table.unwanted;
	strict_job.message_fd = ext_job_table.message_fd;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (strcmp(all[i].id, id) == 0)
			return all[i].table;
	}
	return table;
}

/* strict_host - the strict form of the host's table, as large as it is */
const struct weir_host *
strict_host(const struct weir_host *table)
{
	real = table;
	strict = *table;
	strict.ext = strict_find;
	strict.alloc = strict_alloc;
	strict.hold = strict_hold;
#define TAKE(name) strict.name = strict_##name
	TAKE(data_set);
	TAKE(stage);
	TAKE(phase);
	TAKE(attr_get);
	TAKE(macro_get);
	TAKE(header_at);
	TAKE(in_networks);
	TAKE(finding);
	TAKE(finding_at);
	TAKE(verdict);
	TAKE(verdict_get);
	TAKE(fact_set);
	TAKE(fact_get);
	TAKE(fail);
	TAKE(unscanned_at);
	TAKE(task);
	TAKE(fate);
	TAKE(kept);
	TAKE(exempt);
	TAKE(data_get);
	TAKE(rcpt_count);
	TAKE(header_count);
	TAKE(finding_count);
	TAKE(score);
	TAKE(unscanned_count);
	TAKE(folder);
	TAKE(want);
	TAKE(skip);
#undef TAKE
	return &strict;
}
