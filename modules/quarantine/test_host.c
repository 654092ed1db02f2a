/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/folder.h"
#include "test_store.h"

struct event {
	enum { JOB, TASK, RELEASE } kind;
	weir_call *call;
	weir_job_run *run;
	void (*done)(weir_call *, int, void *);
	void *arg;
	int status;
};

struct weir_hold {
	weir_call *call;
	weir_task_fn *done;
	void *arg;
};

unsigned n_events, tasks, errors_logged;
int refuse_jobs, refuse_tasks;
struct weir_hold *last_hold;
struct quarantine q;
static struct event events[EVENTS];

static struct message *
of(weir_call *call)
{
	return (struct message *)(void *)call;
}

weir_call *
call_of(struct message *m)
{
	return (weir_call *)(void *)m;
}

static void
push(struct event e)
{
	assert_true(n_events < EVENTS);
	events[n_events++] = e;
}

static int
job_start(weir_call *call, weir_job_run *run, weir_job_done *done, void *arg)
{
	if (refuse_jobs > 0) {
		refuse_jobs--;
		return WEIR_E_LIMIT;
	}
	push((struct event){ JOB, call, run, done, arg, WEIR_OK });
	return WEIR_OK;
}

static int
job_message_fd(weir_jobctx *ctx)
{
	const struct message *m = (const struct message *)(const void *)ctx;
	static int fd = -1;

	if (fd >= 0)
		close(fd);
	fd = -1;
	if (m->text == NULL)
		return WEIR_E_NOTFOUND;
	fd = memfd_create("message", MFD_CLOEXEC);
	assert_int_equal(write(fd, m->text, strlen(m->text)),
	    strlen(m->text));
	return fd;
}

/* pump - let everything happen, or only so many events */
void
pump(unsigned max)
{
	while (n_events > 0 && max-- > 0) {
		struct event e = events[0];
		int status = e.status;

		n_events--;
		memmove(events, events + 1, n_events * sizeof(e));
		if (e.kind == JOB)
			status = e.run((weir_jobctx *)(void *)e.call, e.arg);
		e.done(e.call, status, e.arg);
	}
}

static int
host_task(weir_self *self, weir_task_fn *fn, void *arg, uint32_t ms)
{
	(void)self;
	(void)ms;
	if (refuse_tasks > 0) {
		refuse_tasks--;
		return WEIR_E_LIMIT;
	}
	tasks++;
	push((struct event){ TASK, NULL, NULL, fn, arg, WEIR_OK });
	return WEIR_OK;
}

static weir_hold *
host_hold(weir_call *call, uint32_t ms, weir_task_fn *done, void *arg)
{
	(void)ms;
	last_hold = calloc(1, sizeof(*last_hold));
	*last_hold = (struct weir_hold){ call, done, arg };
	return last_hold;
}

static void
host_release(weir_hold *h, int status)
{
	push((struct event){ RELEASE, h->call, NULL, h->done, h->arg,
	    status });
	free(h);
}

/* give_up - the call's time is over */
void
give_up(weir_hold *h)
{
	h->done(h->call, WEIR_E_TIMEOUT, h->arg);
	free(h);
}

static void
host_log(weir_self *self, weir_call *call, int level, weir_str line)
{
	(void)self;
	(void)call;
	(void)line;
	errors_logged += level == WEIR_LOG_ERROR;
}

static int64_t
host_ms(weir_self *self)
{
	(void)self;
	return clock_ms;
}

static int
host_data_set(weir_call *call, uint32_t scope, uint32_t rcpt, void *data,
    void (*drop)(void *))
{
	(void)scope;
	(void)rcpt;
	of(call)->slot = data;
	of(call)->drop = drop;
	return WEIR_OK;
}

static void *
host_data_get(weir_call *call, uint32_t scope, uint32_t rcpt)
{
	(void)scope;
	(void)rcpt;
	return of(call)->slot;
}

static int
host_attr_get(weir_call *call, uint32_t attr, uint32_t rcpt, weir_str *out)
{
	const struct message *m = of(call);
	const char *text = attr == WEIR_A_RCPT && rcpt < m->nrcpts ?
	    m->rcpt[rcpt] : attr == WEIR_A_SENDER ? "a@example.org" :
	    attr == WEIR_A_FRONTEND ? m->frontend :
	    attr == WEIR_A_MESSAGE_ID ? m->decision : NULL;

	*out = weir_str_of(text != NULL ? text : "");
	return text != NULL ? WEIR_OK : WEIR_E_NOTFOUND;
}

static uint32_t
host_rcpt_count(weir_call *call)
{
	return of(call)->nrcpts;
}

static uint32_t
host_header_count(weir_call *call, const char *name)
{
	return strcasecmp(name, TOKEN_FIELD) == 0 && of(call)->token != NULL;
}

static int
host_header_at(weir_call *call, const char *name, uint32_t index,
    weir_str *name_out, weir_str *value)
{
	(void)name_out;
	if (index >= host_header_count(call, name))
		return WEIR_E_NOTFOUND;
	*value = weir_str_of(of(call)->token);
	return WEIR_OK;
}

static uint32_t
host_finding_count(weir_call *call)
{
	(void)call;
	return 0;
}

static double
host_score(weir_call *call, uint32_t rcpt)
{
	(void)call;
	(void)rcpt;
	return 11.5;
}

static int
host_verdict(weir_call *call, const struct weir_verdict *v)
{
	of(call)->action = v->action;
	snprintf(of(call)->enhanced, sizeof(of(call)->enhanced), "%s",
	    v->enhanced);
	return WEIR_OK;
}

static int
host_verdict_get(weir_call *call, uint32_t rcpt, struct weir_verdict *v)
{
	(void)call;
	(void)rcpt;
	v->text = "it looks like spam";
	return WEIR_OK;
}

static int
host_fact_set(weir_call *call, uint32_t rcpt, const char *key, weir_str value)
{
	(void)call;
	(void)rcpt;
	(void)key;
	(void)value;
	return WEIR_OK;
}

static int
host_fact_get(weir_call *call, uint32_t rcpt, const char *key, weir_str *out)
{
	(void)rcpt;
	if (strcmp(key, "antivirus.result") != 0 || of(call)->virus == NULL)
		return WEIR_E_NOTFOUND;
	*out = weir_str_of(of(call)->virus);
	return WEIR_OK;
}

static int
host_fate(weir_call *call, uint32_t rcpt)
{
	return of(call)->fate[rcpt];
}

static int
host_kept(weir_call *call, uint32_t rcpt, weir_str id)
{
	struct message *m = of(call);

	if (m->fate[rcpt] != WEIR_ACT_QUARANTINE)
		return WEIR_E_NOTFOUND;
	snprintf(m->kept[rcpt], sizeof(m->kept[rcpt]), "%.*s", (int)id.len,
	    id.ptr);
	return WEIR_OK;
}

static int
host_exempt(weir_call *call, weir_str reason)
{
	(void)reason;
	of(call)->exempt++;
	return WEIR_OK;
}

static int
edit_header_delete(weir_call *call, const char *name, uint32_t index)
{
	(void)name;
	(void)index;
	of(call)->deleted++;
	return WEIR_OK;
}

static void
metric_add(weir_self *self, int id, uint64_t n)
{
	(void)self;
	(void)id;
	(void)n;
}

static void
metric_observe(weir_self *self, int id, double seconds)
{
	(void)self;
	(void)id;
	(void)seconds;
}

static const struct weir_host host = { .size = sizeof(host),
	.log = host_log, .wall_ms = host_ms, .mono_ms = host_ms,
	.data_set = host_data_set, .data_get = host_data_get,
	.attr_get = host_attr_get, .rcpt_count = host_rcpt_count,
	.header_count = host_header_count, .header_at = host_header_at,
	.finding_count = host_finding_count, .score = host_score,
	.verdict = host_verdict, .verdict_get = host_verdict_get,
	.fact_set = host_fact_set, .fact_get = host_fact_get,
	.task = host_task, .hold = host_hold, .release = host_release,
	.fate = host_fate, .kept = host_kept, .exempt = host_exempt };
static const struct weir_job job = { .start = job_start,
	.message_fd = job_message_fd };
static const struct weir_metric metric = { .add = metric_add,
	.observe = metric_observe };
static const struct weir_edit edit = { .header_delete = edit_header_delete };

/* host_setup - nothing has happened yet */
int
host_setup(void **state)
{
	(void)state;
	memset(&q, 0, sizeof(q));
	q.host = &host;
	q.job = &job;
	q.metric = &metric;
	q.edit = &edit;
	q.waiting_end = &q.waiting;
	q.notes_end = &q.notes;
	q.store = test_store(false, 2000);
	n_events = tasks = errors_logged = 0;
	refuse_jobs = refuse_tasks = 0;
	return 0;
}

/* host_teardown - what waits happens, then all is gone */
int
host_teardown(void **state)
{
	(void)state;
	pump(EVENTS);
	batch_fini(&q);
	store_destroy(&q.store);
	folder_remove(folder);
	return 0;
}

/* rows - of a table, with a condition */
int64_t
rows(const char *table)
{
	return count(q.store, table);
}

static int files_found;

static int
count_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	files_found += type == FTW_F && strstr(path, "/mail/") != NULL;
	return 0;
}

/* files - message files on disk */
int
files(void)
{
	files_found = 0;
	nftw(folder, count_one, 16, FTW_PHYS);
	return files_found;
}

/* message - for b (delivered), c and d (quarantine) */
struct message
message(const char *text)
{
	static unsigned n;
	struct message m = { .nrcpts = RCPTS, .rcpt = { "B@example.net",
		"C@example.net", "d@example.net" }, .fate = { WEIR_ACT_ACCEPT,
		WEIR_ACT_QUARANTINE, WEIR_ACT_QUARANTINE },
		.frontend = "milter", .text = text };

	snprintf(m.decision, sizeof(m.decision), "m%u", ++n);
	return m;
}

/* ended - the message is over, all is written down */
void
ended(struct message *m)
{
	act_end(&q, call_of(m));
	if (m->slot != NULL && m->drop != NULL)
		m->drop(m->slot);
	m->slot = NULL;
	batch_tick(NULL, WEIR_OK, &q);
	pump(EVENTS);
}
