/* SPDX-License-Identifier: @LICENSE@ */
/*
 * @NAME@ - @SUMMARY@
 *
 * A callback in collect looks and states findings; one in decide states
 * verdicts.  See weir-module(7) for stages, waiting and lifetimes.
 */
#include <stdlib.h>
#include <string.h>

#include <weir/weir.h>

/* What this process knows; made in create, handed to every callback. */
struct mod_@CNAME@ {
	const struct weir_host *host;
	weir_self *self;
	const weir_conf *conf;
@if dns@
	const struct weir_dns *dns;
@end@
@if store@
	const struct weir_store *store;
@end@
@if timer@
	const struct weir_timer *timer;
@end@
@if job@
	const struct weir_job *job;
@end@
@if remote@
	const struct weir_remote *remote;
@end@
@if edit@
	const struct weir_edit *edit;
@end@
@if mime@
	const struct weir_mime *mime;
@end@
@if metric@
	const struct weir_metric *metric;
	int matches; /* id of the counter */
@end@
@if service@
	const struct weir_service *service;
@end@
@if control@
	const struct weir_control *control;
@end@
@if lua@
	const struct weir_lua *lua;
@end@
};

/* Options, in the order of the rows below. */
enum { OPTION_MATCH, OPTION_REJECT };

static const struct weir_option options[] = {
	[OPTION_MATCH] = { .name = "match", .type = WEIR_OPT_LIST,
	    .fallback = "bad.example",
	    .help = "Texts that are looked for." },
	[OPTION_REJECT] = { .name = "reject", .type = WEIR_OPT_BOOL,
	    .fallback = "yes",
	    .help = "Reject what matches; otherwise only a finding says so." },
	{ .name = NULL },
};

enum { SYMBOL_MATCH };

static const struct weir_symbol symbols[] = {
	[SYMBOL_MATCH] = { "@UNAME@_MATCH",
	    "A text of the option match was found.", 5.0 },
	{ NULL, NULL, 0 },
};

/* The host's extensions that must be there. */
static const char *const needs[] = {
@if dns@
	WEIR_EXT_DNS,
@end@
@if store@
	WEIR_EXT_STORE,
@end@
@if timer@
	WEIR_EXT_TIMER,
@end@
@if job@
	WEIR_EXT_JOB,
@end@
@if remote@
	WEIR_EXT_REMOTE,
@end@
@if edit@
	WEIR_EXT_EDIT,
@end@
@if mime@
	WEIR_EXT_MIME,
@end@
@if metric@
	WEIR_EXT_METRIC,
@end@
@if service@
	WEIR_EXT_SERVICE,
@end@
@if control@
	WEIR_EXT_CONTROL,
@end@
@if lua@
	WEIR_EXT_LUA,
@end@
	NULL
};

@if match@
/* is_listed - is the text one of the option match, ASCII case aside */
static bool
is_listed(const struct mod_@CNAME@ *m, weir_str text)
{
	const weir_str *items;
	uint32_t n = m->host->conf_list(m->conf, OPTION_MATCH, &items);

	for (uint32_t i = 0; i < n; i++) {
		if (items[i].len == text.len &&
		    strncasecmp(items[i].ptr, text.ptr, text.len) == 0)
			return true;
	}
	return false;
}

@if dns@
/* on_answer - the lookup has completed, whatever came of it */
static void
on_answer(weir_call *call, const struct weir_dns_answer *answer, void *arg)
{
	struct mod_@CNAME@ *m = arg;
	const char *what = answer->status == WEIR_OK ? "found" :
	    answer->status == WEIR_E_NOTFOUND	     ? "none" :
						       "trouble";

	m->host->fact_set(call, WEIR_RCPT_NONE, "@NAME@.address",
	    weir_str_of(what));
}

@end@
@if store@
/* on_stored - the entry is kept, or was there before */
static void
on_stored(weir_call *call, int status, weir_str value, void *arg)
{
	struct mod_@CNAME@ *m = arg;

	(void)value;
	if (status == WEIR_OK || status == WEIR_E_EXISTS)
		m->host->fact_set(call, WEIR_RCPT_NONE, "@NAME@.seen",
		    weir_str_of(status == WEIR_OK ? "new" : "before"));
}

@end@
/* look - state a finding if the text is listed; what is started here keeps the
   call open until it has completed */
static int
look(struct mod_@CNAME@ *m, weir_call *call, uint32_t rcpt, weir_str text)
{
	const struct weir_host *h = m->host;
	int status = WEIR_OK;

@if dns@
	/* what may be the name of a host */
	if (text.len < 254 && text.len > 0 && text.ptr[0] != '[' &&
	    memchr(text.ptr, '.', text.len) != NULL &&
	    memchr(text.ptr, '@', text.len) == NULL)
		status = m->dns->query(call, text.ptr, WEIR_DNS_A, 0,
		    on_answer, m);
@end@
@if store@
	if (status == WEIR_OK && text.len > 0 && text.len < 200)
		status = m->store->add(call, text, WEIR_STR("1"),
		    INT64_C(86400000), on_stored, m);
@end@
	if (status < 0)
		return status;
	if (!is_listed(m, text))
		return WEIR_OK;
@if metric@
	m->metric->add(m->self, m->matches, 1);
@end@
	h->fact_set(call, rcpt, "@NAME@.match", text);
	return h->finding(call, SYMBOL_MATCH, rcpt, 1.0, text);
}

/* judge - reject if a finding was stated, and if the option says so */
static int
judge(struct mod_@CNAME@ *m, weir_call *call, uint32_t scope, uint32_t rcpt)
{
	struct weir_verdict v = { .size = sizeof(v),
		.action = WEIR_ACT_REJECT, .scope = scope, .rcpt = rcpt,
		.smtp_code = 550, .enhanced = "5.7.1",
		.text = "We do not take this" };
	weir_str text;

	if (!m->host->conf_bool(m->conf, OPTION_REJECT) ||
	    m->host->fact_get(call, rcpt, "@NAME@.match", &text) < 0)
		return WEIR_OK;
	return m->host->verdict(call, &v);
}

@end@
@if connect@
static int
collect_connect(void *state, weir_call *call)
{
	struct mod_@CNAME@ *m = state;
	weir_str name;

	if (m->host->attr_get(call, WEIR_A_CLIENT_NAME, WEIR_RCPT_NONE,
		&name) < 0)
		return WEIR_OK;
	return look(m, call, WEIR_RCPT_NONE, name);
}

static int
decide_connect(void *state, weir_call *call)
{
	return judge(state, call, WEIR_SCOPE_SESSION, WEIR_RCPT_NONE);
}

@end@
@if helo@
static int
collect_helo(void *state, weir_call *call)
{
	struct mod_@CNAME@ *m = state;
	weir_str helo;

	if (m->host->attr_get(call, WEIR_A_HELO, WEIR_RCPT_NONE, &helo) < 0)
		return WEIR_OK;
	return look(m, call, WEIR_RCPT_NONE, helo);
}

static int
decide_helo(void *state, weir_call *call)
{
	return judge(state, call, WEIR_SCOPE_SESSION, WEIR_RCPT_NONE);
}

@end@
@if mail@
static int
collect_mail(void *state, weir_call *call)
{
	struct mod_@CNAME@ *m = state;
	weir_str sender;

	if (m->host->attr_get(call, WEIR_A_SENDER, WEIR_RCPT_NONE,
		&sender) < 0)
		return WEIR_OK;
	return look(m, call, WEIR_RCPT_NONE, sender);
}

static int
decide_mail(void *state, weir_call *call)
{
	return judge(state, call, WEIR_SCOPE_MESSAGE, WEIR_RCPT_NONE);
}

@end@
@if rcpt@
static int
collect_rcpt(void *state, weir_call *call, uint32_t rcpt)
{
	struct mod_@CNAME@ *m = state;
	weir_str address;

	if (m->host->attr_get(call, WEIR_A_RCPT, rcpt, &address) < 0)
		return WEIR_OK;
	return look(m, call, rcpt, address);
}

static int
decide_rcpt(void *state, weir_call *call, uint32_t rcpt)
{
	return judge(state, call, WEIR_SCOPE_RCPT, rcpt);
}

@end@
@if data@
/* The envelope is complete. */
static int
collect_data(void *state, weir_call *call)
{
	struct mod_@CNAME@ *m = state;

	m->host->log(m->self, call, WEIR_LOG_DEBUG, WEIR_STR("at data"));
	return WEIR_OK;
}

@end@
@if header@
/* Once for each field; nothing can be waited for here. */
static int
collect_header(void *state, weir_call *call, weir_str name, weir_str value)
{
	struct mod_@CNAME@ *m = state;

	(void)value;
	m->host->log(m->self, call, WEIR_LOG_DEBUG, name);
	return WEIR_OK;
}

@end@
@if eoh@
/* The header is complete. */
static int
collect_eoh(void *state, weir_call *call)
{
	struct mod_@CNAME@ *m = state;

	m->host->log(m->self, call, WEIR_LOG_DEBUG, WEIR_STR("at eoh"));
	return WEIR_OK;
}

@end@
@if body@
/* Once for each chunk; nothing can be waited for here. */
static int
collect_body(void *state, weir_call *call, weir_str chunk)
{
	struct mod_@CNAME@ *m = state;

	(void)chunk;
	m->host->log(m->self, call, WEIR_LOG_DEBUG, WEIR_STR("a chunk"));
	return WEIR_OK;
}

@end@
@if eom@
/* The message is complete: here its Subject is looked at. */
static int
collect_eom(void *state, weir_call *call)
{
	struct mod_@CNAME@ *m = state;
	weir_str subject;

	if (m->host->header_at(call, "Subject", 0, NULL, &subject) < 0)
		return WEIR_OK;
	while (subject.len > 0 && subject.ptr[0] == ' ') {
		subject.ptr++;
		subject.len--;
	}
	return look(m, call, WEIR_RCPT_NONE, subject);
}

static int
decide_eom(void *state, weir_call *call)
{
	return judge(state, call, WEIR_SCOPE_MESSAGE, WEIR_RCPT_NONE);
}

@end@
@if edit@
/* Changes are asked for in act, and made when the verdict lets the mail
   pass. */
static int
act_eom(void *state, weir_call *call)
{
	struct mod_@CNAME@ *m = state;
	int status = m->edit->header_add(call, "X-@NAME@",
	    WEIR_STR("checked"));

	return status == WEIR_E_UNSUPPORTED ? WEIR_OK : status;
}

@end@
@if lua@
/* on_greet - weir.call.@NAME@.greet(who) in a rule */
static int
on_greet(void *state, weir_call *call, uint32_t argc,
    const struct weir_lua_value *argv)
{
	struct mod_@CNAME@ *m = state;
	struct weir_lua_value answer = { .type = WEIR_LUA_STRING };

	if (argc != 1 || argv[0].type != WEIR_LUA_STRING)
		return m->lua->refuse(call, WEIR_STR("wants a string"));
	answer.as.string = argv[0].as.string;
	return m->lua->give(call, 1, &answer);
}

@end@
@if control@
/* on_status - weirctl @NAME@ status */
static int
on_status(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	struct mod_@CNAME@ *m = state;

	(void)argc;
	(void)argv;
	return m->control->print(call, json ? WEIR_STR("{\"ok\": true}\n") :
					      WEIR_STR("ok\n"));
}

@end@
/* create - once in a process, before any mail; say why if it fails */
static int
create(const struct weir_host *host, weir_self *self, const weir_conf *conf,
    void **state)
{
	struct mod_@CNAME@ *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return WEIR_E_NOMEM;
	m->host = host;
	m->self = self;
	m->conf = conf;
@if dns@
	m->dns = host->ext(self, WEIR_EXT_DNS);
@end@
@if store@
	m->store = host->ext(self, WEIR_EXT_STORE);
@end@
@if timer@
	m->timer = host->ext(self, WEIR_EXT_TIMER);
@end@
@if job@
	m->job = host->ext(self, WEIR_EXT_JOB);
@end@
@if remote@
	m->remote = host->ext(self, WEIR_EXT_REMOTE);
@end@
@if edit@
	m->edit = host->ext(self, WEIR_EXT_EDIT);
@end@
@if mime@
	m->mime = host->ext(self, WEIR_EXT_MIME);
@end@
@if metric@
	m->metric = host->ext(self, WEIR_EXT_METRIC);
	m->matches = m->metric->counter(self, "matches", NULL,
	    "Texts that were found.");
@end@
@if service@
	m->service = host->ext(self, WEIR_EXT_SERVICE);
@end@
	*state = m;
@if lua@
	m->lua = host->ext(self, WEIR_EXT_LUA);
	if (m->lua->publish(self, "greet", "(who) -> who",
		"Gives back what it was given.", on_greet) < 0)
		return WEIR_E_INTERNAL;
@end@
@if control@
	m->control = host->ext(self, WEIR_EXT_CONTROL);
	return m->control->command(self, "status", "status",
	    "Say that the module is there.", on_status);
@end@
@unless control@
	return WEIR_OK;
@end@
}

/* destroy - once, when all calls have closed */
static void
destroy(void *state)
{
	free(state);
}

static const struct weir_stages collect = {
	.size = sizeof(struct weir_stages),
@if connect@
	.connect = collect_connect,
@end@
@if helo@
	.helo = collect_helo,
@end@
@if mail@
	.mail = collect_mail,
@end@
@if rcpt@
	.rcpt = collect_rcpt,
@end@
@if data@
	.data = collect_data,
@end@
@if header@
	.header = collect_header,
@end@
@if eoh@
	.eoh = collect_eoh,
@end@
@if body@
	.body = collect_body,
@end@
@if eom@
	.eom = collect_eom,
@end@
};

static const struct weir_stages decide = {
	.size = sizeof(struct weir_stages),
@if connect@
	.connect = decide_connect,
@end@
@if helo@
	.helo = decide_helo,
@end@
@if mail@
	.mail = decide_mail,
@end@
@if rcpt@
	.rcpt = decide_rcpt,
@end@
@if eom@
	.eom = decide_eom,
@end@
};

@if edit@
static const struct weir_stages act = {
	.size = sizeof(struct weir_stages),
	.eom = act_eom,
};

@end@
static const struct weir_module module = {
	WEIR_MODULE_HEAD,
	.flags = 0
@if eom@
	    | WEIR_F_WANT_HEADERS
@end@
@if mime@
	    | WEIR_F_WANT_BODY
@end@
	,
	.id = "@ID@",
	.name = "@NAME@",
	.version = "0.1.0",
	.license = "@LICENSE@",
	.summary = "@SUMMARY@",
	.options = options,
	.symbols = symbols,
	.needs = needs,
	.collect = &collect,
	.decide = &decide,
@if edit@
	.act = &act,
@end@
	.create = create,
	.destroy = destroy,
};

WEIR_MODULE_EXPORT(mod_@CNAME@, module)
