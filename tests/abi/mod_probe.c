/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe - a module that does what the mail says, for tests of what is around
 * it.  Header fields of the message are its orders, the options say when:
 *
 *	X-Probe-Finding: WEIGHT reason	state PROBE_FINDING
 *	X-Probe-Verdict: VERDICT [CODE] [TEXT]	about the message
 *	X-Probe-Rcpt: INDEX VERDICT [CODE] [TEXT]	about one recipient
 *	X-Probe-Edit: add NAME VALUE | insert INDEX NAME VALUE |
 *	    change NAME N VALUE | delete NAME N | body TEXT | rcpt-add ADDRESS |
 *	    rcpt-delete INDEX | sender ADDRESS | hold REASON
 *	X-Probe-Fail: REASON	"my check did not run"
 *
 * The other options work at their stage without any order.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir/weir.h>

struct probe {
	const struct weir_host *host;
	const struct weir_dns *dns;
	const struct weir_timer *timer;
	const struct weir_job *job;
	const struct weir_store *store;
	const struct weir_edit *edit;
	weir_self *self;
	const weir_conf *conf;
	int64_t at, delay;
};

enum { SYMBOL_FINDING, SYMBOL_NEVER };
enum {
	OPTION_AT,
	OPTION_DELAY,
	OPTION_DNS,
	OPTION_JOB,
	OPTION_STORE,
	OPTION_FAIL,
	OPTION_RCPT
};
enum { RCPT_VERDICT, RCPT_CODE, RCPT_ENHANCED, RCPT_TEXT };

#define STAGES "connect|helo|mail|rcpt|data|header|eoh|body|eom"
#define VERDICTS "none|accept|quarantine|discard|tempfail|reject"

static const struct weir_option rcpt_rows[] = {
	{ .name = "verdict", .type = WEIR_OPT_ENUM, .fallback = "reject",
	    .choices = VERDICTS, .help = "What is said of this recipient." },
	{ .name = "code", .type = WEIR_OPT_INT, .fallback = "0", .lo = "0",
	    .hi = "599", .help = "SMTP code of the refusal." },
	{ .name = "enhanced", .type = WEIR_OPT_STRING,
	    .help = "Enhanced status code of the refusal." },
	{ .name = "text", .type = WEIR_OPT_STRING,
	    .help = "Text of the refusal." },
	{ .name = NULL },
};

static const struct weir_option options[] = {
	[OPTION_AT] = { .name = "at", .type = WEIR_OPT_ENUM, .fallback = "eom",
	    .choices = STAGES, .help = "Stage of the options below." },
	[OPTION_DELAY] = { .name = "delay", .type = WEIR_OPT_DURATION,
	    .fallback = "0", .help = "Wait so long." },
	[OPTION_DNS] = { .name = "dns", .type = WEIR_OPT_STRING,
	    .help = "Look up the A records of this name; fact probe.dns." },
	[OPTION_JOB] = { .name = "job", .type = WEIR_OPT_BOOL,
	    .fallback = "no",
	    .help = "Count the message's octets in a job; fact probe.job." },
	[OPTION_STORE] = { .name = "store", .type = WEIR_OPT_BOOL,
	    .fallback = "no",
	    .help = "Remember the sender; fact probe.store: new or known." },
	[OPTION_FAIL] = { .name = "fail", .type = WEIR_OPT_BOOL,
	    .fallback = "no", .help = "Say that the check did not run." },
	[OPTION_RCPT] = { .name = "rcpt", .type = WEIR_OPT_SECTION,
	    .help = "What is said of a recipient when it is named.",
	    .rows = rcpt_rows },
	{ .name = NULL },
};

static const struct weir_symbol symbols[] = {
	{ "PROBE_FINDING", "The mail asked for a finding.", 1.0 },
	{ "PROBE_NEVER", "Never stated.", 1.0 },
	{ NULL, NULL, 0 },
};

static const char *const needs[] = { WEIR_EXT_DNS, WEIR_EXT_TIMER,
	WEIR_EXT_JOB, WEIR_EXT_STORE, WEIR_EXT_EDIT, NULL };

/* probe_fact - for the whole message, or the session before one */
static void
probe_fact(struct probe *p, weir_call *call, const char *key,
    const char *value)
{
	p->host->fact_set(call, WEIR_RCPT_NONE, key, weir_str_of(value));
}

/* probe_order - the n-th order of that name: its words, or NULL */
static char *
probe_order(struct probe *p, weir_call *call, const char *name, uint32_t n)
{
	weir_str value;

	if (p->host->header_at(call, name, n, NULL, &value) < 0)
		return NULL;
	while (value.len > 0 && value.ptr[0] == ' ') {
		value.ptr++;
		value.len--;
	}
	return strndup(value.ptr, value.len);
}

/* probe_word - cut the next word off */
static char *
probe_word(char **rest)
{
	static char nothing[1];
	char *word = *rest != NULL ? strsep(rest, " ") : NULL;

	return word != NULL ? word : nothing;
}

/* probe_action - from its name */
static uint32_t
probe_action(const char *word)
{
	static const char *const words[] = { "none", "accept", "quarantine",
		"discard", "tempfail", "reject" };

	for (uint32_t i = 0; i < 6; i++) {
		if (strcmp(words[i], word) == 0)
			return i;
	}
	return 99;
}

/* probe_say - state a verdict in words */
static void
probe_say(struct probe *p, weir_call *call, uint32_t rcpt, char *words)
{
	struct weir_verdict v = { .size = sizeof(v),
		.scope = rcpt == WEIR_RCPT_NONE ? WEIR_SCOPE_MESSAGE :
						  WEIR_SCOPE_RCPT,
		.rcpt = rcpt };
	int status;

	v.action = probe_action(probe_word(&words));
	v.smtp_code = (uint32_t)atoi(probe_word(&words));
	v.text = words;
	status = p->host->verdict(call, &v);
	if (status < 0)
		p->host->log(p->self, call, WEIR_LOG_ERROR,
		    WEIR_STR("the host refused a verdict"));
}

/* probe_edit - one edit in words */
static int
probe_edit(struct probe *p, weir_call *call, char *words)
{
	const char *kind = probe_word(&words);
	const char *name;
	uint32_t n;

	if (strcmp(kind, "add") == 0) {
		name = probe_word(&words);
		return p->edit->header_add(call, name, weir_str_of(words));
	}
	if (strcmp(kind, "insert") == 0) {
		n = (uint32_t)atoi(probe_word(&words));
		name = probe_word(&words);
		return p->edit->header_insert(call, n, name,
		    weir_str_of(words));
	}
	if (strcmp(kind, "change") == 0) {
		name = probe_word(&words);
		n = (uint32_t)atoi(probe_word(&words));
		return p->edit->header_change(call, name, n,
		    weir_str_of(words));
	}
	if (strcmp(kind, "delete") == 0) {
		name = probe_word(&words);
		return p->edit->header_delete(call, name,
		    (uint32_t)atoi(probe_word(&words)));
	}
	if (strcmp(kind, "body") == 0)
		return p->edit->body_replace(call, weir_str_of(words));
	if (strcmp(kind, "rcpt-add") == 0)
		return p->edit->rcpt_add(call, weir_str_of(words),
		    weir_str_of(""));
	if (strcmp(kind, "rcpt-delete") == 0)
		return p->edit->rcpt_delete(call,
		    (uint32_t)atoi(probe_word(&words)));
	if (strcmp(kind, "sender") == 0)
		return p->edit->sender_change(call, weir_str_of(words),
		    weir_str_of(""));
	if (strcmp(kind, "hold") == 0)
		return p->edit->mta_hold(call, weir_str_of(words));
	return WEIR_E_INVAL;
}

static void
probe_waited(weir_call *call, int status, void *arg)
{
	if (status == WEIR_OK)
		probe_fact(arg, call, "probe.delay", "over");
}

static void
probe_answered(weir_call *call, const struct weir_dns_answer *a, void *arg)
{
	char text[64];

	if (a->status == WEIR_OK && a->count > 0) {
		probe_fact(arg, call, "probe.dns",
		    weir_dns_rr_at(a, 0)->data.ptr);
	} else {
		snprintf(text, sizeof(text), "status %d", a->status);
		probe_fact(arg, call, "probe.dns", text);
	}
}

static int
probe_run(weir_jobctx *ctx, void *arg)
{
	struct probe *p = arg;
	int fd = p->job->message_fd(ctx);
	off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;

	return end >= 0 && end < 1 << 30 ? (int)end : WEIR_E_NOTFOUND;
}

static void
probe_ran(weir_call *call, int status, void *arg)
{
	char text[32];

	snprintf(text, sizeof(text), "%d", status);
	probe_fact(arg, call, "probe.job", text);
}

static void
probe_stored(weir_call *call, int status, weir_str value, void *arg)
{
	(void)value;
	probe_fact(arg, call, "probe.store", status == WEIR_OK ? "new" :
	    status == WEIR_E_EXISTS			       ? "known" :
								 "trouble");
}

/* probe_options - what the file asks for at this stage */
static int
probe_options(struct probe *p, weir_call *call)
{
	const struct weir_host *h = p->host;
	weir_str name = h->conf_str(p->conf, OPTION_DNS), sender;
	int status = WEIR_OK;

	if (h->stage(call) != p->at)
		return WEIR_OK;
	if (p->delay > 0)
		status = p->timer->after(call, (uint32_t)p->delay,
		    probe_waited, p);
	if (status == WEIR_OK && name.len > 0)
		status = p->dns->query(call, name.ptr, WEIR_DNS_A, 0,
		    probe_answered, p);
	if (status == WEIR_OK && h->conf_bool(p->conf, OPTION_JOB))
		status = p->job->start(call, probe_run, probe_ran, p);
	if (status == WEIR_OK && h->conf_bool(p->conf, OPTION_STORE) &&
	    h->attr_get(call, WEIR_A_SENDER, WEIR_RCPT_NONE, &sender) ==
		WEIR_OK && sender.len > 0)
		status = p->store->add(call, sender, WEIR_STR("1"), 3600000,
		    probe_stored, p);
	if (h->conf_bool(p->conf, OPTION_FAIL))
		h->fail(call, WEIR_E_TEMP, WEIR_STR("told so by the file"));
	return status;
}

/* probe_collect - any stage of collect but eom */
static int
probe_collect(void *state, weir_call *call)
{
	return probe_options(state, call);
}

static int
probe_collect_rcpt(void *state, weir_call *call, uint32_t rcpt)
{
	(void)rcpt;
	return probe_options(state, call);
}

static int
probe_collect_header(void *state, weir_call *call, weir_str name,
    weir_str value)
{
	(void)name;
	(void)value;
	return probe_options(state, call);
}

static int
probe_collect_body(void *state, weir_call *call, weir_str chunk)
{
	(void)chunk;
	return probe_options(state, call);
}

static int
probe_collect_eom(void *state, weir_call *call)
{
	struct probe *p = state;
	char *order;

	for (uint32_t i = 0;
	     (order = probe_order(p, call, "X-Probe-Finding", i)) != NULL;
	     i++) {
		char *words = order;
		double weight = atof(probe_word(&words));

		p->host->finding(call, SYMBOL_FINDING, WEIR_RCPT_NONE, weight,
		    weir_str_of(words));
		free(order);
	}
	order = probe_order(p, call, "X-Probe-Fail", 0);
	if (order != NULL)
		p->host->fail(call, WEIR_E_TEMP, weir_str_of(order));
	free(order);
	return probe_options(p, call);
}

static int
probe_decide_rcpt(void *state, weir_call *call, uint32_t rcpt)
{
	struct probe *p = state;
	const struct weir_host *h = p->host;
	weir_str address, title;

	if (h->attr_get(call, WEIR_A_RCPT, rcpt, &address) < 0)
		return WEIR_OK;
	for (uint32_t i = 0; i < h->conf_sections(p->conf, OPTION_RCPT); i++) {
		const weir_conf *c = h->conf_section(p->conf, OPTION_RCPT, i,
		    &title);
		struct weir_verdict v = { .size = sizeof(v),
			.scope = WEIR_SCOPE_RCPT, .rcpt = rcpt };

		if (!weir_str_eq(address, title.ptr))
			continue;
		v.action = (uint32_t)h->conf_int(c, RCPT_VERDICT);
		v.smtp_code = (uint32_t)h->conf_int(c, RCPT_CODE);
		v.enhanced = h->conf_str(c, RCPT_ENHANCED).ptr;
		v.text = h->conf_str(c, RCPT_TEXT).ptr;
		return h->verdict(call, &v);
	}
	return WEIR_OK;
}

static int
probe_decide_eom(void *state, weir_call *call)
{
	struct probe *p = state;
	char *order = probe_order(p, call, "X-Probe-Verdict", 0);

	if (order != NULL)
		probe_say(p, call, WEIR_RCPT_NONE, order);
	free(order);
	for (uint32_t i = 0;
	     (order = probe_order(p, call, "X-Probe-Rcpt", i)) != NULL; i++) {
		char *words = order;
		uint32_t rcpt = (uint32_t)atoi(probe_word(&words));

		probe_say(p, call, rcpt, words);
		free(order);
	}
	return WEIR_OK;
}

static int
probe_act_eom(void *state, weir_call *call)
{
	struct probe *p = state;
	char *order;

	for (uint32_t i = 0;
	     (order = probe_order(p, call, "X-Probe-Edit", i)) != NULL; i++) {
		int status = probe_edit(p, call, order);

		if (status < 0) {
			char text[80];

			snprintf(text, sizeof(text), "edit %u: status %d", i,
			    status);
			p->host->log(p->self, call, WEIR_LOG_WARN,
			    weir_str_of(text));
		}
		free(order);
	}
	return WEIR_OK;
}

static int
probe_create(const struct weir_host *host, weir_self *self,
    const weir_conf *conf, void **state)
{
	struct probe *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return WEIR_E_NOMEM;
	p->host = host;
	p->self = self;
	p->conf = conf;
	p->dns = host->ext(self, WEIR_EXT_DNS);
	p->timer = host->ext(self, WEIR_EXT_TIMER);
	p->job = host->ext(self, WEIR_EXT_JOB);
	p->store = host->ext(self, WEIR_EXT_STORE);
	p->edit = host->ext(self, WEIR_EXT_EDIT);
	p->at = host->conf_int(conf, OPTION_AT);
	p->delay = host->conf_int(conf, OPTION_DELAY);
	for (uint32_t s = 0; s < WEIR_STAGE_EOM; s++) {
		if (s != p->at)
			host->skip(self, WEIR_PHASE_COLLECT, s);
	}
	if (host->conf_sections(conf, OPTION_RCPT) == 0)
		host->skip(self, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT);
	if (host->conf_bool(conf, OPTION_JOB))
		host->want(self, WEIR_F_WANT_BODY);
	*state = p;
	return WEIR_OK;
}

static void
probe_destroy(void *state)
{
	free(state);
}

static const struct weir_stages collect = {
	.size = sizeof(struct weir_stages),
	.connect = probe_collect,
	.helo = probe_collect,
	.mail = probe_collect,
	.rcpt = probe_collect_rcpt,
	.data = probe_collect,
	.header = probe_collect_header,
	.eoh = probe_collect,
	.body = probe_collect_body,
	.eom = probe_collect_eom,
};

static const struct weir_stages decide = {
	.size = sizeof(struct weir_stages),
	.rcpt = probe_decide_rcpt,
	.eom = probe_decide_eom,
};

static const struct weir_stages act = {
	.size = sizeof(struct weir_stages),
	.eom = probe_act_eom,
};

static const struct weir_module module = {
	WEIR_MODULE_HEAD,
	.flags = WEIR_F_WANT_HEADERS,
	.id = "weir.test.probe",
	.name = "probe",
	.version = "1",
	.license = "GPL-2.0-or-later",
	.summary = "Does what the mail says.",
	.options = options,
	.symbols = symbols,
	.needs = needs,
	.collect = &collect,
	.decide = &decide,
	.act = &act,
	.create = probe_create,
	.destroy = probe_destroy,
};

WEIR_MODULE_EXPORT(mod_probe, module)
