/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pipe/run.h"

#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/map.h"
#include "base/pool.h"
#include "base/text.h"
#include "obs/log.h"
#include "pipe/guard.h"
#include "pipe/plan.h"
#include "pipe/run_int.h"
#include "pipe/settle.h"

/* a mail that killed so many workers is shown to no module again */
#define RUN_DEATHS 2
/* and after so many a keeper is not asked to keep it either */
#define RUN_DEATHS_KEEPER 4

struct run {
	struct session *session;
	struct list calls; /* open ones */
	uint32_t open;	   /* their number */
	uint32_t rcpt;
	int stage, phase;
	uint32_t wave;
	bool active;
	bool advancing; /* run_advance is on the stack */
	run_done_fn *done;
};

static struct run_wants wants;
bool (*run_stand_in)(struct module *, struct session *, int, int, uint32_t);
static int64_t message_timeout_ms = 45000;

/* run_wants - as run_wants_build left it */
const struct run_wants *
run_wants(void)
{
	return &wants;
}

/* run_wants_build - what the plan and the host's record need of the MTA */
void
run_wants_build(bool host_envelope, int64_t message_timeout)
{
	memset(&wants, 0, sizeof(wants));
	message_timeout_ms = message_timeout;
	for (int s = 0; s < WEIR_STAGE_COUNT; s++) {
		for (uint32_t i = 0; i < plan_module_count(); i++) {
			const struct module *m = plan_module(i);
			bool pass = m->on_failure[0] == WEIR_ON_FAILURE_PASS &&
			    m->on_failure[1] == WEIR_ON_FAILURE_PASS;

			for (int p = 0; p < WEIR_PHASE_COUNT; p++)
				wants.stage[s] |= plan_has(m, s, p);
			/* a check that fails may have to be answered for; one
			   that only reports can wait for the next answer */
			wants.answer[s] |= plan_has(m, s, WEIR_PHASE_DECIDE) ||
			    (s == WEIR_STAGE_RCPT && !pass &&
				plan_has(m, s, WEIR_PHASE_COLLECT));
		}
	}
	for (uint32_t i = 0; i < plan_module_count(); i++) {
		const struct module *m = plan_module(i);

		wants.headers |= (m->flags & WEIR_F_WANT_HEADERS) != 0;
		wants.spool |= (m->flags & WEIR_F_WANT_BODY) != 0;
		if (m->descriptor->act != NULL)
			wants.edits = EDIT_CAP_ALL;
		for (uint32_t k = 0; m->descriptor->needs != NULL &&
		     m->descriptor->needs[k] != NULL;
		     k++) {
			if (strcmp(m->descriptor->needs[k], "weir.edit/1") == 0)
				wants.edits = EDIT_CAP_ALL;
		}
	}
	if (plan_module_count() > 0) {
		/* recipients that leave the envelope, the MTA's quarantine */
		wants.edits |= EDIT_CAP(EDIT_RCPT_DELETE) | EDIT_CAP(EDIT_HOLD);
	}
	if (settle_policy_get() == SETTLE_TEMPFAIL_OTHERS)
		wants.stage[WEIR_STAGE_RCPT] = wants.answer[WEIR_STAGE_RCPT] =
		    true;
	wants.headers |= wants.spool;
	wants.stage[WEIR_STAGE_HEADER] |= wants.headers;
	wants.stage[WEIR_STAGE_BODY] |= wants.spool;
	if (host_envelope || plan_module_count() > 0) {
		wants.stage[WEIR_STAGE_CONNECT] = true;
		wants.stage[WEIR_STAGE_HELO] = true;
		wants.stage[WEIR_STAGE_MAIL] = true;
		wants.stage[WEIR_STAGE_RCPT] = true;
	}
	wants.stage[WEIR_STAGE_EOM] = wants.answer[WEIR_STAGE_EOM] = true;
}

/* run_wants_tape - header and perhaps body for the host */
void
run_wants_tape(bool bodies)
{
	wants.headers = true;
	wants.spool |= bodies;
	wants.stage[WEIR_STAGE_HEADER] = true;
	wants.stage[WEIR_STAGE_BODY] |= bodies;
}

/* run_table - a module's callbacks for a phase */
static const struct weir_stages *
run_table(const struct module *m, int phase)
{
	return phase == WEIR_PHASE_COLLECT ? m->descriptor->collect :
	    phase == WEIR_PHASE_DECIDE	   ? m->descriptor->decide :
					     m->descriptor->act;
}

/* run_invoke - into the module's code; text: what header and body get */
static int
run_invoke(const struct module *m, struct call *c, const weir_str *text)
{
	const struct weir_stages *t = run_table(m, c->phase);
	weir_call *h = call_handle(c);

	switch (c->stage) {
	case WEIR_STAGE_CONNECT:
		return t->connect(m->state, h);
	case WEIR_STAGE_HELO:
		return t->helo(m->state, h);
	case WEIR_STAGE_MAIL:
		return t->mail(m->state, h);
	case WEIR_STAGE_RCPT:
		return t->rcpt(m->state, h, c->rcpt);
	case WEIR_STAGE_DATA:
		return t->data(m->state, h);
	case WEIR_STAGE_HEADER:
		return t->header(m->state, h, text[0], text[1]);
	case WEIR_STAGE_EOH:
		return t->eoh(m->state, h);
	case WEIR_STAGE_BODY:
		return t->body(m->state, h, text[0]);
	case WEIR_STAGE_EOM:
		return t->eom(m->state, h);
	default:
		panic("no stage %d", c->stage);
	}
}

/* run_is_accepted - did a module say that no later check is to be asked */
static bool
run_is_accepted(const struct session *s, uint32_t rcpt)
{
	const struct message *m = s->message;

	if (s->notes.accepted)
		return true;
	if (m == NULL)
		return false;
	if (m->notes.accepted)
		return true;
	if (rcpt == WEIR_RCPT_NONE)
		return false;
	for (const struct opinion *o = m->notes.opinions; o != NULL;
	     o = o->next) {
		if (!o->shadow && o->action == WEIR_ACT_ACCEPT &&
		    o->scope == WEIR_SCOPE_RCPT && o->rcpt == rcpt)
			return true;
	}
	return false;
}

/* run_keeps - is it a keeper at its work, which is shown poison and mail that
   is being released, too */
static bool
run_keeps(const struct message *msg, const struct module *m, int phase)
{
	return (m->descriptor->flags & WEIR_F_KEEPER) != 0 &&
	    phase == WEIR_PHASE_ACT && !msg->spurned;
}

/* run_is_blind - is the module asked about content that never came?  That is
   nobody's failure, but it is not a check that passed, either. */
static bool
run_is_blind(const struct module *m, const struct message *msg, int stage,
    int phase)
{
	return msg != NULL && msg->no_content && stage == WEIR_STAGE_EOM &&
	    phase == WEIR_PHASE_COLLECT &&
	    ((m->flags & (WEIR_F_WANT_HEADERS | WEIR_F_WANT_BODY)) != 0 ||
		plan_has(m, WEIR_STAGE_HEADER, phase) ||
		plan_has(m, WEIR_STAGE_BODY, phase));
}

/* run_blind - note it; on_failure is not asked */
static void
run_blind(struct module *m, struct message *msg)
{
	struct unscanned u = { .module = m, .status = WEIR_E_UNSUPPORTED,
		.stage = WEIR_STAGE_EOM, .shadow = m->shadow,
		.reason = text_slice("policy delegation brings no content") };

	notes_unscanned(&msg->notes, msg->pool, &u);
}

/* run_one - call one module; text as for run_invoke, or NULL */
static void
run_one(struct session *s, struct run *run, struct module *m, int stage,
    int phase, uint32_t rcpt, const weir_str *text)
{
	struct call *c;
	int status;

	if (phase != WEIR_PHASE_ACT && run_is_accepted(s, rcpt))
		return;
	if (s->message != NULL &&
	    (s->message->poison || s->message->exempt != NULL) &&
	    !run_keeps(s->message, m, phase))
		return;
	if (run_is_blind(m, s->message, stage, phase)) {
		run_blind(m, s->message);
		return;
	}
	if (run_stand_in != NULL && run_stand_in(m, s, stage, phase, rcpt))
		return;
	if (guard_is_benched(m)) {
		run_failed(m, s, s->message, stage, rcpt, WEIR_E_TEMP,
		    text_slice("benched after repeated crashes"));
		return;
	}
	c = call_begin(m, s, s->message, stage, phase, rcpt);
	if (run != NULL) {
		c->run = run;
		list_append(&run->calls, &c->run_node);
		run->open++;
	}
	call_enter(c);
	status = run_invoke(m, c, text);
	if (status < 0)
		call_fail(c, status, text_slice(status_name(status)));
	if (status < 0 && c->pending > 0)
		call_cancel(c, WEIR_E_CANCELLED);
	call_leave(c);
}

/* run_wave - start all modules of a wave side by side */
static void
run_wave(struct run *run, const struct plan_wave *wave)
{
	for (uint32_t i = 0; i < wave->n && run->active; i++)
		run_one(run->session, run, wave->modules[i], run->stage,
		    run->phase, run->rcpt, NULL);
}

/* run_advance - wave after wave, phase after phase; true when finished */
static bool
run_advance(struct run *run)
{
	run->advancing = true;
	guard_chain(true);
	while (run->active && run->open == 0) {
		const struct plan_phase *p = plan_phase(run->stage, run->phase);

		if (run->wave < p->n) {
			run_wave(run, &p->waves[run->wave++]);
			continue;
		}
		run->wave = 0;
		if (++run->phase == WEIR_PHASE_COUNT)
			run->active = false;
	}
	guard_chain(false);
	run->advancing = false;
	return !run->active;
}

/* run_call_closed - go on when that was the last open call of the wave */
void
run_call_closed(struct run *run)
{
	expect(run->open > 0);
	if (--run->open > 0 || run->advancing || !run->active)
		return;
	if (run_advance(run))
		run->done(run->session, (enum weir_stage)run->stage,
		    run->rcpt);
}

/* run_one_rcpt_only - `disagree = tempfail-others`: a recipient a transaction */
static bool
run_one_rcpt_only(struct session *s, uint32_t rcpt)
{
	struct message *m = s->message;
	struct opinion o = { .action = WEIR_ACT_TEMPFAIL,
		.scope = WEIR_SCOPE_RCPT, .rcpt = rcpt, .smtp_code = 452,
		.stage = WEIR_STAGE_RCPT, .enhanced = "4.5.3",
		.text = "One recipient at a time, please" };

	if (settle_policy_get() != SETTLE_TEMPFAIL_OTHERS || s->is_out)
		return false;
	for (uint32_t i = 0; i < m->nrcpts; i++) {
		if (i != rcpt && !m->rcpts[i].refused) {
			notes_opinion(&m->notes, m->pool, &o);
			return true;
		}
	}
	return false;
}

/* run_fingerprint - tell a mail by its both ends: what crashes a filter is
   sent again unchanged, and a large mail need not be read for this */
static uint64_t
run_fingerprint(weir_str raw)
{
	const size_t end = 2048;
	uint64_t h = map_hash(raw.ptr, raw.len < end ? raw.len : end);

	if (raw.len > end)
		h ^= map_hash(raw.ptr + raw.len - end, end) << 1;
	return (h ^ raw.len) | 1; /* 0 stands for none */
}

/* run_poison - eom begins: have workers died of this very mail */
static void
run_poison(struct session *s, struct message *m)
{
	struct opinion o = { .action = WEIR_ACT_QUARANTINE,
		.scope = WEIR_SCOPE_MESSAGE, .rcpt = WEIR_RCPT_NONE,
		.stage = WEIR_STAGE_EOM,
		.text = "filtering this message crashed before" };
	weir_str raw;

	if (!wants.spool || m->bodyless || message_raw(m, &raw) < 0)
		return;
	m->fingerprint = run_fingerprint(raw);
	if (guard_deaths(m->fingerprint) < RUN_DEATHS)
		return;
	m->poison = true;
	m->spurned = guard_deaths(m->fingerprint) >= RUN_DEATHS_KEEPER;
	/* without a quarantine settle makes this a tempfail */
	notes_opinion(&m->notes, m->pool, &o);
	log_event(WEIR_LOG_WARN, LOG_MESSAGE_POISON,
	    "message %s of client %s killed workers before: it is held", m->id,
	    s->client_text);
}

/* run_stage - take an event through the plan */
bool
run_stage(struct session *s, enum weir_stage stage, uint32_t rcpt,
    run_done_fn *done)
{
	struct run *run = s->run;

	expect(stage != WEIR_STAGE_HEADER && stage != WEIR_STAGE_BODY);
	s->stage = (uint8_t)stage;
	if (s->message != NULL)
		s->message->stage = (uint8_t)stage;
	if (stage == WEIR_STAGE_HELO)
		notes_forget(&s->notes, WEIR_STAGE_HELO);
	if (stage == WEIR_STAGE_EOM && s->message != NULL)
		s->message->deadline_ms = clock_mono_ms() + message_timeout_ms;
	if (stage == WEIR_STAGE_EOM && s->message != NULL &&
	    plan_phase(stage, 0)->n + plan_phase(stage, 1)->n > 0)
		run_poison(s, s->message);
	if (stage == WEIR_STAGE_RCPT && run_one_rcpt_only(s, rcpt))
		return true;
	if (plan_phase(stage, 0)->n + plan_phase(stage, 1)->n +
		plan_phase(stage, 2)->n == 0)
		return true;
	if (run == NULL) {
		run = s->run = pool_new(s->pool, struct run);
		run->session = s;
		list_init(&run->calls);
	}
	expect(!run->active);
	run->stage = stage;
	run->phase = WEIR_PHASE_COLLECT;
	run->wave = 0;
	run->rcpt = rcpt;
	run->done = done;
	run->active = true;
	return run_advance(run);
}

/* run_event - header field or body chunk through all phases, no waiting */
static void
run_event(struct session *s, int stage, weir_str a, weir_str b)
{
	const weir_str text[2] = { a, b };

	guard_chain(true);
	for (int p = 0; p < WEIR_PHASE_COUNT; p++) {
		const struct plan_phase *ph = plan_phase(stage, p);

		for (uint32_t w = 0; w < ph->n; w++) {
			for (uint32_t i = 0; i < ph->waves[w].n; i++)
				run_one(s, NULL, ph->waves[w].modules[i], stage,
				    p, WEIR_RCPT_NONE, text);
		}
	}
	guard_chain(false);
}

/* run_header - a header field */
void
run_header(struct session *s, weir_str name, weir_str value)
{
	message_header_add(s->message, name, value, wants.headers, wants.spool);
	run_event(s, WEIR_STAGE_HEADER, name, value);
}

/* run_body - a chunk of body */
void
run_body(struct session *s, weir_str chunk)
{
	weir_str none = { "", 0 };

	message_body_add(s->message, chunk, wants.spool);
	run_event(s, WEIR_STAGE_BODY, chunk, none);
}

/* run_cancel - the mail or the client is gone */
void
run_cancel(struct session *s)
{
	struct run *run = s->run;

	if (run == NULL || !run->active)
		return;
	run->active = false;
	while (!list_empty(&run->calls)) {
		struct call *c = list_of(run->calls.next, struct call,
		    run_node);

		/* it closes, or a job that still runs keeps it, detached */
		call_cancel(c, WEIR_E_CANCELLED);
		expect(run->calls.next != &c->run_node);
	}
}

/* run_is_active - is a stage on its way */
bool
run_is_active(const struct session *s)
{
	return s->run != NULL && s->run->active;
}

/* run_failed_before - is it already known that the module failed there */
static bool
run_failed_before(const struct notes *n, const struct module *module,
    int stage)
{
	const struct unscanned *u = n->unscanned;

	while (u != NULL && (u->module != module || u->stage != stage))
		u = u->next;
	return u != NULL;
}

/* run_failed - note it and let the site's on_failure speak */
void
run_failed(struct module *module, struct session *s, struct message *m,
    int stage, uint32_t rcpt, int status, weir_str reason)
{
	struct notes *notes = m != NULL ? &m->notes : &s->notes;
	struct pool *pool = m != NULL ? m->pool : s->pool;
	struct unscanned u = { .module = module, .status = status,
		.stage = (uint8_t)stage, .shadow = module->shadow,
		.reason = reason };
	struct opinion o = { .module = module, .stage = (uint8_t)stage,
		.shadow = module->shadow, .rcpt = WEIR_RCPT_NONE };

	/* each field or chunk again: once is enough */
	if ((stage == WEIR_STAGE_HEADER || stage == WEIR_STAGE_BODY) &&
	    run_failed_before(notes, module, stage))
		return;
	notes_unscanned(notes, pool, &u);
	switch (module->on_failure[s->is_out]) {
	case WEIR_ON_FAILURE_TEMPFAIL:
		o.action = WEIR_ACT_TEMPFAIL;
		o.smtp_code = 451;
		o.enhanced = "4.7.0";
		o.text = "A check is out of order, please try again later";
		break;
	case WEIR_ON_FAILURE_QUARANTINE:
		o.action = WEIR_ACT_QUARANTINE;
		o.text = pool_printf(pool, "not checked by %s", module->name);
		break;
	default:
		return;
	}
	o.scope = m == NULL ? WEIR_SCOPE_SESSION : WEIR_SCOPE_MESSAGE;
	if (stage == WEIR_STAGE_RCPT && m != NULL) {
		o.scope = WEIR_SCOPE_RCPT;
		o.rcpt = rcpt;
	}
	notes_opinion(notes, pool, &o);
}

/* run_strongest - the stronger of two opinions; equal ones: the first.  only:
   nobody else's counts but this module's and the host's; or NULL */
static const struct opinion *
run_strongest(const struct opinion *best, const struct notes *n, uint32_t rcpt,
    const struct module *only)
{
	for (const struct opinion *o = n->opinions; o != NULL; o = o->next) {
		if (o->shadow ||
		    (o->scope == WEIR_SCOPE_RCPT && o->rcpt != rcpt) ||
		    (only != NULL && o->module != NULL && o->module != only))
			continue;
		if (best == NULL || o->action > best->action)
			best = o;
	}
	return best;
}

/* run_answer - what applies to this recipient, or to the message */
const struct opinion *
run_answer(const struct session *s, uint32_t rcpt)
{
	const struct message *m = s->message;
	const struct module *only = m != NULL ? m->exempt : NULL;
	const struct opinion *best = run_strongest(NULL, &s->notes,
	    WEIR_RCPT_NONE, only);

	if (m != NULL)
		best = run_strongest(best, &m->notes, rcpt, only);
	return best;
}

/* run_end_one - tell one module that a scope ends */
static void
run_end_one(struct module *m, struct session *s, struct message *msg,
    void (*fn)(void *, weir_call *))
{
	struct call *c;

	if (fn == NULL || guard_is_benched(m))
		return;
	c = call_begin(m, s, msg, WEIR_STAGE_EOM, WEIR_PHASE_ACT,
	    WEIR_RCPT_NONE);
	c->given_up = true; /* nothing may be started any more */
	call_enter(c);
	fn(m->state, call_handle(c));
	call_leave(c);
}

/* run_message_end - the transaction is over, data slots still stand */
void
run_message_end(struct message *msg)
{
	for (uint32_t i = plan_module_count(); i-- > 0;) {
		struct module *m = plan_module(i);

		run_end_one(m, msg->session, msg, m->descriptor->message_end);
	}
}

/* run_session_end - the client is gone, data slots still stand */
void
run_session_end(struct session *s)
{
	for (uint32_t i = plan_module_count(); i-- > 0;) {
		struct module *m = plan_module(i);

		run_end_one(m, s, NULL, m->descriptor->session_end);
	}
}
