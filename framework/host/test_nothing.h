/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_nothing - callbacks of a module and of a helper that do nothing, for
 * unit tests.  All is inline: each test uses some of them.
 */
#ifndef WEIR_HOST_TEST_NOTHING_H
#define WEIR_HOST_TEST_NOTHING_H

#include <weir/weir.h>

#include <weir/ext/dns.h>
#include <weir/ext/job.h>
#include <weir/ext/remote.h>

/* A module's. */

static inline int
nothing_create(const struct weir_host *host, weir_self *self,
    const weir_conf *conf, void **state)
{
	(void)host;
	(void)self;
	(void)conf;
	(void)state;
	return WEIR_OK;
}

static inline int
nothing_stage(void *state, weir_call *call)
{
	(void)state;
	(void)call;
	return WEIR_OK;
}

static inline int
nothing_command(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	(void)state;
	(void)call;
	(void)argc;
	(void)argv;
	(void)json;
	return WEIR_OK;
}

/* A helper's. */

static inline int
nothing_init(const struct weir_helper_host *host, const weir_conf *conf,
    void **state)
{
	(void)host;
	(void)conf;
	(void)state;
	return WEIR_OK;
}

static inline int
nothing_run(void *state, weir_request *r, weir_str request, int message)
{
	(void)state;
	(void)r;
	(void)request;
	(void)message;
	return WEIR_OK;
}

/* What the host calls when something is done. */

static inline void
nothing_task(weir_call *call, int status, void *arg)
{
	(void)call;
	(void)status;
	(void)arg;
}

static inline void
nothing_answer(weir_call *call, const struct weir_dns_answer *a, void *arg)
{
	(void)call;
	(void)a;
	(void)arg;
}

static inline void
nothing_value(weir_call *call, int status, weir_str value, void *arg)
{
	(void)call;
	(void)status;
	(void)value;
	(void)arg;
}

static inline bool
nothing_row(weir_call *call, weir_str key, weir_str value, int64_t expires,
    void *arg)
{
	(void)call;
	(void)key;
	(void)value;
	(void)expires;
	(void)arg;
	return true;
}

static inline int
nothing_job(weir_jobctx *ctx, void *arg)
{
	(void)ctx;
	(void)arg;
	return WEIR_OK;
}

#endif
