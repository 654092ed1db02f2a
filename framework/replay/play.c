/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay/play.h"

#include <stdio.h>
#include <string.h>

#include <weir/ext/job.h>
#include <weir/ext/service.h>
#include <weir/ext/store.h>

#include "base/clock.h"
#include "base/text.h"
#include "daemon/engine.h"
#include "daemon/helpers_specs.h"
#include "daemon/privs.h"
#include "dns/resolver.h"
#include "host/limits.h"
#include "host/registry.h"
#include "host/trial.h"
#include "lua/mod_rules.h"
#include "mail/message.h"
#include "mail/session.h"
#include "pipe/plan.h"
#include "pipe/run.h"
#include "replay/recorder.h"
#include "work/helper_spec.h"

const char *const play_reasons[PLAY_REASONS] = {
	[PLAY_DNS] = "a DNS answer was not recorded",
	[PLAY_BODY] = "the body was not recorded",
	[PLAY_STORE] = "the store is not recorded",
	[PLAY_OPTIONS] = "a module that is not run has other options now",
	[PLAY_ABSENT] = "a module that is not run was not there",
	[PLAY_UNASKED] = "a module that is not run had not been asked",
	[PLAY_WEIGHT] = "a symbol that counted for nothing counts now",
	[PLAY_HEADER] = "the header was longer than its limits",
	[PLAY_FAILED] = "a module could not check here"
};

static struct {
	const struct conf *conf;
	uint64_t *digests; /* of its modules */
	struct buf helpers; /* what it would start */
	struct pool *pool; /* of descriptors and digests */
	struct tape *tape;
	uint64_t store_uses;
	bool uncertain[PLAY_REASONS];
	char about[PLAY_REASONS][300];
} play;

/* play_doubt - the decision is not certain; about: the first is kept */
static void
play_doubt(enum play_reason reason, const char *about)
{
	if (play.uncertain[reason])
		return;
	play.uncertain[reason] = true;
	snprintf(play.about[reason], sizeof(play.about[reason]), "%s", about);
}

/* play_is_uncertain - is it */
bool
play_is_uncertain(enum play_reason reason, const char **about)
{
	*about = play.about[reason];
	return play.uncertain[reason];
}

/* play_on_missed - nobody asked for that when it was recorded */
static void
play_on_missed(const char *name, uint16_t type)
{
	char about[300];

	snprintf(about, sizeof(about), "%.250s, type %u", name, type);
	play_doubt(PLAY_DNS, about);
}

static int
play_create(const struct weir_host *host, weir_self *self,
    const weir_conf *conf, void **state)
{
	(void)host;
	(void)self;
	(void)conf;
	*state = NULL;
	return WEIR_OK;
}

/* Never called: play_stand_in is asked before. */
static int
play_nothing(void *state, weir_call *call)
{
	(void)state;
	(void)call;
	return WEIR_OK;
}

static int
play_nothing_rcpt(void *state, weir_call *call, uint32_t rcpt)
{
	(void)rcpt;
	return play_nothing(state, call);
}

static const struct weir_stages play_stages = { .size = sizeof(play_stages),
	.connect = play_nothing, .helo = play_nothing, .mail = play_nothing,
	.rcpt = play_nothing_rcpt, .data = play_nothing, .eoh = play_nothing,
	.eom = play_nothing };

/* play_is_rules - the site's rules; loading may have copied the descriptor */
static bool
play_is_rules(const struct weir_module *d)
{
	return d->create == mod_rules.create;
}

/* play_has_helper - is a process of the module's own started with these
   options */
static bool
play_has_helper(const char *module)
{
	const char *p = play.helpers.ptr;
	size_t left = play.helpers.len;
	struct helper_spec spec;
	bool found = false;

	while (!found && left > 0 &&
	    helper_spec_get(&p, &left, &spec) == WEIR_OK) {
		found = strcmp(spec.module, module) == 0;
		helper_spec_fini(&spec);
	}
	return found;
}

/* play_is_alone - does it need nothing that a replay has not */
static bool
play_is_alone(const struct weir_module *d)
{
	static const char *const outside[] = { WEIR_EXT_STORE, WEIR_EXT_JOB,
		WEIR_EXT_SERVICE, NULL };

	if (play_is_rules(d))
		return true;
	if (play_has_helper(d->name))
		return false;
	for (size_t i = 0; d->needs != NULL && d->needs[i] != NULL; i++) {
		for (size_t k = 0; outside[k] != NULL; k++) {
			if (strcmp(d->needs[i], outside[k]) == 0)
				return false;
		}
	}
	return true;
}

/* play_replace - one that is not alone becomes a speaker of its tape */
static const struct weir_module *
play_replace(const struct weir_module *d)
{
	struct weir_module *copy;

	if (play_is_alone(d))
		return d;
	copy = pool_new(play.pool, struct weir_module);
	*copy = *d;
	copy->flags = 0;
	copy->needs = NULL;
	copy->collect = copy->decide = &play_stages;
	copy->act = NULL;
	copy->create = play_create;
	copy->destroy = NULL;
	copy->message_end = copy->session_end = NULL;
	copy->helpers = NULL;
	return copy;
}

/* play_is_due - is this note said by the module now, for the first time */
static bool
play_is_due(const struct tape_note *n, const struct module *m,
    const struct session *s, int stage, uint32_t rcpt)
{
	if (n->used || n->stage > stage || !text_equals(n->module, m->name) ||
	    (!n->of_session && s->message == NULL))
		return false;
	return n->rcpt == WEIR_RCPT_NONE || n->stage != WEIR_STAGE_RCPT ||
	    n->rcpt == rcpt || stage > WEIR_STAGE_RCPT;
}

/* play_notes - where it goes */
static struct notes *
play_notes(const struct tape_note *n, struct session *s, struct pool **pool)
{
	*pool = n->of_session ? s->pool : s->message->pool;
	return n->of_session ? &s->notes : &s->message->notes;
}

/* play_score - with today's weight; symbol: as the module spells it */
static double
play_score(const struct tape_note *n, const struct module *m,
    const char **symbol)
{
	const struct weir_symbol *symbols = m->descriptor->symbols;

	for (uint32_t i = 0; i < m->nsymbols; i++) {
		if (!text_equals(n->name, symbols[i].name))
			continue;
		*symbol = symbols[i].name;
		if (n->weight == m->scores[i])
			return n->score;
		if (n->weight == 0 || (n->shadow && !m->shadow)) {
			play_doubt(PLAY_WEIGHT, *symbol);
			return 0;
		}
		return n->score / n->weight * m->scores[i];
	}
	return n->score;
}

/* play_finding - state it again */
static void
play_finding(struct tape_note *n, struct module *m, struct session *s)
{
	struct finding f = { .module = m, .symbol = n->name.ptr,
		.rcpt = n->rcpt, .stage = (uint8_t)n->stage,
		.shadow = m->shadow, .reason = n->text };
	struct pool *pool;
	struct notes *notes = play_notes(n, s, &pool);

	f.score = play_score(n, m, &f.symbol);
	if (f.symbol == n->name.ptr)
		f.symbol = pool_strdup(pool, f.symbol);
	notes_finding(notes, pool, &f);
	n->used = true;
}

/* play_fact - set it again */
static void
play_fact(struct tape_note *n, struct module *m, struct session *s)
{
	struct fact f = { .module = m, .rcpt = n->rcpt,
		.stage = (uint8_t)n->stage, .shadow = m->shadow,
		.key = (char *)(uintptr_t)n->name.ptr, .value = n->text };
	struct pool *pool;
	struct notes *notes = play_notes(n, s, &pool);

	notes_fact(notes, pool, &f);
	n->used = true;
}

/* play_opinion - state the verdict again */
static void
play_opinion(struct tape_note *n, struct module *m, struct session *s)
{
	struct opinion o = { .module = m, .action = n->action,
		.scope = n->scope, .rcpt = n->rcpt, .smtp_code = n->code,
		.stage = (uint8_t)n->stage, .shadow = m->shadow,
		.enhanced = n->name.len > 0 ? n->name.ptr : NULL,
		.text = n->text.len > 0 ? n->text.ptr : NULL };
	struct pool *pool;
	struct notes *notes = play_notes(n, s, &pool);

	notes_opinion(notes, pool, &o);
	n->used = true;
}

/* play_unscanned - it did not run then, either */
static void
play_unscanned(struct tape_note *n, struct module *m, struct session *s)
{
	struct unscanned u = { .module = m, .status = n->status,
		.stage = (uint8_t)n->stage, .shadow = m->shadow,
		.reason = n->text };
	struct pool *pool;
	struct notes *notes = play_notes(n, s, &pool);

	notes_unscanned(notes, pool, &u);
	n->used = true;
}

/* play_all - the due ones of a kind; how many */
#define play_all(kind, each) \
	do { \
		for (size_t i = 0; i < play.tape->kind.n; i++) { \
			struct tape_note *n = &play.tape->kind.v[i]; \
			if (play_is_due(n, m, s, stage, rcpt) && \
			    (n->rcpt == WEIR_RCPT_NONE || \
				(s->message != NULL && \
				    n->rcpt < s->message->nrcpts))) { \
				each(n, m, s); \
				said++; \
			} \
		} \
	} while (0)

/* play_accepted - had somebody accepted by then, so that it was not asked */
static bool
play_accepted(int stage, uint32_t rcpt)
{
	for (size_t i = 0; i < play.tape->opinions.n; i++) {
		const struct tape_note *n = &play.tape->opinions.v[i];

		if (!n->shadow && n->action == WEIR_ACT_ACCEPT &&
		    n->stage <= stage && (n->scope != WEIR_SCOPE_RCPT ||
			n->rcpt == rcpt))
			return true;
	}
	return false;
}

/* play_digest - of the module as it is configured now */
static uint64_t
play_digest(const struct module *m)
{
	for (size_t i = 0; i < play.conf->n_modules; i++) {
		if (strcmp(play.conf->modules[i].name, m->name) == 0)
			return play.digests[i];
	}
	return 0;
}

/* play_check - can what it said then be what it would say now */
static void
play_check(const struct module *m)
{
	for (size_t i = 0; i < play.tape->modules.n; i++) {
		if (!text_equals(play.tape->modules.v[i].name, m->name))
			continue;
		if (play.tape->modules.v[i].digest != play_digest(m))
			play_doubt(PLAY_OPTIONS, m->name);
		return;
	}
	play_doubt(PLAY_ABSENT, m->name);
}

/* play_speak - say what the module said at this stage */
static void
play_speak(struct module *m, struct session *s, int stage, int phase,
    uint32_t rcpt, bool replaced)
{
	unsigned said = 0;

	play_check(m);
	if (phase == WEIR_PHASE_COLLECT || !replaced) {
		play_all(findings, play_finding);
		play_all(facts, play_fact);
		play_all(unscanned, play_unscanned);
	}
	if (phase == WEIR_PHASE_DECIDE || !replaced)
		play_all(opinions, play_opinion);
	if (said == 0 && play_accepted(stage, rcpt))
		play_doubt(PLAY_UNASKED, m->name);
}

/* play_stand_in - the pipeline is about to call a module */
static bool
play_stand_in(struct module *m, struct session *s, int stage, int phase,
    uint32_t rcpt)
{
	bool replaced = m->descriptor->create == play_create;

	if (!replaced) {
		if (play_is_rules(m->descriptor) || play.tape->has_body ||
		    stage < WEIR_STAGE_DATA || s->message == NULL)
			return false;
		/* without the body it may say something else */
		if ((m->flags & WEIR_F_WANT_BODY) == 0 &&
		    !plan_has(m, WEIR_STAGE_BODY, WEIR_PHASE_COLLECT) &&
		    !plan_has(m, WEIR_STAGE_BODY, WEIR_PHASE_DECIDE))
			return false;
		if (stage == WEIR_STAGE_HEADER || stage == WEIR_STAGE_BODY ||
		    phase == WEIR_PHASE_ACT)
			return true;
	}
	play_speak(m, s, stage, phase, rcpt, replaced);
	return true;
}

/* play_open - an engine that reaches nothing */
int
play_open(const struct conf *conf, struct err *err)
{
	/* the store in memory may need a file for it */
	static const char *const writable[] = { "/dev", "/tmp", NULL };
	struct err why = { "" };
	int status;

	play.conf = conf;
	play.pool = pool_create(4096, 0);
	play.digests = pool_array(play.pool, uint64_t, conf->n_modules + 1);
	for (size_t i = 0; i < conf->n_modules; i++)
		play.digests[i] = recorder_digest(conf,
		    conf->modules[i].name);
	status = helpers_specs(conf, &play.helpers, err);
	if (status < 0)
		return status;
	registry_replace = play_replace;
	run_stand_in = play_stand_in;
	host_is_still = true;
	status = privs_no_network(err);
	if (status == WEIR_OK)
		status = privs_landlock(writable, &why);
	if (status < 0 && status != WEIR_E_UNSUPPORTED) {
		if (err->text[0] == '\0')
			*err = why;
		return status;
	}
	return engine_start(conf, ENGINE_REPLAY, err);
}

/* play_close - down again */
void
play_close(void)
{
	engine_stop();
	registry_replace = NULL;
	run_stand_in = NULL;
	host_is_still = false;
	pool_destroy(&play.pool);
	buf_fini(&play.helpers);
}

/* play_begin - this tape */
void
play_begin(struct tape *t)
{
	struct tape_note *v[] = { t->findings.v, t->facts.v, t->opinions.v,
		t->unscanned.v };
	const size_t n[] = { t->findings.n, t->facts.n, t->opinions.n,
		t->unscanned.n };

	play.tape = t;
	memset(play.uncertain, 0, sizeof(play.uncertain));
	for (int k = 0; k < 4; k++) {
		for (size_t i = 0; i < n[k]; i++)
			v[k][i].used = false;
	}
	dns_recorded_clear(play_on_missed);
	for (size_t i = 0; i < t->dns.n; i++)
		dns_recorded_add(t->dns.v[i].name.ptr, t->dns.v[i].type,
		    &t->dns.v[i].answer);
	/* 0 would be real time */
	clock_set_wall(t->time_ms > 0 ? t->time_ms : 1);
	play.store_uses = trial_counts.stores;
	if (t->headers_cut)
		play_doubt(PLAY_HEADER, "");
}

/* play_failures - checks that did not run and had run; a rule that fails is
   what the configuration does */
static void
play_failures(const struct notes *n)
{
	for (const struct unscanned *u = n->unscanned; u != NULL;
	     u = u->next) {
		bool known = u->module == NULL ||
		    play_is_rules(u->module->descriptor);

		for (size_t i = 0; i < play.tape->unscanned.n && !known; i++)
			known = text_equals(play.tape->unscanned.v[i].module,
			    u->module->name);
		if (!known)
			play_doubt(PLAY_FAILED, u->module->name);
	}
}

/* play_end - what shows only now */
void
play_end(const struct session *s)
{
	const struct message *m = s->message;

	play_failures(&s->notes);
	if (m != NULL)
		play_failures(&m->notes);
	if (m != NULL && m->body_missed)
		play_doubt(PLAY_BODY, "");
	if (trial_counts.stores != play.store_uses)
		play_doubt(PLAY_STORE, "");
}
