/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pipe/test_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/text.h"
#include "dns/resolver.h"
#include "host/hold.h"
#include "host/table.h"
#include "loop/loop.h"
#include "obs/log.h"
#include "pipe/call.h"
#include "pipe/plan.h"
#include "pipe/run.h"
#include "pipe/settle.h"
#include "store/store.h"
#include "work/pool.h"

const struct weir_host *const fake_host = &table_host;
const struct weir_dns *const fake_dns = &ext_dns_table;
const struct weir_job *const fake_job = &ext_job_table;
const struct weir_store *const fake_store = &ext_store_table;
const struct weir_timer *const fake_timer = &ext_timer_table;
const struct weir_edit *const fake_edit = &ext_edit_table;
const struct weir_mime *const fake_mime = &ext_mime_table;

char fake_log[65536];
bool fake_stage_done;

static const struct weir_symbol symbols[] = {
	{ "FAKE_ONE", "One.", 1.0 }, { "FAKE_TWO", "Two.", 2.0 }, { 0 }
};

/* fake_call - any callback */
static int
fake_call(void *state, weir_call *call)
{
	struct fake *f = state;

	f->calls++;
	return f->fn != NULL ? f->fn(f, call, fake_host->stage(call),
				   fake_host->phase(call)) :
			       WEIR_OK;
}

static int
fake_rcpt(void *state, weir_call *call, uint32_t rcpt)
{
	((struct fake *)state)->rcpt = rcpt;
	return fake_call(state, call);
}

static int
fake_header(void *state, weir_call *call, weir_str name, weir_str value)
{
	(void)name;
	(void)value;
	return fake_call(state, call);
}

static int
fake_body(void *state, weir_call *call, weir_str chunk)
{
	(void)chunk;
	return fake_call(state, call);
}

static void
fake_message_end(void *state, weir_call *call)
{
	(void)call;
	((struct fake *)state)->message_ends++;
}

static void
fake_session_end(void *state, weir_call *call)
{
	(void)call;
	((struct fake *)state)->session_ends++;
}

/* fake_stages - callbacks for these bits */
static const struct weir_stages *
fake_stages(struct weir_stages *t, unsigned bits)
{
	if (bits == 0)
		return NULL;
	memset(t, 0, sizeof(*t));
	t->size = sizeof(*t);
	t->connect = bits & BIT(CONNECT) ? fake_call : NULL;
	t->helo = bits & BIT(HELO) ? fake_call : NULL;
	t->mail = bits & BIT(MAIL) ? fake_call : NULL;
	t->rcpt = bits & BIT(RCPT) ? fake_rcpt : NULL;
	t->data = bits & BIT(DATA) ? fake_call : NULL;
	t->header = bits & BIT(HEADER) ? fake_header : NULL;
	t->eoh = bits & BIT(EOH) ? fake_call : NULL;
	t->body = bits & BIT(BODY) ? fake_body : NULL;
	t->eom = bits & BIT(EOM) ? fake_call : NULL;
	return t;
}

/* fake_init - a module that wants these stages */
void
fake_init(struct fake *f, const char *name, unsigned collect, unsigned decide,
    unsigned act, fake_fn *fn)
{
	memset(f, 0, sizeof(*f));
	f->d.name = f->m.name = name;
	f->d.symbols = symbols;
	f->d.after = f->after;
	f->d.collect = fake_stages(&f->stages[0], collect);
	f->d.decide = fake_stages(&f->stages[1], decide);
	f->d.act = fake_stages(&f->stages[2], act);
	f->d.message_end = fake_message_end;
	f->d.session_end = fake_session_end;
	f->fn = fn;
	f->scores[0] = 1.0;
	f->scores[1] = 2.0;
	f->m.descriptor = &f->d;
	f->m.scores = f->scores;
	f->m.nsymbols = 2;
	f->m.state = f;
	f->m.created = true;
	f->m.timeout_ms = 5000;
	f->m.board = -1;
	f->m.metric_failures = -1;
	for (int s = 0; s < WEIR_STAGE_COUNT; s++)
		f->m.metric_time[s] = -1;
}

/* fake_self - as the module would know itself */
weir_self *
fake_self(struct fake *f)
{
	return table_self(&f->m);
}

/* fake_keep_line - the log */
static void
fake_keep_line(int level, enum log_event_id event, const char *line, size_t len,
    void *arg)
{
	size_t used = strlen(fake_log);

	(void)level;
	(void)event;
	(void)arg;
	snprintf(fake_log + used, sizeof(fake_log) - used, "%.*s\n", (int)len,
	    line);
}

/* fake_world_start - everything below the front-ends */
int
fake_world_start(void **state)
{
	static const char zone[] = "$TTL 60\n"
	    "yes.test. A 192.0.2.7\n"
	    "$TIMEOUT never.test\n"
	    "$SERVFAIL broken.test\n";
	struct store_config sc = { .memory = true };
	char path[256];
	struct err err = { "" };
	int fd;

	(void)state;
	fake_log[0] = '\0';
	text_temporary(path, sizeof(path), "weir-fake");
	fd = mkstemp(path);
	expect(fd >= 0 &&
	    write(fd, zone, sizeof(zone) - 1) == (ssize_t)sizeof(zone) - 1);
	close(fd);
	log_set_capture(fake_keep_line, NULL);
	loop_init();
	call_init();
	hold_init();
	if (work_init(2, 1000, &err) < 0 || store_init(&sc, &err) < 0 ||
	    dns_init_zone(path, &err) < 0)
		panic("%s", err.text);
	unlink(path);
	settle_policy(SETTLE_WORST);
	return 0;
}

/* fake_world_stop - all calls must be closed */
int
fake_world_stop(void **state)
{
	(void)state;
	dns_fini();
	store_fini();
	work_fini();
	hold_fini();
	expect(session_count() == 0);
	plan_fini();
	call_fini();
	loop_fini(false);
	log_set_capture(NULL, NULL);
	return 0;
}

/* fake_plan - these modules are loaded */
void
fake_plan(struct fake **fakes, uint32_t n)
{
	struct module *modules[64];
	struct err err = { "" };

	expect(n <= 64);
	for (uint32_t i = 0; i < n; i++)
		modules[i] = &fakes[i]->m;
	if (plan_order(modules, n, &err) < 0)
		panic("%s", err.text);
	plan_build(modules, n);
	run_wants_build(false, 45000);
}

/* fake_on_done - a stage is over */
static void
fake_on_done(struct session *s, enum weir_stage stage, uint32_t rcpt)
{
	(void)s;
	(void)stage;
	(void)rcpt;
	expect(!fake_stage_done);
	fake_stage_done = true;
}

/* fake_stage - through all phases */
void
fake_stage(struct session *s, int stage, uint32_t rcpt)
{
	fake_stage_done = false;
	if (run_stage(s, (enum weir_stage)stage, rcpt, fake_on_done)) {
		expect(!fake_stage_done);
		return;
	}
	while (!fake_stage_done)
		loop_once(true);
}

/* fake_drain - let jobs and timers end */
void
fake_drain(void)
{
	while (call_count() > 0)
		loop_once(true);
}

/* fake_session - a client */
struct session *
fake_session(const char *direction)
{
	static struct session_front front = { "drive", "test", "in" };
	struct session *s;
	struct ip ip;

	front.direction = direction;
	expect(ip_parse("192.0.2.1", &ip));
	s = session_open(&front);
	s->edit_caps = EDIT_CAP_ALL;
	session_set_client(s, &ip, 4321);
	return s;
}

/* fake_message - with its recipients */
struct message *
fake_message(struct session *s, uint32_t recipients)
{
	struct message *m = message_begin(s, text_slice("a@example.org"),
	    text_slice(""));

	expect(m != NULL);
	for (uint32_t i = 0; i < recipients; i++) {
		char address[40];
		uint32_t index;

		snprintf(address, sizeof(address), "r%u@example.net", i);
		expect(message_rcpt_add(m, text_slice(address), text_slice(""),
			   &index) == WEIR_OK);
	}
	return m;
}
