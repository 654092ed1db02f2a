/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * puppet - a module that does what the mail tells it, for tests.
 *
 * Fields "X-Puppet: VERB ARGUMENT" of the header are obeyed at the end of the
 * message, in their order; recipients named reject@, defer@ and crash@ at
 * RCPT.  Wishes that the sandbox must refuse are facts: puppet.VERB is the
 * errno, 0 if it was granted.
 */
#include <weir/ext/service.h>
#include <weir/service/learn.h>
#include <weir/service/quarantine.h>
#include <weir/weir.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PUPPET_WORDS 256

struct puppet {
	const struct weir_host *host;
	const struct weir_edit *edit;
	const struct weir_service *service;
	weir_self *self;
};

enum { SYMBOL_SCORE = 0 };

static const struct weir_symbol puppet_symbols[] = {
	{ "PUPPET_SCORE", "The mail asked for it.", 1 },
	{ NULL, NULL, 0 },
};

static const char *const puppet_needs[] = { WEIR_EXT_EDIT, WEIR_EXT_SERVICE,
	NULL };

/* What a verb may need; arg ends with NUL. */
struct puppet_order {
	const struct puppet *p;
	weir_call *call;
	const char *verb;
	const char *arg;
};

typedef int puppet_fn(const struct puppet_order *);

/* puppet_str - a C string as the host wants it */
static weir_str
puppet_str(const char *s)
{
	return (weir_str){ s, strlen(s) };
}

/* puppet_fact - tell how a forbidden thing went */
static int
puppet_fact(const struct puppet_order *o, int error)
{
	char key[64], value[16];

	snprintf(key, sizeof(key), "puppet.%s", o->verb);
	snprintf(value, sizeof(value), "%d", error);
	return o->p->host->fact_set(o->call, WEIR_RCPT_NONE, key,
	    puppet_str(value));
}

/* puppet_fork - a process of one's own */
static int
puppet_fork(const struct puppet_order *o)
{
	pid_t pid = fork();
	int error = pid < 0 ? errno : 0;

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return puppet_fact(o, error);
}

/* puppet_exec - another program */
static int
puppet_exec(const struct puppet_order *o)
{
	char *argv[] = { (char []){ "true" }, NULL };

	execv("/bin/true", argv);
	return puppet_fact(o, errno);
}

/* puppet_write - a file that is none of our business */
static int
puppet_write(const struct puppet_order *o)
{
	int fd = open(o->arg, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	int error = fd < 0 ? errno : 0;

	if (fd >= 0)
		close(fd);
	return puppet_fact(o, error);
}

/* puppet_setuid - root again */
static int
puppet_setuid(const struct puppet_order *o)
{
	return puppet_fact(o, setuid(0) < 0 ? errno : 0);
}

/* puppet_crash - what a bad pointer does */
static int
puppet_crash(const struct puppet_order *o)
{
	(void)o;
	raise(SIGSEGV);
	return WEIR_OK;
}

/* puppet_hang - what an endless loop does */
static int
puppet_hang(const struct puppet_order *o)
{
	volatile bool forever = true;

	(void)o;
	while (forever)
		continue;
	return WEIR_OK;
}

/* puppet_exit - a library that thinks it owns the process */
static int
puppet_exit(const struct puppet_order *o)
{
	exit(atoi(o->arg));
}

/* puppet_fail - the check did not run */
static int
puppet_fail(const struct puppet_order *o)
{
	return o->p->host->fail(o->call, WEIR_E_TEMP, puppet_str(o->arg));
}

/* puppet_score - a finding */
static int
puppet_score(const struct puppet_order *o)
{
	return o->p->host->finding(o->call, SYMBOL_SCORE, WEIR_RCPT_NONE,
	    atof(o->arg), puppet_str("the mail asked for it"));
}

/* puppet_verdict - for all recipients, or the one that arg names */
static int
puppet_verdict(const struct puppet_order *o, uint32_t action)
{
	struct weir_verdict v = { .size = sizeof(v), .action = action,
		.scope = WEIR_SCOPE_MESSAGE, .rcpt = WEIR_RCPT_NONE,
		.text = "the mail asked for it" };

	if (o->arg[0] != '\0') {
		v.scope = WEIR_SCOPE_RCPT;
		v.rcpt = (uint32_t)atoi(o->arg);
	}
	return o->p->host->verdict(o->call, &v);
}

/* puppet_reject - say no */
static int
puppet_reject(const struct puppet_order *o)
{
	return puppet_verdict(o, WEIR_ACT_REJECT);
}

/* puppet_defer - say later */
static int
puppet_defer(const struct puppet_order *o)
{
	return puppet_verdict(o, WEIR_ACT_TEMPFAIL);
}

/* puppet_discard - swallow it */
static int
puppet_discard(const struct puppet_order *o)
{
	return puppet_verdict(o, WEIR_ACT_DISCARD);
}

/* puppet_quarantine - keep it */
static int
puppet_quarantine(const struct puppet_order *o)
{
	return puppet_verdict(o, WEIR_ACT_QUARANTINE);
}

/* puppet_body - another body */
static int
puppet_body(const struct puppet_order *o)
{
	char text[PUPPET_WORDS + 2];

	snprintf(text, sizeof(text), "%s\r\n", o->arg);
	return o->p->edit->body_replace(o->call, puppet_str(text));
}

/* puppet_sender - another sender */
static int
puppet_sender(const struct puppet_order *o)
{
	return o->p->edit->sender_change(o->call, puppet_str(o->arg),
	    puppet_str(""));
}

/* puppet_rcpt_add - one more recipient */
static int
puppet_rcpt_add(const struct puppet_order *o)
{
	return o->p->edit->rcpt_add(o->call, puppet_str(o->arg),
	    puppet_str(""));
}

/* puppet_rcpt_delete - one less, by its number */
static int
puppet_rcpt_delete(const struct puppet_order *o)
{
	return o->p->edit->rcpt_delete(o->call, (uint32_t)atoi(o->arg));
}

/* puppet_hold - into the MTA's own quarantine */
static int
puppet_hold(const struct puppet_order *o)
{
	return o->p->edit->mta_hold(o->call, puppet_str(o->arg));
}

/* puppet_subject - another subject */
static int
puppet_subject(const struct puppet_order *o)
{
	return o->p->edit->header_change(o->call, "Subject", 1,
	    puppet_str(o->arg));
}

/* puppet_kept - the quarantine has answered */
static void
puppet_kept(weir_call *call, int status, weir_str id, void *arg)
{
	const struct puppet *p = arg;
	struct weir_verdict v = { .size = sizeof(v),
		.action = WEIR_ACT_TEMPFAIL, .scope = WEIR_SCOPE_MESSAGE,
		.rcpt = WEIR_RCPT_NONE, .text = "the original is not safe" };

	if (status == WEIR_OK)
		p->host->fact_set(call, WEIR_RCPT_NONE, "puppet.kept", id);
	else
		p->host->verdict(call, &v);
}

/* puppet_original - keep the original as class NUMBER for all recipients */
static int
puppet_original(const struct puppet_order *o)
{
	const struct weir_quarantine *table;
	void *state;

	table = o->p->service->find(o->p->self, WEIR_SERVICE_QUARANTINE,
	    &state);
	if (table == NULL)
		return WEIR_E_UNSUPPORTED;
	return table->keep(state, o->call, (uint32_t)atoi(o->arg),
	    WEIR_RCPT_NONE, puppet_str("the mail asked for it"), puppet_kept,
	    (void *)(uintptr_t)o->p);
}

struct puppet_learned {
	const struct puppet *p;
	weir_hold *hold;
	weir_learn_done *done;
	void *arg;
};

/* puppet_learned - the classifier's answer, later */
static void
puppet_learned(weir_call *call, int status, void *arg)
{
	struct puppet_learned *l = arg;

	/* what is late was held for so long */
	l->done(call, status == WEIR_E_TIMEOUT ? WEIR_OK : status, 0.9, 0.1,
	    l->arg);
	free(l);
}

/* puppet_has - does the mail hold this */
static bool
puppet_has(weir_str message, const char *text)
{
	return memmem(message.ptr, message.len, text, strlen(text)) != NULL;
}

/* puppet_learn - a classifier that only tells what it was told; a mail may want
   it to take two seconds, or not to learn */
static int
puppet_learn(void *state, weir_call *call, bool spam, weir_str user,
    weir_str message, weir_learn_done *done, void *arg)
{
	const struct puppet *p = state;
	struct puppet_learned *l = calloc(1, sizeof(*l));
	char line[400];

	if (l == NULL)
		return WEIR_E_NOMEM;
	if (puppet_has(message, "X-Learn: no")) {
		free(l);
		return WEIR_E_TEMP;
	}
	*l = (struct puppet_learned){ p, NULL, done, arg };
	snprintf(line, sizeof(line), "learned %s of %zu octets for %.*s",
	    spam ? "spam" : "ham", message.len, (int)user.len, user.ptr);
	p->host->log(p->self, NULL, WEIR_LOG_INFO, puppet_str(line));
	l->hold = p->host->hold(call, puppet_has(message, "X-Learn: late") ?
		2000 : 0, puppet_learned, l);
	if (l->hold == NULL) {
		free(l);
		return WEIR_E_LIMIT;
	}
	if (!puppet_has(message, "X-Learn: late"))
		p->host->release(l->hold, WEIR_OK);
	return WEIR_OK;
}

static const struct weir_learn puppet_learn_table = {
	.size = sizeof(struct weir_learn), .learn = puppet_learn
};

static const struct {
	const char *verb;
	uint32_t phase;
	puppet_fn *fn;
} puppet_verbs[] = {
	{ "fork", WEIR_PHASE_COLLECT, puppet_fork },
	{ "exec", WEIR_PHASE_COLLECT, puppet_exec },
	{ "write", WEIR_PHASE_COLLECT, puppet_write },
	{ "setuid", WEIR_PHASE_COLLECT, puppet_setuid },
	{ "crash", WEIR_PHASE_COLLECT, puppet_crash },
	{ "hang", WEIR_PHASE_COLLECT, puppet_hang },
	{ "exit", WEIR_PHASE_COLLECT, puppet_exit },
	{ "fail", WEIR_PHASE_COLLECT, puppet_fail },
	{ "score", WEIR_PHASE_COLLECT, puppet_score },
	{ "reject", WEIR_PHASE_DECIDE, puppet_reject },
	{ "defer", WEIR_PHASE_DECIDE, puppet_defer },
	{ "discard", WEIR_PHASE_DECIDE, puppet_discard },
	{ "quarantine", WEIR_PHASE_DECIDE, puppet_quarantine },
	{ "body", WEIR_PHASE_ACT, puppet_body },
	{ "sender", WEIR_PHASE_ACT, puppet_sender },
	{ "rcpt-add", WEIR_PHASE_ACT, puppet_rcpt_add },
	{ "rcpt-delete", WEIR_PHASE_ACT, puppet_rcpt_delete },
	{ "hold", WEIR_PHASE_ACT, puppet_hold },
	{ "subject", WEIR_PHASE_ACT, puppet_subject },
	{ "original", WEIR_PHASE_ACT, puppet_original },
};

/* puppet_obey - one field, if its verb belongs to this phase */
static int
puppet_obey(const struct puppet *p, weir_call *call, uint32_t phase,
    weir_str value)
{
	char words[PUPPET_WORDS];
	struct puppet_order o = { .p = p, .call = call, .verb = words,
		.arg = "" };
	char *blank;

	while (value.len > 0 && value.ptr[0] == ' ') {
		value.ptr++;
		value.len--;
	}
	if (value.len >= sizeof(words))
		return WEIR_E_INVAL;
	memcpy(words, value.ptr, value.len);
	words[value.len] = '\0';
	blank = strchr(words, ' ');
	if (blank != NULL) {
		*blank = '\0';
		o.arg = blank + 1;
	}
	for (size_t i = 0; i < sizeof(puppet_verbs) / sizeof(*puppet_verbs);
	     i++) {
		if (strcmp(puppet_verbs[i].verb, words) == 0)
			return puppet_verbs[i].phase == phase ?
			    puppet_verbs[i].fn(&o) : WEIR_OK;
	}
	return WEIR_E_INVAL;
}

/* puppet_eom - all fields, for one phase */
static int
puppet_eom(void *state, weir_call *call, uint32_t phase)
{
	const struct puppet *p = state;
	uint32_t n = p->host->header_count(call, "X-Puppet");

	for (uint32_t i = 0; i < n; i++) {
		weir_str name, value;
		int status = p->host->header_at(call, "X-Puppet", i, &name,
		    &value);

		if (status == WEIR_OK)
			status = puppet_obey(p, call, phase, value);
		if (status < 0)
			return status;
	}
	return WEIR_OK;
}

/* puppet_collect_eom - checks */
static int
puppet_collect_eom(void *state, weir_call *call)
{
	return puppet_eom(state, call, WEIR_PHASE_COLLECT);
}

/* puppet_decide_eom - verdicts */
static int
puppet_decide_eom(void *state, weir_call *call)
{
	return puppet_eom(state, call, WEIR_PHASE_DECIDE);
}

/* puppet_act_eom - edits */
static int
puppet_act_eom(void *state, weir_call *call)
{
	return puppet_eom(state, call, WEIR_PHASE_ACT);
}

/* puppet_rcpt - some names are orders */
static int
puppet_rcpt(void *state, weir_call *call, uint32_t rcpt)
{
	const struct puppet *p = state;
	char number[16];
	struct puppet_order o = { .p = p, .call = call, .verb = "rcpt",
		.arg = number };
	weir_str address;

	snprintf(number, sizeof(number), "%u", rcpt);
	if (p->host->attr_get(call, WEIR_A_RCPT, rcpt, &address) != WEIR_OK)
		return WEIR_OK;
	if (address.len > 7 && memcmp(address.ptr, "reject@", 7) == 0)
		return puppet_reject(&o);
	if (address.len > 6 && memcmp(address.ptr, "defer@", 6) == 0)
		return puppet_defer(&o);
	if (address.len > 6 && memcmp(address.ptr, "crash@", 6) == 0)
		return puppet_crash(&o);
	return WEIR_OK;
}

static struct puppet puppet_state;

/* puppet_create - find the tables */
static int
puppet_create(const struct weir_host *host, weir_self *self,
    const weir_conf *conf, void **state)
{
	(void)conf;
	puppet_state.host = host;
	puppet_state.edit = host->ext(self, WEIR_EXT_EDIT);
	puppet_state.service = host->ext(self, WEIR_EXT_SERVICE);
	puppet_state.self = self;
	/* unless a real classifier is there */
	puppet_state.service->provide(self, WEIR_SERVICE_LEARN,
	    &puppet_learn_table, &puppet_state);
	*state = &puppet_state;
	return WEIR_OK;
}

static const struct weir_stages puppet_collect = {
	.size = sizeof(struct weir_stages),
	.eom = puppet_collect_eom,
};

static const struct weir_stages puppet_decide = {
	.size = sizeof(struct weir_stages),
	.rcpt = puppet_rcpt,
	.eom = puppet_decide_eom,
};

static const struct weir_stages puppet_act = {
	.size = sizeof(struct weir_stages),
	.eom = puppet_act_eom,
};

static const struct weir_module puppet_module = {
	WEIR_MODULE_HEAD,
	.flags = WEIR_F_WANT_HEADERS | WEIR_F_WANT_BODY,
	.on_failure = WEIR_ON_FAILURE_TEMPFAIL,
	.id = "weir.puppet",
	.name = "puppet",
	.version = "0.1.0",
	.license = "GPL-2.0-or-later",
	.summary = "does what the mail tells it, for tests",
	.symbols = puppet_symbols,
	.needs = puppet_needs,
	.collect = &puppet_collect,
	.decide = &puppet_decide,
	.act = &puppet_act,
	.create = puppet_create,
};

WEIR_MODULE_EXPORT(mod_puppet, puppet_module)
