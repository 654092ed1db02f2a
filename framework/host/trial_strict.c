/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trial_strict - tables that end the process when a module misuses them.
 *
 * Each function asks the real one and hands the answer to trial_said.
 */
#include <string.h>

#include <weir/weir.h>

#include "host/table.h"
#include "host/trial.h"

static const struct weir_host *real;
static struct weir_host strict;

#define CORE(name, params, args) \
	static int strict_##name params \
	{ \
		return trial_said(c, real->name args, \
		    "weir_host." #name); \
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
	.start = strict_remote_start };

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
	TAKE(want);
	TAKE(skip);
#undef TAKE
	return &strict;
}
