/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * health - is a list still a list?
 *
 * RFC 5782 section 5: a list of addresses lists 127.0.0.2 and never
 * 127.0.0.1, a list of names lists TEST and never INVALID.  A resolver that
 * lies, a domain that lapsed and a list that refuses to serve us all fail
 * this.  A list that passes it and yet names most of the world is suspended
 * by the breaker, in two steps: when nearly all of few clients are listed the
 * list is tested anew, as most broken lists fail that; only if it passes and
 * nearly all of many more clients are listed again is it suspended.
 *
 * The limit is 90 %, not half: at a busy exchanger most clients are bots, and
 * more than half of them are rightly listed by a good list.
 */
#include "rbl.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEALTH_TICK_MS 30000
#define HEALTH_EVERY_MS INT64_C(300000)
#define HEALTH_AGAIN_MS INT64_C(60000) /* while it fails */
#define HEALTH_MISSED_MAX 2	       /* lost datagrams are no outage */
#define HEALTH_WINDOW_MS INT64_C(600000)
#define HEALTH_CLIENTS_MIN 20  /* enough to be suspicious */
#define HEALTH_CLIENTS_SURE 100 /* enough to be sure, counted anew */
#define HEALTH_SUSPEND_MS INT64_C(3600000)

enum health_result {
	HEALTH_LISTED,
	HEALTH_NOT_LISTED,
	HEALTH_REFUSED,	/* 127.255.255.x, or no address of a list */
	HEALTH_SILENT,
	HEALTH_NONE	/* the question was never asked */
};

struct health {
	struct rbl *r;
	struct zone *z;
	health_fn *done;
	void *arg;
	uint32_t pending;
	enum health_result listed;	/* of what must be listed */
	enum health_result unlisted;	/* of what must not */
	char answer[INET6_ADDRSTRLEN];
};

/* health_set - a new state: say it when it changes */
static void
health_set(struct rbl *r, struct zone *z, enum zone_state state,
    const char *why)
{
	int64_t wait = state == ZONE_UP ? HEALTH_EVERY_MS : HEALTH_AGAIN_MS;

	z->next_test = r->host->mono_ms(r->self) + wait;
	snprintf(z->why, sizeof(z->why), "%s", why);
	if (z->state == state)
		return;
	if (state == ZONE_UP && z->state != ZONE_UNTESTED)
		rbl_log(r, NULL, WEIR_LOG_WARN, "zone %s is back", z->name);
	else if (state != ZONE_UP)
		rbl_log(r, NULL, WEIR_LOG_ERROR, "zone %s is off: %s",
		    z->name, why);
	z->state = state;
	r->metric->set(r->self, z->metric_down, state != ZONE_UP);
}

/* health_settle - both answers are here */
static void
health_settle(struct health *h)
{
	struct rbl *r = h->r;
	struct zone *z = h->z;
	bool by_addr = (z->kinds & KIND_BIT(KIND_CLIENT)) != 0;
	char why[sizeof(z->why)];

	/* the breaker's word holds for its hour */
	if (z->state == ZONE_SUSPENDED || h->listed == HEALTH_NONE ||
	    h->unlisted == HEALTH_NONE)
		return;
	z->tested = r->host->wall_ms(r->self);
	if (h->listed == HEALTH_SILENT || h->unlisted == HEALTH_SILENT) {
		z->next_test = r->host->mono_ms(r->self) + HEALTH_AGAIN_MS;
		if (++z->missed >= HEALTH_MISSED_MAX ||
		    z->state == ZONE_UNTESTED)
			health_set(r, z, ZONE_FAILING,
			    "it does not answer its test");
		return;
	}
	z->missed = 0;
	if (h->unlisted != HEALTH_NOT_LISTED) {
		snprintf(why, sizeof(why), "it answers %s for %s, which no "
		    "list lists", h->answer, by_addr ? "127.0.0.1"
						     : "INVALID");
		health_set(r, z, ZONE_FAILING, why);
	} else if (h->listed == HEALTH_REFUSED) {
		snprintf(why, sizeof(why), "it answers %s for its test entry",
		    h->answer);
		health_set(r, z, ZONE_FAILING, why);
	} else if (h->listed == HEALTH_NOT_LISTED) {
		snprintf(why, sizeof(why),
		    "its test entry %s is not listed (zones without one need "
		    "test = no)", by_addr ? "127.0.0.2" : "TEST");
		health_set(r, z, ZONE_FAILING, why);
	} else {
		health_set(r, z, ZONE_UP, "");
	}
}

/* health_read - what an answer to a test says */
static enum health_result
health_read(struct health *h, const struct weir_dns_answer *a)
{
	enum health_result result = HEALTH_NOT_LISTED;
	uint32_t addr;

	if (a->status == WEIR_E_NOTFOUND)
		return HEALTH_NOT_LISTED;
	if (a->status == WEIR_E_CANCELLED || a->status == WEIR_E_LIMIT)
		return HEALTH_NONE;
	if (a->status != WEIR_OK)
		return HEALTH_SILENT;
	for (uint32_t i = 0; i < a->count; i++) {
		weir_str text = weir_dns_rr_at(a, i)->data;

		snprintf(h->answer, sizeof(h->answer), "%.*s",
		    text.len < sizeof(h->answer) ? (int)text.len : 0,
		    text.ptr);
		if (!code_addr(text, &addr) || !code_is_plausible(addr))
			return HEALTH_REFUSED;
		result = HEALTH_LISTED;
	}
	return result;
}

/* health_answered - one answer less to wait for */
static void
health_answered(struct health *h, weir_call *call)
{
	if (--h->pending > 0)
		return;
	health_settle(h);
	h->done(call, h->arg);
	free(h);
}

/* health_listed - the answer for what must be listed */
static void
health_listed(weir_call *call, const struct weir_dns_answer *a, void *arg)
{
	struct health *h = arg;

	h->listed = health_read(h, a);
	health_answered(h, call);
}

/* health_unlisted - the answer for what must not */
static void
health_unlisted(weir_call *call, const struct weir_dns_answer *a, void *arg)
{
	struct health *h = arg;

	h->unlisted = health_read(h, a);
	health_answered(h, call);
}

/* health_test - ask for both test entries */
int
health_test(struct rbl *r, struct zone *z, weir_call *call, health_fn *done,
    void *arg)
{
	bool by_addr = (z->kinds & KIND_BIT(KIND_CLIENT)) != 0;
	struct health *h = calloc(1, sizeof(*h));
	char name[NAME_SIZE + 16];

	if (h == NULL)
		return WEIR_E_NOMEM;
	*h = (struct health){ .r = r, .z = z, .done = done, .arg = arg,
		.listed = HEALTH_NONE, .unlisted = HEALTH_NONE };
	snprintf(name, sizeof(name), "%s.%s", by_addr ? "2.0.0.127" : "test",
	    z->name);
	if (r->dns->query(call, name, WEIR_DNS_A, z->timeout_ms,
	    health_listed, h) == WEIR_OK)
		h->pending++;
	snprintf(name, sizeof(name), "%s.%s",
	    by_addr ? "1.0.0.127" : "invalid", z->name);
	if (r->dns->query(call, name, WEIR_DNS_A, z->timeout_ms,
	    health_unlisted, h) == WEIR_OK)
		h->pending++;
	if (h->pending > 0)
		return WEIR_OK;
	free(h);
	return WEIR_E_TEMP;
}

/* health_tested - a test of the timer is over */
static void
health_tested(weir_call *call, void *arg)
{
	struct zone *z = arg;

	(void)call;
	z->testing = false;
}

/* health_tick - test what is due, end suspensions */
static void
health_tick(weir_call *call, int status, void *arg)
{
	struct rbl *r = arg;
	int64_t now = r->host->mono_ms(r->self);

	if (status != WEIR_OK)
		return;
	for (uint32_t i = 0; i < r->nzones; i++) {
		struct zone *z = &r->zones[i];

		if (!z->enabled)
			continue;
		if (z->state == ZONE_SUSPENDED && now >= z->until) {
			memset(z->window, 0, sizeof(*z->window));
			z->window->began = now;
			if (z->test) {
				z->state = ZONE_UNTESTED;
				z->next_test = now;
			} else {
				health_set(r, z, ZONE_UP, "");
			}
		}
		if (!z->test || z->testing || z->state == ZONE_SUSPENDED ||
		    now < z->next_test)
			continue;
		z->testing = health_test(r, z, call, health_tested, z) ==
		    WEIR_OK;
	}
}

/* health_start - the first test at once, then the timer */
int
health_start(struct rbl *r)
{
	const struct weir_timer *timer = r->host->ext(r->self, WEIR_EXT_TIMER);
	int status = r->host->task(r->self, health_tick, r, 0);

	if (status >= 0)
		status = timer->every(r->self, HEALTH_TICK_MS, health_tick, r);
	return status < 0 ? status : WEIR_OK;
}

/* health_client - an address as a number that is never 0; /64 for IPv6 */
static uint64_t
health_client(const struct subject *s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s->len && i < 8; i++)
		n = n << 8 | s->addr[i];
	return n + 1;
}

/* health_window_add - a client that the window has not met yet? */
static bool
health_window_add(struct window *w, uint64_t client)
{
	uint64_t at = client * UINT64_C(0x9e3779b97f4a7c15) >> 54;

	/* a full sample is as good as the whole */
	if (w->distinct >= WINDOW_SLOTS / 2)
		return false;
	while (w->clients[at] != 0) {
		if (w->clients[at] == client)
			return false;
		at = (at + 1) % WINDOW_SLOTS;
	}
	w->clients[at] = client;
	w->distinct++;
	return true;
}

/* health_suspect - it seems to list everybody: test it now, count anew */
static void
health_suspect(struct rbl *r, struct zone *z, int64_t now)
{
	struct window *w = z->window;

	rbl_log(r, NULL, WEIR_LOG_WARN, "zone %s lists %" PRIu32 " of %" PRIu32
	    " clients: %s", z->name, w->listed, w->distinct,
	    z->test ? "tested anew" : "watched");
	memset(w, 0, sizeof(*w));
	w->began = now;
	w->suspect = true;
	if (!z->test)
		return;
	z->next_test = now;
	(void)r->host->task(r->self, health_tick, r, 0);
}

/* health_seen - count distinct clients; trip the breaker */
void
health_seen(struct rbl *r, struct zone *z, const struct subject *s,
    bool listed)
{
	struct window *w = z->window;
	int64_t now = r->host->mono_ms(r->self);
	char why[sizeof(z->why)];

	if (w == NULL || r->breaker == 0 || z->state == ZONE_SUSPENDED)
		return;
	if (w->began == 0 || now - w->began >= HEALTH_WINDOW_MS) {
		memset(w, 0, sizeof(*w));
		w->began = now;
	}
	if (!health_window_add(w, health_client(s)))
		return;
	w->listed += listed;
	if (w->distinct < (w->suspect ? HEALTH_CLIENTS_SURE :
					HEALTH_CLIENTS_MIN) ||
	    (int64_t)w->listed * 100 <= (int64_t)w->distinct * r->breaker)
		return;
	if (!w->suspect) {
		health_suspect(r, z, now);
		return;
	}
	snprintf(why, sizeof(why), "it lists %" PRIu32 " of %" PRIu32
	    " clients: suspended for an hour", w->listed, w->distinct);
	z->until = now + HEALTH_SUSPEND_MS;
	health_set(r, z, ZONE_SUSPENDED, why);
}
