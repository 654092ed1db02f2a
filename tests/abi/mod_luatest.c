/* SPDX-License-Identifier: GPL-2.0-or-later */
/* luatest - functions for rules that answer in all the ways they can, and in
   some they must not. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <weir/weir.h>

struct luatest {
	const struct weir_host *host;
	weir_self *self;
	const struct weir_lua *lua;
	const struct weir_timer *timer;
	const struct weir_job *job;
};

static struct luatest luatest;

/* echo - its arguments */
static int
echo(void *state, weir_call *call, uint32_t argc,
    const struct weir_lua_value *argv)
{
	struct luatest *t = state;

	return t->lua->give(call, argc, argv);
}

/* about - what it sees of the mail */
static int
about(void *state, weir_call *call, uint32_t argc,
    const struct weir_lua_value *argv)
{
	struct luatest *t = state;
	struct weir_lua_value v[2] = { { .type = WEIR_LUA_NIL },
		{ .type = WEIR_LUA_INTEGER } };
	struct weir_verdict verdict = { .size = sizeof(verdict),
		.action = WEIR_ACT_REJECT };

	(void)argc, (void)argv;
	if (t->host->attr_get(call, WEIR_A_SENDER, WEIR_RCPT_NONE,
	    &v[0].as.string) == WEIR_OK)
		v[0].type = WEIR_LUA_STRING;
	t->host->fact_set(call, WEIR_RCPT_NONE, "luatest.seen",
	    WEIR_STR("yes"));
	/* not its business */
	v[1].as.integer = t->host->verdict(call, &verdict);
	return t->lua->give(call, 2, v);
}

/* slept - the time has come */
static void
slept(weir_call *call, int status, void *arg)
{
	struct luatest *t = &luatest;
	struct weir_lua_value v = { .type = WEIR_LUA_STRING };

	(void)arg;
	if (status != WEIR_OK)
		return;
	v.as.string = WEIR_STR("late");
	t->lua->give(call, 1, &v);
	/* only the first answer counts */
	v.as.string = WEIR_STR("later");
	if (t->lua->give(call, 1, &v) != WEIR_E_STATE)
		abort();
}

/* later - answer after so many milliseconds */
static int
later(void *state, weir_call *call, uint32_t argc,
    const struct weir_lua_value *argv)
{
	struct luatest *t = state;

	if (argc != 1 || argv[0].type != WEIR_LUA_INTEGER)
		return t->lua->refuse(call, WEIR_STR("milliseconds, please"));
	return t->timer->after(call, (uint32_t)argv[0].as.integer, slept,
	    NULL);
}

/* job_run - in a thread */
static int
job_run(weir_jobctx *ctx, void *arg)
{
	struct timespec ts = { 0, 100000000 };

	(void)ctx, (void)arg;
	nanosleep(&ts, NULL);
	return WEIR_OK;
}

/* busy - a job of a tenth of a second */
static int
busy(void *state, weir_call *call, uint32_t argc,
    const struct weir_lua_value *argv)
{
	struct luatest *t = state;

	(void)argc, (void)argv;
	return t->job->start(call, job_run, slept, NULL);
}

/* fails - its check did not run */
static int
fails(void *state, weir_call *call, uint32_t argc,
    const struct weir_lua_value *argv)
{
	struct luatest *t = state;

	(void)argc, (void)argv;
	return t->host->fail(call, WEIR_E_TEMP, WEIR_STR("out of order"));
}

/* status - a negative status */
static int
status(void *state, weir_call *call, uint32_t argc,
    const struct weir_lua_value *argv)
{
	(void)state, (void)call, (void)argc, (void)argv;
	return WEIR_E_LIMIT;
}

/* silent - no answer at all */
static int
silent(void *state, weir_call *call, uint32_t argc,
    const struct weir_lua_value *argv)
{
	(void)state, (void)call, (void)argc, (void)argv;
	return WEIR_OK;
}

/* bottomless - a list that holds itself */
static int
bottomless(void *state, weir_call *call, uint32_t argc,
    const struct weir_lua_value *argv)
{
	struct luatest *t = state;
	struct weir_lua_value v = { .type = WEIR_LUA_LIST, .n = 1 };

	(void)argc, (void)argv;
	v.as.list = &v;
	return t->lua->give(call, 1, &v);
}

/* create - publish them */
static int
create(const struct weir_host *host, weir_self *self, const weir_conf *conf,
    void **state)
{
	struct luatest *t = &luatest;
	static const struct {
		const char *name;
		weir_lua_fn *fn;
	} all[] = { { "echo", echo }, { "about", about }, { "later", later },
		{ "busy", busy }, { "fails", fails }, { "status", status },
		{ "silent", silent }, { "bottomless", bottomless } };

	(void)conf;
	t->host = host;
	t->self = self;
	t->lua = host->ext(self, WEIR_EXT_LUA);
	t->timer = host->ext(self, WEIR_EXT_TIMER);
	t->job = host->ext(self, WEIR_EXT_JOB);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (t->lua->publish(self, all[i].name, "(...) -> ...",
		    "For tests.", all[i].fn) != WEIR_OK)
			return WEIR_E_INTERNAL;
	}
	if (t->lua->publish(self, "echo", "()", "", echo) != WEIR_E_EXISTS ||
	    t->lua->publish(self, "A-b", "()", "", echo) != WEIR_E_INVAL)
		return WEIR_E_INTERNAL;
	*state = t;
	return WEIR_OK;
}

static const char *const needs[] = { WEIR_EXT_LUA, WEIR_EXT_TIMER,
	WEIR_EXT_JOB, NULL };

static const struct weir_module module = {
	WEIR_MODULE_HEAD,
	.on_failure = WEIR_ON_FAILURE_TEMPFAIL,
	.id = "org.weir.luatest",
	.name = "luatest",
	.version = "1.0",
	.license = "GPL-2.0-or-later",
	.summary = "functions for rules, for tests",
	.needs = needs,
	.create = create
};

WEIR_MODULE_EXPORT(mod_luatest, module)
