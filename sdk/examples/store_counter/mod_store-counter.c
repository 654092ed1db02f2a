/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store-counter - defer clients that send more than so many mails an hour.
 *
 * Shows: reading and writing the store, entries that expire, the host's clock,
 * what a client's address is known by.  Two workers may read the same number at
 * the same time and count one mail less: good enough for a brake, not for a
 * bill.
 */
#include <stdio.h>
#include <stdlib.h>

#include <weir/weir.h>

#define HOUR_MS INT64_C(3600000)

static const struct weir_host *host;
static weir_self *self;
static const struct weir_store *store;
static int64_t limit;

enum { OPTION_LIMIT };

static const struct weir_option options[] = {
	[OPTION_LIMIT] = { .name = "limit", .type = WEIR_OPT_INT,
	    .fallback = "60", .lo = "1", .hi = "1000000",
	    .help = "Mails of one client in an hour." },
	{ .name = NULL },
};

/* address - of the client: the key.  Others can't see it, each module has its
   own names. */
static weir_str
address(weir_call *call)
{
	weir_str addr;

	if (host->attr_get(call, WEIR_A_CLIENT_ADDR, WEIR_RCPT_NONE, &addr) < 0)
		return WEIR_STR("");
	return addr;
}

/* on_count - the entry is "COUNT END": count one more until END */
static void
on_count(weir_call *call, int status, weir_str value, void *arg)
{
	int64_t now = host->wall_ms(self), end = now + HOUR_MS;
	long count = 0;
	char text[64], *rest;

	(void)arg;
	if (status == WEIR_OK) {
		count = strtol(value.ptr, &rest, 10);
		end = strtoll(rest, NULL, 10);
	}
	if (status < 0 && status != WEIR_E_NOTFOUND) {
		host->fail(call, status, WEIR_STR("the store has no answer"));
		return;
	}
	if (end <= now || end > now + HOUR_MS)
		end = now + HOUR_MS; /* nobody may store an hour that never ends */
	snprintf(text, sizeof(text), "%ld %lld", ++count, (long long)end);
	/* nobody waits for this write: there is no function */
	status = store->put(call, address(call), weir_str_of(text), end - now,
	    NULL, NULL);
	if (status < 0)
		host->fail(call, status, WEIR_STR("not counted"));
	snprintf(text, sizeof(text), "%ld", count);
	host->fact_set(call, WEIR_RCPT_NONE, "store-counter.mails",
	    weir_str_of(text));
}

/* collect_mail - how many were there */
static int
collect_mail(void *state, weir_call *call)
{
	weir_str addr = address(call);

	(void)state;
	if (addr.len == 0)
		return WEIR_OK; /* not by IP */
	return store->get(call, addr, on_count, NULL);
}

/* decide_mail - too many */
static int
decide_mail(void *state, weir_call *call)
{
	struct weir_verdict v = { .size = sizeof(v),
		.action = WEIR_ACT_TEMPFAIL, .scope = WEIR_SCOPE_MESSAGE,
		.rcpt = WEIR_RCPT_NONE, .smtp_code = 450,
		.enhanced = "4.7.1", .text = "Too many mails, try later" };
	weir_str mails;

	(void)state;
	if (host->fact_get(call, WEIR_RCPT_NONE, "store-counter.mails",
		&mails) < 0 ||
	    strtoll(mails.ptr, NULL, 10) <= limit)
		return WEIR_OK;
	return host->verdict(call, &v);
}

static int
create(const struct weir_host *h, weir_self *me, const weir_conf *conf,
    void **state)
{
	(void)state;
	host = h;
	self = me;
	store = h->ext(me, WEIR_EXT_STORE);
	limit = h->conf_int(conf, OPTION_LIMIT);
	return WEIR_OK;
}

static const char *const needs[] = { WEIR_EXT_STORE, NULL };
static const struct weir_stages collect = { .size = sizeof(collect),
	.mail = collect_mail };
static const struct weir_stages decide = { .size = sizeof(decide),
	.mail = decide_mail };

static const struct weir_module module = {
	WEIR_MODULE_HEAD,
	.on_failure = WEIR_ON_FAILURE_PASS, /* a brake, not a check */
	.id = "org.weir.example.store-counter",
	.name = "store-counter",
	.version = "1.0",
	.license = "BSD-2-Clause",
	.summary = "Defers clients that send too many mails.",
	.options = options,
	.needs = needs,
	.collect = &collect,
	.decide = &decide,
	.create = create,
};

WEIR_MODULE_EXPORT(mod_store_counter, module)
