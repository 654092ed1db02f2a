/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A module whose callbacks do nothing, in every stage of collect and in eom of
 * decide: what many modules cost.  bench.py compiles it again and again, NAME
 * being another one each time.
 */
#include <weir/weir.h>

#define CAT(a, b) CAT_(a, b)
#define CAT_(a, b) a##b
#define TEXT(a) TEXT_(a)
#define TEXT_(a) #a
/* its argument is expanded first */
#define EXPORT(mod, descriptor) WEIR_MODULE_EXPORT(mod, descriptor)

/* benchempty_event - most stages */
static int
benchempty_event(void *state, weir_call *call)
{
	(void)state;
	(void)call;
	return WEIR_OK;
}

/* benchempty_rcpt - each recipient */
static int
benchempty_rcpt(void *state, weir_call *call, uint32_t rcpt)
{
	(void)rcpt;
	return benchempty_event(state, call);
}

/* benchempty_header - each field */
static int
benchempty_header(void *state, weir_call *call, weir_str name, weir_str value)
{
	(void)name;
	(void)value;
	return benchempty_event(state, call);
}

/* benchempty_body - each chunk */
static int
benchempty_body(void *state, weir_call *call, weir_str chunk)
{
	(void)chunk;
	return benchempty_event(state, call);
}

/* benchempty_create - nothing to make */
static int
benchempty_create(const struct weir_host *host, weir_self *self,
    const weir_conf *conf, void **state)
{
	(void)host;
	(void)self;
	(void)conf;
	(void)state;
	return WEIR_OK;
}

static const struct weir_stages collect = {
	.size = sizeof(struct weir_stages), .connect = benchempty_event,
	.helo = benchempty_event, .mail = benchempty_event,
	.rcpt = benchempty_rcpt, .data = benchempty_event,
	.header = benchempty_header, .eoh = benchempty_event,
	.body = benchempty_body, .eom = benchempty_event };
static const struct weir_stages decide = {
	.size = sizeof(struct weir_stages), .eom = benchempty_event };

static const struct weir_module module = {
	WEIR_MODULE_HEAD,
	.id = "weir.bench." TEXT(NAME),
	.name = TEXT(NAME),
	.version = "0.1.0",
	.license = "BSD-2-Clause",
	.summary = "does nothing, for measurement",
	.collect = &collect,
	.decide = &decide,
	.create = benchempty_create
};

EXPORT(CAT(mod_, NAME), module)
