/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * old - a module that uses every stage and every extension of ABI 1.0, and
 * nothing younger.  It is compiled against the headers of each version that
 * was ever released and must work on every host since.  Never use here what
 * 1.0 did not have.
 *
 * What worked is a fact: old.dns, old.timer ...; old.stages names the stages.
 * -DFUTURE: the headers are those of a younger host with members future0 ...;
 * -DOLDEST=N: abi_minor_min.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir/weir.h>

struct old {
	const struct weir_host *host;
	const struct weir_dns *dns;
	const struct weir_timer *timer;
	const struct weir_job *job;
	const struct weir_store *store;
	const struct weir_edit *edit;
	const struct weir_mime *mime;
	const struct weir_metric *metric;
	const struct weir_service *service;
	const struct weir_control *control;
	const struct weir_remote *remote;
	const struct weir_lua *lua;
	weir_self *self;
	const weir_conf *conf;
	int mails;
	int octets; /* of the last message, as a job read it */
};

/* What is collected about one message. */
struct notes {
	char stages[200];
	int dropped;
};

enum { OPTION_TEXT, OPTION_PART };
enum { SYMBOL_SEEN };

static const struct weir_option part_rows[] = {
	{ .name = "number", .type = WEIR_OPT_INT, .fallback = "7",
	    .help = "A number." },
	{ .name = NULL },
};
static const struct weir_option options[] = {
	[OPTION_TEXT] = { .name = "text", .type = WEIR_OPT_STRING,
	    .fallback = "fallback", .help = "A text." },
	[OPTION_PART] = { .name = "part", .type = WEIR_OPT_SECTION,
	    .help = "A section.", .rows = part_rows },
	{ .name = NULL },
};
static const struct weir_symbol symbols[] = {
	{ "OLD_SEEN", "A mail was seen.", 1.5 },
	{ NULL, NULL, 0 },
};
static const char *const needs[] = { WEIR_EXT_DNS, WEIR_EXT_TIMER,
	WEIR_EXT_JOB, WEIR_EXT_STORE, WEIR_EXT_EDIT, WEIR_EXT_MIME,
	WEIR_EXT_METRIC, WEIR_EXT_SERVICE, WEIR_EXT_CONTROL, WEIR_EXT_REMOTE,
	WEIR_EXT_LUA, NULL };
static const int offered = 42;

/* old_fact - what worked */
static void
old_fact(struct old *o, weir_call *call, const char *name, weir_str value)
{
	char key[64];

	snprintf(key, sizeof(key), "old.%s", name);
	o->host->fact_set(call, WEIR_RCPT_NONE, key, value);
}

/* old_number - the same with a number */
static void
old_number(struct old *o, weir_call *call, const char *name, long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", value);
	old_fact(o, call, name, weir_str_of(text));
}

static void
old_on_dns(weir_call *call, const struct weir_dns_answer *a, void *arg)
{
	old_fact(arg, call, "dns", a->status == WEIR_OK && a->count == 1 ?
		weir_dns_rr_at(a, 0)->data : weir_str_of("none"));
}

static void
old_on_timer(weir_call *call, int status, void *arg)
{
	old_number(arg, call, "timer", status);
}

static void
old_on_hold(weir_call *call, int status, void *arg)
{
	old_number(arg, call, "hold", status);
}

static int
old_run(weir_jobctx *ctx, void *arg)
{
	struct old *o = arg;
	int fd = o->job->message_fd(ctx);

	o->octets = fd >= 0 && !o->job->unwanted(ctx) ?
	    (int)lseek(fd, 0, SEEK_END) : -1;
	return 5;
}

static void
old_ran(weir_call *call, int status, void *arg)
{
	struct old *o = arg;

	old_number(o, call, "job", status == 5 && o->octets > 0);
}

static void
old_on_get(weir_call *call, int status, weir_str value, void *arg)
{
	old_fact(arg, call, "store", status == WEIR_OK ? value :
		weir_str_of("none"));
}

static void
old_on_put(weir_call *call, int status, weir_str value, void *arg)
{
	struct old *o = arg;

	(void)value;
	if (status == WEIR_OK)
		o->store->get(call, WEIR_STR("key"), old_on_get, o);
}

static void
old_on_remote(weir_call *call, int status, weir_str response, void *arg)
{
	old_fact(arg, call, "remote", status == WEIR_OK ? response :
		weir_str_of("none"));
}

/* old_read - everything that is answered at once */
static void
old_read(struct old *o, weir_call *call)
{
	const struct weir_host *h = o->host;
	struct weir_mime_part part = { .size = sizeof(part) };
	const void *table;
	void *state = NULL;
	weir_str out, title;
	uint32_t n = 0;

	if (h->attr_get(call, WEIR_A_SENDER, WEIR_RCPT_NONE, &out) == WEIR_OK)
		old_fact(o, call, "sender", out);
	old_number(o, call, "rcpts", h->rcpt_count(call));
	if (h->header_at(call, "subject", 0, NULL, &out) == WEIR_OK &&
	    o->mime->header_decode(call, out, &out) == WEIR_OK)
		old_fact(o, call, "subject", out);
	if (o->mime->part_count(call, &n) == WEIR_OK && n == 1 &&
	    o->mime->part(call, 0, &part) == WEIR_OK &&
	    part.size > offsetof(struct weir_mime_part, type))
		old_fact(o, call, "mime", part.type);
	table = o->service->find(o->self, "org.example.old/1", &state);
	old_number(o, call, "service", table == &offered && state == o);
	old_fact(o, call, "text", h->conf_str(o->conf, OPTION_TEXT));
	if (h->conf_sections(o->conf, OPTION_PART) == 1)
		old_number(o, call, "part", (long)h->conf_int(h->conf_section(
		    o->conf, OPTION_PART, 0, &title), 0));
	old_number(o, call, "has", WEIR_HAS(h, exempt));
#ifdef FUTURE
	old_number(o, call, "future", WEIR_HAS(h, future0));
#endif
	old_number(o, call, "unknown", h->attr_get(call, 4711, WEIR_RCPT_NONE,
	    &out));
}

static void
old_drop(void *data)
{
	((struct notes *)data)->dropped++;
}

/* old_note - one more stage was seen */
static int
old_note(struct old *o, weir_call *call, const char *stage)
{
	struct notes *n = o->host->data_get(call, WEIR_SCOPE_SESSION,
	    WEIR_RCPT_NONE);
	size_t used;

	if (n == NULL) {
		n = o->host->alloc(call, WEIR_SCOPE_SESSION, sizeof(*n));
		if (n == NULL)
			return WEIR_E_NOMEM;
		o->host->data_set(call, WEIR_SCOPE_SESSION, WEIR_RCPT_NONE, n,
		    old_drop);
	}
	used = strlen(n->stages);
	if (strstr(n->stages, stage) == NULL)
		snprintf(n->stages + used, sizeof(n->stages) - used, "%s%s",
		    used > 0 ? " " : "", stage);
	return WEIR_OK;
}

#define STAGE(name) \
	static int old_##name(void *state, weir_call *call) \
	{ \
		return old_note(state, call, #name); \
	}

STAGE(connect)
STAGE(helo)
STAGE(mail)
STAGE(data)
STAGE(eoh)

static int
old_rcpt(void *state, weir_call *call, uint32_t rcpt)
{
	(void)rcpt;
	return old_note(state, call, "rcpt");
}

static int
old_header(void *state, weir_call *call, weir_str name, weir_str value)
{
	(void)name;
	(void)value;
	return old_note(state, call, "header");
}

static int
old_body(void *state, weir_call *call, weir_str chunk)
{
	(void)chunk;
	return old_note(state, call, "body");
}

static int
old_eom(void *state, weir_call *call)
{
	struct old *o = state;
	struct notes *n;
	weir_hold *hold;

	old_note(o, call, "eom");
	n = o->host->data_get(call, WEIR_SCOPE_SESSION, WEIR_RCPT_NONE);
	old_fact(o, call, "stages", weir_str_of(n->stages));
	old_read(o, call);
	o->metric->add(o->self, o->mails, 1);
	if (o->dns->query(call, "yes.test", WEIR_DNS_A, 0, old_on_dns, o) < 0 ||
	    o->timer->after(call, 1, old_on_timer, o) < 0 ||
	    o->job->start(call, old_run, old_ran, o) < 0 ||
	    o->store->put(call, WEIR_STR("key"), WEIR_STR("value"), 60000,
		old_on_put, o) < 0 ||
	    o->remote->start(call, 0, WEIR_STR("ping"), 0, old_on_remote,
		o) < 0)
		return WEIR_E_INTERNAL;
	hold = o->host->hold(call, 0, old_on_hold, o);
	o->host->release(hold, 3);
	return o->host->finding(call, SYMBOL_SEEN, WEIR_RCPT_NONE, 2,
	    WEIR_STR("it is here"));
}

static int
old_decide_eom(void *state, weir_call *call)
{
	struct old *o = state;
	struct weir_finding f = { .size = sizeof(f) };
	struct weir_verdict v = { .size = sizeof(v),
		.action = WEIR_ACT_ACCEPT, .scope = WEIR_SCOPE_MESSAGE,
		.rcpt = WEIR_RCPT_NONE };

	if (o->host->finding_at(call, 0, &f) == WEIR_OK)
		old_fact(o, call, "finding", f.symbol);
	if (o->host->verdict(call, &v) < 0 ||
	    o->host->verdict_get(call, WEIR_RCPT_NONE, &v) < 0)
		return WEIR_E_INTERNAL;
	old_number(o, call, "verdict", v.action);
	return WEIR_OK;
}

static int
old_act_eom(void *state, weir_call *call)
{
	struct old *o = state;

	return o->edit->header_add(call, "X-Old", WEIR_STR("yes"));
}

static int
old_command(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	struct old *o = state;

	(void)argc;
	(void)argv;
	(void)json;
	return o->control->print(call, WEIR_STR("still here\n"));
}

static int
old_greet(void *state, weir_call *call, uint32_t argc,
    const struct weir_lua_value *argv)
{
	return ((struct old *)state)->lua->give(call, argc, argv);
}

/* the helper's side */

static const struct weir_helper_host *helper_host;

static int
old_helper_init(const struct weir_helper_host *host, const weir_conf *conf,
    void **state)
{
	(void)conf;
	(void)state;
	helper_host = host;
	return WEIR_OK;
}

static int
old_helper_run(void *state, weir_request *r, weir_str request, int message)
{
	(void)state;
	(void)message;
	return helper_host->respond(r, request.ptr, request.len);
}

static const struct weir_helper helper = { .size = sizeof(helper),
	.name = "echo", .threads = 1, .processes = 1, .init = old_helper_init,
	.run = old_helper_run };
static const struct weir_helper *const helpers[] = { &helper, NULL };

/* old_create - all tables are there, what is published is taken */
static int
old_create(const struct weir_host *host, weir_self *self,
    const weir_conf *conf, void **state)
{
	struct old *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return WEIR_E_NOMEM;
	*state = o;
	o->host = host;
	o->self = self;
	o->conf = conf;
	o->dns = host->ext(self, WEIR_EXT_DNS);
	o->timer = host->ext(self, WEIR_EXT_TIMER);
	o->job = host->ext(self, WEIR_EXT_JOB);
	o->store = host->ext(self, WEIR_EXT_STORE);
	o->edit = host->ext(self, WEIR_EXT_EDIT);
	o->mime = host->ext(self, WEIR_EXT_MIME);
	o->metric = host->ext(self, WEIR_EXT_METRIC);
	o->service = host->ext(self, WEIR_EXT_SERVICE);
	o->control = host->ext(self, WEIR_EXT_CONTROL);
	o->remote = host->ext(self, WEIR_EXT_REMOTE);
	o->lua = host->ext(self, WEIR_EXT_LUA);
	o->mails = o->metric->counter(self, "mails", NULL, "Mails seen.");
	if (host->ext(self, "weir.none/1") != NULL ||
	    o->service->provide(self, "org.example.old/1", &offered, o) < 0 ||
	    o->control->command(self, "ask", "ask", "Say something.",
		old_command) < 0 ||
	    o->lua->publish(self, "greet", "(...) -> ...", "Gives back.",
		old_greet) < 0) {
		host->log(self, NULL, WEIR_LOG_ERROR, WEIR_STR("not taken"));
		free(o);
		return WEIR_E_INTERNAL;
	}
	return WEIR_OK;
}

static void
old_destroy(void *state)
{
	free(state);
}

#ifdef FUTURE
/* old_never - no host of today knows the stage */
static void
old_never(void)
{
	abort();
}
#define YOUNGER , .future0 = old_never, .future7 = old_never
#else
#define YOUNGER
#endif

static const struct weir_stages collect = { .size = sizeof(collect),
	.connect = old_connect, .helo = old_helo, .mail = old_mail,
	.rcpt = old_rcpt, .data = old_data, .header = old_header,
	.eoh = old_eoh, .body = old_body, .eom = old_eom YOUNGER };
static const struct weir_stages decide = { .size = sizeof(decide),
	.eom = old_decide_eom };
static const struct weir_stages act = { .size = sizeof(act),
	.eom = old_act_eom };

#ifndef OLDEST
#define OLDEST WEIR_ABI_MINOR
#endif

static const struct weir_module module = {
	.magic = WEIR_MAGIC,
	.size = sizeof(struct weir_module),
	.abi_major = WEIR_ABI_MAJOR,
	.abi_minor = WEIR_ABI_MINOR,
	.abi_minor_min = OLDEST,
	.stride_option = sizeof(struct weir_option),
	.stride_symbol = sizeof(struct weir_symbol),
	.flags = WEIR_F_WANT_HEADERS | WEIR_F_WANT_BODY,
	.id = "org.example.old",
	.name = "old",
	.version = "1",
	.license = "ISC",
	.summary = "Uses everything of ABI 1.0.",
	.options = options,
	.symbols = symbols,
	.needs = needs,
	.collect = &collect,
	.decide = &decide,
	.act = &act,
	.create = old_create,
	.destroy = old_destroy,
	.helpers = helpers
	YOUNGER
};

WEIR_MODULE_EXPORT(mod_old, module)
