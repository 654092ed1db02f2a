/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mod_script - run a custom check script of another mail gateway. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script.h"

#define ROW(name, type, fallback, lo, hi, help) \
	{ name, WEIR_OPT_##type, 0, fallback, lo, hi, NULL, help, NULL }

enum { VIRUS_REJECT, VIRUS_QUARANTINE, VIRUS_DISCARD, VIRUS_TEMPFAIL,
	VIRUS_MARK };
enum { SYMBOL_SCORE, SYMBOL_VIRUS };

static const struct weir_option script_options[] = {
	[OPT_SCRIPT] = { "script", WEIR_OPT_PATH, WEIR_OPT_REQUIRED, NULL,
	    NULL, NULL, NULL,
	    "The program: it is called as `SCRIPT v1 FILE`, FILE holding the "
	    "mail, and answers `v1` and then OK, SCORE: number or VIRUS: name "
	    "on a line.", NULL },
	[OPT_VIRUS] = { "virus", WEIR_OPT_ENUM, 0, "reject", NULL, NULL,
	    "reject|quarantine|discard|tempfail|mark",
	    "What becomes of mail with a virus; mark: only the finding and "
	    "the facts.", NULL },
	[OPT_MAX_TIME] = ROW("max_time", DURATION, "5m", "100ms", "1h",
	    "How long one run may take; then it is ended with all that it "
	    "has started, and the check did not run."),
	[OPT_LINE_ENDS] = { "line_ends", WEIR_OPT_ENUM, 0, "unix", NULL, NULL,
	    "unix|mail",
	    "Do the lines of the file end in LF, or in CR LF as in mail.",
	    NULL },
	[OPT_CONCURRENT] = ROW("concurrent", INT, "4", "1", "64",
	    "Runs at the same time; further mails wait."),
	[OPT_MEMORY_LIMIT] = ROW("memory_limit", SIZE, "1G", "64M", NULL,
	    "Address space of each process."),
	[OPT_STATE_FOLDER] = ROW("state_folder", PATH, NULL, NULL, NULL,
	    "A folder that the script may write to, besides its TMPDIR, /tmp "
	    "and /var/tmp; the workers' user needs the rights, too."),
	{ NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }
};

static const struct weir_symbol script_symbols[] = {
	[SYMBOL_SCORE] = { "SCRIPT_SCORE",
	    "The check script gives the mail a score, which is multiplied "
	    "with this weight.", 1.0 },
	[SYMBOL_VIRUS] = { "SCRIPT_VIRUS",
	    "The check script says that the mail is infected.", 15.0 },
	{ NULL, NULL, 0 }
};

static const char *const script_needs[] = { WEIR_EXT_REMOTE, WEIR_EXT_METRIC,
	NULL };

struct script {
	const struct weir_host *host;
	weir_self *self;
	const struct weir_remote *remote;
	const struct weir_metric *metric;
	int64_t virus;
	int runs[ANSWER_NONE + 1], seconds; /* metrics */
};

static const char *const words[] = { [ANSWER_OK] = "ok",
	[ANSWER_SCORED] = "score",
	[ANSWER_VIRUS] = "virus",
	[ANSWER_NONE] = "failed" };

/* script_fact - one result for rules and the log */
static void
script_fact(
    const struct script *m, weir_call *call, const char *key, const char *value)
{
	m->host->fact_set(call, WEIR_RCPT_NONE, key, weir_str_of(value));
}

/* script_fail - the check did not run */
static void
script_fail(
    const struct script *m, weir_call *call, int status, const char *why)
{
	m->metric->add(m->self, m->runs[ANSWER_NONE], 1);
	script_fact(m, call, "script.result", words[ANSWER_NONE]);
	m->host->fail(call, status, weir_str_of(why));
}

/* script_take - the helper's answer, which may be anything */
static bool
script_take(weir_str response, struct script_result *out)
{
	if (response.len != sizeof(*out))
		return false;
	memcpy(out, response.ptr, sizeof(*out));
	out->text[sizeof(out->text) - 1] = '\0';
	return out->kind <= ANSWER_NONE && out->score >= -ANSWER_SCORE &&
	    out->score <= ANSWER_SCORE;
}

/* script_state - facts and a finding */
static void
script_state(
    const struct script *m, weir_call *call, const struct script_result *r)
{
	char text[64];

	script_fact(m, call, "script.result", words[r->kind]);
	if (r->kind == ANSWER_VIRUS) {
		script_fact(m, call, "script.virus", r->text);
		m->host->finding(call, SYMBOL_VIRUS, WEIR_RCPT_NONE, 1.0,
		    weir_str_of(r->text));
	}
	if (r->kind != ANSWER_SCORED)
		return;
	snprintf(text, sizeof(text), "%g", r->score);
	script_fact(m, call, "script.score", text);
	snprintf(text, sizeof(text), "the script says SCORE: %g", r->score);
	m->host->finding(
	    call, SYMBOL_SCORE, WEIR_RCPT_NONE, r->score, weir_str_of(text));
}

/* script_done - the run is over */
static void
script_done(weir_call *call, int status, weir_str response, void *arg)
{
	struct script *m = arg;
	struct script_result r;

	if (status == WEIR_E_CANCELLED)
		return;
	if (status != WEIR_OK || !script_take(response, &r)) {
		script_fail(m, call, status < 0 ? status : WEIR_E_INTERNAL,
		    status == WEIR_E_TIMEOUT ? "the script took too long"
			: status == WEIR_E_INTERNAL
			? "this mail has ended the "
			  "script's helper twice"
			: "the script's helper is gone");
		return;
	}
	m->metric->observe(m->self, m->seconds, r.ms / 1000.0);
	if (r.kind == ANSWER_NONE) {
		char why[SCRIPT_WHY + 20];

		snprintf(why, sizeof(why), "the script: %s", r.text);
		script_fail(m, call, WEIR_E_TEMP, why);
		return;
	}
	m->metric->add(m->self, m->runs[r.kind], 1);
	script_state(m, call, &r);
}

/* script_eom - collect.eom: run it */
static int
script_eom(void *state, weir_call *call)
{
	struct script *m = state;

	return m->remote->start(
	    call, 0, (weir_str) { "", 0 }, WEIR_REMOTE_MESSAGE, script_done, m);
}

/* script_decide - decide.eom: what a virus entails */
static int
script_decide(void *state, weir_call *call)
{
	static const struct {
		uint32_t action, code;
		const char *enhanced;
	} actions[] = { [VIRUS_REJECT] = {WEIR_ACT_REJECT, 554, "5.7.1"},
	    [VIRUS_QUARANTINE] = {WEIR_ACT_QUARANTINE, 0, NULL},
	    [VIRUS_DISCARD] = {WEIR_ACT_DISCARD, 0, NULL},
	    [VIRUS_TEMPFAIL] = {WEIR_ACT_TEMPFAIL, 451, "4.7.1"}};
	struct script *m = state;
	char text[ANSWER_NAME + 64];
	struct weir_verdict v = { .size = sizeof(v),
	    .scope = WEIR_SCOPE_MESSAGE,
	    .rcpt = WEIR_RCPT_NONE,
	    .text = text };
	weir_str name;

	if (m->virus == VIRUS_MARK ||
	    m->host->fact_get(call, WEIR_RCPT_NONE, "script.virus", &name) < 0)
		return WEIR_OK;
	snprintf(text, sizeof(text), "Message contains malware (%.*s)",
	    (int)name.len, name.ptr);
	v.action = actions[m->virus].action;
	v.smtp_code = actions[m->virus].code;
	v.enhanced = actions[m->virus].enhanced;
	return m->host->verdict(call, &v);
}

/* script_create - options and metrics */
static int
script_create(const struct weir_host *host, weir_self *self,
    const weir_conf *conf, void **state)
{
	struct script *m = calloc(1, sizeof(*m));
	char label[40];

	if (m == NULL)
		return WEIR_E_NOMEM;
	m->host = host;
	m->self = self;
	m->remote = host->ext(self, WEIR_EXT_REMOTE);
	m->metric = host->ext(self, WEIR_EXT_METRIC);
	m->virus = host->conf_int(conf, OPT_VIRUS);
	for (int k = 0; k <= ANSWER_NONE; k++) {
		snprintf(label, sizeof(label), "result=\"%s\"", words[k]);
		m->runs[k] = m->metric->counter(
		    self, "runs", label, "Runs of the script by result.");
	}
	m->seconds = m->metric->histogram(
	    self, "run_seconds", NULL, "How long runs took.");
	*state = m;
	return WEIR_OK;
}

static const struct weir_stages script_collect_stages = {
	.size = sizeof(struct weir_stages), .eom = script_eom };
static const struct weir_stages script_decide_stages = {
	.size = sizeof(struct weir_stages), .eom = script_decide };
static const struct weir_helper *const script_helpers[] = { &script_helper,
	NULL };

static const struct weir_module script_module = {
	WEIR_MODULE_HEAD,
	.flags = WEIR_F_WANT_BODY,
	.on_failure = WEIR_ON_FAILURE_TEMPFAIL,
	.id = "org.weir.script",
	.name = "script",
	.version = "0.1.0",
	.license = "GPL-2.0-or-later",
	.summary = "runs a custom check script (v1 FILE)",
	.options = script_options,
	.symbols = script_symbols,
	.needs = script_needs,
	.collect = &script_collect_stages,
	.decide = &script_decide_stages,
	.create = script_create,
	.destroy = free,
	.helpers = script_helpers,
	/* more than max_time, which says more when it ends a run */
	.timeout_ms = 310000
};

WEIR_MODULE_EXPORT(mod_script, script_module)
