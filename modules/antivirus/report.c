/* SPDX-License-Identifier: GPL-2.0-only */
/* report - how the engine is: asked now and then for the gauges, and by
   weirctl. */
#include "antivirus.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "wire.h"

#define REPORT_MS 10000

struct report {
	struct antivirus *m;
	av_report_fn *fn;
	void *arg;
};

/* report_done - the helper's text */
static void
report_done(weir_call *call, int status, weir_str response, void *arg)
{
	struct report *r = arg;

	r->fn(call, status, status == WEIR_OK ? response.ptr : NULL, r->arg);
	free(r);
}

/* report_clamd_built - the day in "ClamAV 1.4.6/27800/Thu Nov 12 ..." */
static int64_t
report_clamd_built(const char *line, long *version)
{
	const char *slash = strchr(line, '/'), *second;
	struct tm tm;

	*version = 0;
	second = slash != NULL ? strchr(slash + 1, '/') : NULL;
	if (second == NULL)
		return 0;
	*version = strtol(slash + 1, NULL, 10);
	memset(&tm, 0, sizeof(tm));
	if (strptime(second + 1, "%a %b %e %H:%M:%S %Y", &tm) == NULL)
		return 0;
	return (int64_t)timegm(&tm) * 1000;
}

/* report_breaker - a clamd's new database is seen by its version line */
static void
report_breaker(struct antivirus *m)
{
	static uint32_t generation;
	uint64_t print = UINT64_C(0xcbf29ce484222325);

	for (const char *p = m->clamd_version; *p != '\0'; p++)
		print = (print ^ (unsigned char)*p) *
		    UINT64_C(0x100000001b3);
	if (m->breaker == NULL || m->clamd_version[0] == '\0' ||
	    print == m->clamd_print)
		return;
	breaker_database(m->breaker, ++generation, m->clamd_print != 0,
	    m->host->mono_ms(m->self));
	m->clamd_print = print;
}

/* report_clamd - the same for a clamd, as far as it tells */
static void
report_clamd(weir_call *call, int status, const struct av_result *result,
    void *arg)
{
	struct report *r = arg;
	struct antivirus *m = r->m;
	bool there = status == WEIR_OK && !result->failed;
	int64_t now = m->host->wall_ms(m->self), built;
	int64_t max_age = m->host->conf_int(m->conf, OPT_MAX_AGE);
	long version;
	json_t *o;
	char *text;
	bool old;

	report_breaker(m);
	built = report_clamd_built(m->clamd_version, &version);
	old = there && built > 0 && max_age > 0 && now - built > max_age;
	o = json_pack("{s:s,s:s,s:s,s:I,s:I,s:s,s:b,s:b}", "backend", "clamd",
	    "state", !there ? "degraded" : old ? "old" : "ok", "engine",
	    there ? m->clamd_version : "", "version", (json_int_t)version,
	    "built_ms", (json_int_t)built, "problem",
	    there ? "" : status == WEIR_OK ? result->why : "no answer", "old",
	    old, "reporter", 1);
	if (o != NULL && there && built > 0)
		json_object_set_new(o, "age_s",
		    json_integer((now - built) / 1000));
	text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	r->fn(call, text != NULL ? WEIR_OK : WEIR_E_NOMEM, text, r->arg);
	free(text);
	free(r);
}

/* av_report_ask - the helper, or the clamd */
int
av_report_ask(struct antivirus *m, weir_call *call, uint32_t ask,
    av_report_fn *fn, void *arg)
{
	struct av_request *q = calloc(1, sizeof(*q));
	char *octets = malloc(AV_REQUEST_SIZE);
	struct report *r = malloc(sizeof(*r));
	int status = WEIR_E_NOMEM;

	if (q != NULL && octets != NULL && r != NULL) {
		*r = (struct report) { m, fn, arg };
		q->ask = (enum av_ask)ask;
		q->asker = m->nonce;
		status = m->backend == AV_BACKEND_CLAMD ?
		    av_clamd_version(m, call, report_clamd, r) :
		    m->remote->start(call, 0, (weir_str) { octets,
			av_request_put(octets, q) }, 0, report_done, r);
	}
	free(octets);
	free(q);
	if (status < 0)
		free(r);
	return status;
}

/* report_int - a number of the text, or 0 */
static int64_t
report_int(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

/* report_gauges - one worker's are the machine's, the others' are zero */
static void
report_gauges(weir_call *call, int status, const char *text, void *arg)
{
	struct antivirus *m = arg;
	const struct weir_metric *metric = m->metric;
	json_t *o = status == WEIR_OK ? json_loads(text, 0, NULL) : NULL;
	bool mine = json_is_true(json_object_get(o, "reporter"));
	const char *state = json_string_value(json_object_get(o, "state"));
	bool loaded = state != NULL && strcmp(state, "degraded") != 0 &&
	    strcmp(state, "loading") != 0;

	(void)call;
	metric->set(m->self, m->gauge_loaded, loaded && mine);
	metric->set(m->self, m->gauge_engine, loaded && mine);
	metric->set(m->self, m->gauge_signatures,
	    mine ? report_int(o, "signatures") : 0);
	metric->set(m->self, m->gauge_age, mine ? report_int(o, "age_s") : 0);
	metric->set(m->self, m->gauge_memory,
	    mine ? report_int(o, "memory") : 0);
	metric->set(m->self, m->gauge_generation,
	    mine ? report_int(o, "generation") : 0);
	metric->set(m->self, m->gauge_failures,
	    mine ? report_int(o, "reload_failures") : 0);
	/* no answer: each worker says so itself, nobody reports for it */
	metric->set(m->self, m->gauge_alarm, state == NULL ||
	    (mine && strcmp(state, "ok") != 0));
	json_decref(o);
}

/* report_turn - the time has come */
static void
report_turn(weir_call *call, int status, void *arg)
{
	struct antivirus *m = arg;

	if (status == WEIR_OK && av_report_ask(m, call, AV_ASK_STATUS,
		report_gauges, m) < 0)
		report_gauges(call, WEIR_E_TEMP, NULL, m);
}

/* av_report_start - now and then */
int
av_report_start(struct antivirus *m)
{
	int status = m->timer->every(m->self, REPORT_MS, report_turn, m);

	return status < 0 ? status : m->host->task(m->self, report_turn, m, 0);
}
