/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hostile - a module that misbehaves as its options say, for tests of what
 * holds it.  It acts when the envelope sender begins with "hostile", where
 * there is one; else always.  What happens while it is loaded can't be an
 * option: WEIR_HOSTILE=constructor:DEED or entry:DEED in the environment.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/weir.h>

struct hostile {
	const struct weir_host *host;
	const struct weir_timer *timer;
	const struct weir_job *job;
	weir_self *self;
	int64_t deed, at;
	weir_call *kept;
};

/* in the order of the choices */
enum deed {
	DO_NOTHING,
	DO_CRASH,
	DO_ABORT,
	DO_EXIT,
	DO_LOOP,
	DO_LOOP_DEAF,
	DO_LEAK,
	DO_ODD,
	DO_THREAD,
	DO_STALE,
	DO_RELEASE,
	DO_HUGE,
	DO_CLOSE,
	DO_FORK,
	DO_EXEC,
	DO_NEVER,
	DO_ROOT
};
#define DEEDS \
	"nothing|crash|abort|exit|loop|loop-deaf|leak|odd|thread|stale|" \
	"release|huge|close|fork|exec|never|root"

enum { OPTION_DO, OPTION_AT };
enum {
	AT_MESSAGE_END = WEIR_STAGE_COUNT,
	AT_SESSION_END,
	AT_CREATE,
	AT_DESTROY,
	AT_DROP,
	AT_JOB,
	AT_TICK
};

static const struct weir_option options[] = {
	[OPTION_DO] = { .name = "do", .type = WEIR_OPT_ENUM,
	    .fallback = "nothing", .choices = DEEDS,
	    .help = "The misbehaviour." },
	[OPTION_AT] = { .name = "at", .type = WEIR_OPT_ENUM,
	    .fallback = "eom",
	    .choices = "connect|helo|mail|rcpt|data|header|eoh|body|eom|"
		       "message-end|session-end|create|destroy|drop|job|tick",
	    .help = "When it happens." },
	{ .name = NULL },
};

/* Not const: the compiler must not know that it is NULL. */
static int *volatile nowhere;

/* hostile_say - a line that tests look for */
static void
hostile_say(struct hostile *h, weir_call *call, const char *text)
{
	h->host->log(h->self, call, WEIR_LOG_WARN, weir_str_of(text));
}

static void *
hostile_thread(void *arg)
{
	struct hostile *h = arg;
	weir_str out;
	int status = h->host->attr_get(h->kept, WEIR_A_SESSION_ID,
	    WEIR_RCPT_NONE, &out);

	hostile_say(h, NULL, status == WEIR_E_STATE ?
		"thread: E_STATE" : "thread: no E_STATE");
	return NULL;
}

static void
hostile_released(weir_call *call, int status, void *arg)
{
	(void)status;
	hostile_say(arg, call, "release: done");
}

static void
hostile_late(weir_call *call, int status, void *arg)
{
	(void)call;
	(void)status;
	(void)arg;
}

/* hostile_huge - more than anybody wants to hear */
static void
hostile_huge(struct hostile *h, weir_call *call)
{
	struct weir_verdict v = { .size = sizeof(v),
		.action = WEIR_ACT_REJECT, .scope = WEIR_SCOPE_MESSAGE };
	size_t size = 8u << 20;
	char *text = malloc(size);

	if (text == NULL)
		return;
	memset(text, '%', size);
	text[size - 1] = '\0';
	hostile_say(h, call, text);
	h->host->fact_set(call, WEIR_RCPT_NONE, text, weir_str_of(text));
	v.text = v.enhanced = text;
	h->host->verdict(call, &v);
	h->host->alloc(call, WEIR_SCOPE_MESSAGE, (size_t)1 << 60);
	h->host->alloc(call, WEIR_SCOPE_SESSION, (size_t)1 << 60);
	h->host->fail(call, WEIR_E_TEMP, weir_str_of(text));
	free(text);
}

/* hostile_processes - what the sandbox is for */
static void
hostile_processes(struct hostile *h, weir_call *call, enum deed deed)
{
	char *const argv[] = { (char []){ "/bin/true" }, NULL };
	char text[64];
	int rc = 0;

	if (deed == DO_FORK) {
		rc = fork();
		if (rc == 0)
			_exit(0);
	} else if (deed == DO_EXEC) {
		rc = execv(argv[0], argv);
	} else {
		rc = setresuid(0, 0, 0);
	}
	snprintf(text, sizeof(text), "process: %s",
	    rc < 0 ? strerrorname_np(errno) : "allowed");
	hostile_say(h, call, text);
}

/* hostile_die - the deeds that nobody survives */
static void
hostile_die(enum deed deed)
{
	volatile unsigned long turns = 0;

	switch (deed) {
	case DO_CRASH:
		*nowhere = 1;
		break;
	case DO_ABORT:
		abort();
	case DO_EXIT:
		exit(0);
	case DO_LOOP_DEAF:
		signal(SIGABRT, SIG_IGN);
		__attribute__((fallthrough));
	case DO_LOOP:
		for (;;)
			turns++;
	default:
		break;
	}
}

/* hostile_do - the deed; what it gives is what the callback returns */
static int
hostile_do(struct hostile *h, weir_call *call)
{
	enum deed deed = (enum deed)h->deed;
	pthread_t thread;
	weir_hold *hold;

	hostile_die(deed);
	switch (deed) {
	case DO_LEAK:
		for (int i = 0; i < 1000; i++)
			memset(malloc(1024), i, 1024);
		break;
	case DO_ODD:
		return 12345;
	case DO_THREAD:
		h->kept = call;
		if (pthread_create(&thread, NULL, hostile_thread, h) == 0)
			pthread_join(thread, NULL);
		break;
	case DO_STALE:
		if (h->kept != NULL && h->kept != call)
			hostile_say(h, call, h->host->stage(h->kept) ==
			    WEIR_E_STALE ? "stale: E_STALE" : "stale: alive");
		h->kept = call;
		break;
	case DO_RELEASE:
		hold = h->host->hold(call, 0, hostile_released, h);
		for (int i = 0; i < 3; i++)
			h->host->release(hold, WEIR_OK);
		break;
	case DO_HUGE:
		hostile_huge(h, call);
		break;
	case DO_CLOSE:
		for (int fd = 3; fd < 1024; fd++)
			close(fd);
		break;
	case DO_FORK:
	case DO_EXEC:
	case DO_ROOT:
		hostile_processes(h, call, deed);
		break;
	case DO_NEVER:
		h->host->hold(call, 0, hostile_late, h);
		break;
	default:
		break;
	}
	return WEIR_OK;
}

static int
hostile_run(weir_jobctx *ctx, void *arg)
{
	(void)ctx;
	hostile_die((enum deed)((struct hostile *)arg)->deed);
	return WEIR_OK;
}

static void
hostile_ran(weir_call *call, int status, void *arg)
{
	(void)call;
	(void)status;
	(void)arg;
}

static void
hostile_drop(void *data)
{
	hostile_die((enum deed)((struct hostile *)data)->deed);
}

static void
hostile_tick(weir_call *call, int status, void *arg)
{
	(void)status;
	hostile_do(arg, call);
}

/* hostile_meant - is this mail one that we act on */
static bool
hostile_meant(struct hostile *h, weir_call *call)
{
	weir_str sender;

	return h->host->attr_get(call, WEIR_A_SENDER, WEIR_RCPT_NONE,
		   &sender) < 0 ||
	    (sender.len >= 7 && memcmp(sender.ptr, "hostile", 7) == 0);
}

/* hostile_stage - any callback */
static int
hostile_stage(struct hostile *h, weir_call *call, int at)
{
	if (!hostile_meant(h, call))
		return WEIR_OK;
	if (at == WEIR_STAGE_EOM && h->at == AT_JOB)
		return h->job->start(call, hostile_run, hostile_ran, h);
	if (at == WEIR_STAGE_EOM && h->at == AT_DROP)
		return h->host->data_set(call, WEIR_SCOPE_MESSAGE,
		    WEIR_RCPT_NONE, h, hostile_drop);
	return at == h->at ? hostile_do(h, call) : WEIR_OK;
}

#define STAGE(name, number) \
	static int hostile_##name(void *state, weir_call *call) \
	{ \
		return hostile_stage(state, call, WEIR_STAGE_##number); \
	}

STAGE(connect, CONNECT)
STAGE(helo, HELO)
STAGE(mail, MAIL)
STAGE(data, DATA)
STAGE(eoh, EOH)
STAGE(eom, EOM)

static int
hostile_rcpt(void *state, weir_call *call, uint32_t rcpt)
{
	(void)rcpt;
	return hostile_stage(state, call, WEIR_STAGE_RCPT);
}

static int
hostile_header(void *state, weir_call *call, weir_str name, weir_str value)
{
	(void)name;
	(void)value;
	return hostile_stage(state, call, WEIR_STAGE_HEADER);
}

static int
hostile_body(void *state, weir_call *call, weir_str chunk)
{
	(void)chunk;
	return hostile_stage(state, call, WEIR_STAGE_BODY);
}

static void
hostile_message_end(void *state, weir_call *call)
{
	hostile_stage(state, call, AT_MESSAGE_END);
}

static void
hostile_session_end(void *state, weir_call *call)
{
	hostile_stage(state, call, AT_SESSION_END);
}

static int
hostile_create(const struct weir_host *host, weir_self *self,
    const weir_conf *conf, void **state)
{
	struct hostile *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return WEIR_E_NOMEM;
	h->host = host;
	h->self = self;
	h->deed = host->conf_int(conf, OPTION_DO);
	h->at = host->conf_int(conf, OPTION_AT);
	h->timer = host->ext(self, WEIR_EXT_TIMER);
	h->job = host->ext(self, WEIR_EXT_JOB);
	*state = h;
	if (h->at == AT_CREATE)
		hostile_die((enum deed)h->deed);
	if (h->at == AT_TICK)
		return h->timer->every(self, 200, hostile_tick, h);
	return WEIR_OK;
}

static void
hostile_destroy(void *state)
{
	struct hostile *h = state;

	if (h->at == AT_DESTROY)
		hostile_die((enum deed)h->deed);
	free(h);
}

static const struct weir_stages collect = {
	.size = sizeof(struct weir_stages),
	.connect = hostile_connect,
	.helo = hostile_helo,
	.mail = hostile_mail,
	.rcpt = hostile_rcpt,
	.data = hostile_data,
	.header = hostile_header,
	.eoh = hostile_eoh,
	.body = hostile_body,
};

/* verdicts are stated in decide: this is where the worst happens */
static const struct weir_stages decide = {
	.size = sizeof(struct weir_stages),
	.eom = hostile_eom,
};

static const char *const needs[] = { WEIR_EXT_TIMER, WEIR_EXT_JOB, NULL };

static const struct weir_module module = {
	WEIR_MODULE_HEAD,
	.flags = WEIR_F_WANT_HEADERS | WEIR_F_WANT_BODY,
	.id = "weir.test.hostile",
	.name = "hostile",
	.version = "1",
	.license = "GPL-2.0-or-later",
	.summary = "Misbehaves.",
	.options = options,
	.needs = needs,
	.collect = &collect,
	.decide = &decide,
	.create = hostile_create,
	.destroy = hostile_destroy,
	.message_end = hostile_message_end,
	.session_end = hostile_session_end,
};

/* hostile_early - before anybody could ask us to */
static void
hostile_early(const char *where)
{
	static const struct {
		const char *word;
		enum deed deed;
	} deeds[] = { { "crash", DO_CRASH }, { "abort", DO_ABORT },
		{ "exit", DO_EXIT }, { "loop", DO_LOOP } };
	const char *order = getenv("WEIR_HOSTILE");
	size_t n = strlen(where);

	if (order == NULL || strncmp(order, where, n) != 0 || order[n] != ':')
		return;
	for (size_t i = 0; i < sizeof(deeds) / sizeof(*deeds); i++) {
		if (strcmp(order + n + 1, deeds[i].word) == 0)
			hostile_die(deeds[i].deed);
	}
}

__attribute__((constructor)) static void
hostile_constructor(void)
{
	hostile_early("constructor");
}

WEIR_EXPORT const struct weir_module *mod_hostile_LTX_weir_entry(void);

const struct weir_module *
mod_hostile_LTX_weir_entry(void)
{
	hostile_early("entry");
	return strcmp(getenv("WEIR_HOSTILE") != NULL ?
			getenv("WEIR_HOSTILE") : "", "entry:null") == 0 ?
	    NULL : &module;
}
