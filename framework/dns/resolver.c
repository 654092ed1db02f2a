/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns/resolver.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/check.h"
#include "base/list.h"
#include "base/map.h"
#include "dns/backend.h"
#include "dns/cache.h"
#include "loop/loop.h"

#define DEFAULT_TIMEOUT_MS 3000
#define DEFAULT_TRIES 2
#define DEFAULT_CACHE 10000
#define DEFAULT_IN_FLIGHT 2000

/* One caller's wish. */
struct dns_query {
	struct list all;	 /* every open query: for dns_fini */
	struct list node;	 /* in its question's waiters, or detached */
	struct loop_task task;	 /* delivers */
	struct loop_timer timer; /* runs while it waits */
	dns_fn *fn;
	void *arg;
	struct dns_result *result; /* one reference, or NULL: see status */
	int status;
	uint16_t rcode;
};

static const struct dns_backend *backend; /* NULL: stopped */
static struct dns_config limits;
static struct dns_cache cache;
static struct map questions = MAP_INIT; /* key to struct dns_question */
static struct list queries = LIST_INIT(queries);
static struct dns_stats stats;

/* query_finish - tell the caller, once; the query is gone before */
static void
query_finish(struct dns_query *q)
{
	struct weir_dns_answer failed = { .stride =
		sizeof(struct weir_dns_rr) };
	struct dns_result *result = q->result;
	dns_fn *fn = q->fn;
	void *arg = q->arg;

	failed.status = q->status;
	failed.rcode = q->rcode;
	loop_task_cancel(&q->task);
	loop_timer_stop(&q->timer);
	list_remove(&q->node);
	list_remove(&q->all);
	free(q);
	if (failed.status == WEIR_E_TIMEOUT)
		stats.timeouts++;
	if (result == NULL) {
		fn(&failed, arg);
		return;
	}
	dns_result_age(result);
	fn(&result->answer, arg);
	dns_result_unref(&result);
}

/* query_on_task - deliver */
static void
query_on_task(struct loop_task *task)
{
	query_finish(list_of(task, struct dns_query, task));
}

/* query_on_timer - this waiter's patience ends; the question goes on */
static void
query_on_timer(struct loop_timer *timer)
{
	struct dns_query *q = list_of(timer, struct dns_query, timer);

	q->status = WEIR_E_TIMEOUT;
	query_finish(q);
}

/* query_settle - the outcome is known; the callback comes from the loop */
static void
query_settle(struct dns_query *q, int status, uint16_t rcode,
    struct dns_result *result)
{
	list_remove(&q->node);
	loop_timer_stop(&q->timer);
	q->status = status;
	q->rcode = rcode;
	q->result = result != NULL ? dns_result_ref(result) : NULL;
	loop_defer(&q->task);
}

/* question_key - the octets that stand for a question; buf: DNS_KEY_MAX */
static weir_str
question_key(const struct dns_name *name, uint16_t type, char *buf)
{
	weir_str key = { buf, name->len + 2 };

	memcpy(buf, name->octets, name->len);
	buf[name->len] = (char)(type >> 8);
	buf[name->len + 1] = (char)(type & 0xff);
	return key;
}

/* question_end - pass the outcome to all who wait */
static void
question_end(struct dns_question *q, int status, uint16_t rcode,
    struct dns_result *result)
{
	char buf[DNS_KEY_MAX];
	weir_str key = question_key(&q->name, q->type, buf);

	expect(map_remove(&questions, key) == q);
	stats.in_flight--;
	if (result != NULL)
		dns_cache_put(&cache, key, result);
	while (!list_empty(&q->waiters))
		query_settle(list_of(q->waiters.next, struct dns_query, node),
		    status, rcode, result);
	free(q);
	dns_result_unref(&result);
}

/* dns_question_done - from a backend that knows the outcome */
void
dns_question_done(struct dns_question *q, int status, uint16_t rcode,
    struct dns_result *result)
{
	if (status == WEIR_E_TEMP)
		stats.servfail++;
	question_end(q, status, rcode, result);
}

/* dns_question_answer - read a raw answer and be done */
void
dns_question_answer(struct dns_question *q, const uint8_t *msg, size_t len)
{
	struct dns_result *result;
	const char *why;
	uint16_t rcode;
	int status;

	status = dns_answer_parse(msg, len, &q->name, q->type, &rcode,
	    &result, &why);
	if (status == WEIR_E_INVAL) {
		stats.bad_answers++;
		question_end(q, WEIR_E_TEMP, rcode, NULL);
		return;
	}
	dns_question_done(q, status, rcode, result);
}

/* resolver_open - common to both kinds of start */
static void
resolver_open(const struct dns_backend *b, const struct dns_config *config)
{
	expect(backend == NULL);
	limits = *config;
	limits.servers = NULL; /* the caller's, not ours to keep */
	limits.nservers = 0;
	memset(&stats, 0, sizeof(stats));
	dns_cache_init(&cache, limits.cache_entries);
	backend = b;
}

/* dns_init - with servers */
int
dns_init(const struct dns_config *config, struct err *err)
{
	struct dns_config c = *config;
	int status;

	c.timeout_ms = c.timeout_ms > 0 ? c.timeout_ms : DEFAULT_TIMEOUT_MS;
	c.tries = c.tries > 0 ? c.tries : DEFAULT_TRIES;
	c.cache_entries = c.cache_entries > 0 ? c.cache_entries : DEFAULT_CACHE;
	c.max_in_flight = c.max_in_flight > 0 ? c.max_in_flight :
						DEFAULT_IN_FLIGHT;
	if ((status = dns_ares_open(&c, err)) < 0)
		return status;
	resolver_open(&dns_backend_ares, &c);
	return WEIR_OK;
}

/* dns_init_zone - with a file */
int
dns_init_zone(const char *file, struct err *err)
{
	const struct dns_config c = { .timeout_ms = DEFAULT_TIMEOUT_MS,
		.cache_entries = DEFAULT_CACHE,
		.max_in_flight = DEFAULT_IN_FLIGHT };
	int status;

	if ((status = dns_zone_open(file, err)) < 0)
		return status;
	resolver_open(&dns_backend_zone, &c);
	return WEIR_OK;
}

/* dns_init_recorded - with answers of a recording */
int
dns_init_recorded(void)
{
	const struct dns_config c = { .timeout_ms = DEFAULT_TIMEOUT_MS,
		.max_in_flight = DEFAULT_IN_FLIGHT };

	resolver_open(&dns_backend_recorded, &c);
	return WEIR_OK;
}

/* dns_fini - stop; nobody is left without an outcome */
void
dns_fini(void)
{
	const struct dns_backend *b = backend;
	struct list open;

	if (b == NULL)
		return;
	backend = NULL;
	b->close();
	expect(questions.n == 0);
	map_fini(&questions);
	dns_cache_fini(&cache);
	/* their callbacks may cancel others and start new ones */
	list_init(&open);
	while (!list_empty(&queries)) {
		struct list *n = queries.next;

		list_remove(n);
		list_append(&open, n);
	}
	while (!list_empty(&open))
		query_finish(list_of(open.next, struct dns_query, all));
}

/* type_is_askable - no meta types (RFC 6895 3.1) */
static bool
type_is_askable(uint16_t type)
{
	return type != 0 && type != DNS_TYPE_OPT &&
	    (type < 128 || type > 255);
}

/* query_ask - settle the query at once or let it wait for its question */
static void
query_ask(struct dns_query *q, const char *text, uint16_t type,
    int64_t timeout_ms)
{
	struct dns_question *question;
	struct dns_result *known;
	struct dns_name name;
	char buf[DNS_KEY_MAX];
	weir_str key;

	if (backend == NULL) {
		query_settle(q, WEIR_E_CANCELLED, 0, NULL);
		return;
	}
	if (!type_is_askable(type) ||
	    dns_name_parse(text, strlen(text), &name) < 0) {
		query_settle(q, WEIR_E_INVAL, 0, NULL);
		return;
	}
	key = question_key(&name, type, buf);
	if ((known = dns_cache_get(&cache, key)) != NULL) {
		stats.cache_hits++;
		query_settle(q, WEIR_OK, 0, known);
		return;
	}
	question = map_get(&questions, key);
	if (question == NULL && stats.in_flight >= limits.max_in_flight) {
		query_settle(q, WEIR_E_LIMIT, 0, NULL);
		return;
	}
	loop_timer_start(&q->timer,
	    timeout_ms > 0 ? timeout_ms : limits.timeout_ms);
	if (question != NULL) {
		stats.coalesced++;
		list_append(&question->waiters, &q->node);
		return;
	}
	question = xcalloc(1, sizeof(*question));
	question->name = name;
	question->type = type;
	list_init(&question->waiters);
	list_append(&question->waiters, &q->node);
	map_set(&questions, key, question);
	stats.in_flight++;
	stats.upstream++;
	backend->start(question);
}

/* dns_start - ask */
struct dns_query *
dns_start(const char *name, uint16_t type, int64_t timeout_ms, dns_fn *fn,
    void *arg)
{
	struct dns_query *q = xmalloc(sizeof(*q));

	list_init(&q->node);
	list_append(&queries, &q->all);
	loop_task_init(&q->task, query_on_task);
	loop_timer_init(&q->timer, query_on_timer);
	q->fn = fn;
	q->arg = arg;
	q->result = NULL;
	q->status = WEIR_E_CANCELLED; /* until something else is known */
	q->rcode = 0;
	stats.queries++;
	query_ask(q, name, type, timeout_ms);
	return q;
}

/* dns_cancel - forget */
void
dns_cancel(struct dns_query **qp)
{
	struct dns_query *q = *qp;

	*qp = NULL;
	if (q == NULL)
		return;
	loop_task_cancel(&q->task);
	loop_timer_stop(&q->timer);
	list_remove(&q->node);
	list_remove(&q->all);
	dns_result_unref(&q->result);
	free(q);
}

/* dns_stats - counters since the start */
const struct dns_stats *
dns_stats(void)
{
	return &stats;
}

/* dns_server_text - for people */
const char *
dns_server_text(void)
{
	return backend != NULL ? backend->text() : "none";
}
