/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drive.h"

#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/pool.h"
#include "base/text.h"
#include "host/ext_timer.h"
#include "host/trial.h"
#include "loop/loop.h"
#include "pipe/run.h"
#include "work/pool.h"

#define RUN_CHUNK ((size_t)64 * 1024)
#define RUN_SPLIT 2048	     /* largest chunk with --split */
#define RUN_LINGER_MS 10000 /* for jobs that outlive their message */

/* Our own reasons to refuse. */
static const struct opinion run_no_memory = { .action = WEIR_ACT_TEMPFAIL,
	.scope = WEIR_SCOPE_MESSAGE, .rcpt = WEIR_RCPT_NONE, .smtp_code = 452,
	.enhanced = "4.3.1", .text = "Out of memory, please try again later" };
static const struct opinion run_too_large = { .action = WEIR_ACT_REJECT,
	.scope = WEIR_SCOPE_MESSAGE, .rcpt = WEIR_RCPT_NONE, .smtp_code = 552,
	.enhanced = "5.3.4", .text = "Message too large" };
static const struct opinion run_header_large = { .action = WEIR_ACT_REJECT,
	.scope = WEIR_SCOPE_MESSAGE, .rcpt = WEIR_RCPT_NONE, .smtp_code = 552,
	.enhanced = "5.3.4", .text = "Message header too large" };
static const struct opinion run_too_many = { .action = WEIR_ACT_TEMPFAIL,
	.scope = WEIR_SCOPE_RCPT, .rcpt = WEIR_RCPT_NONE, .smtp_code = 452,
	.enhanced = "4.5.3", .text = "Too many recipients" };

/* One message is under way at a time. */
static bool stage_done;
static uint64_t random_state;

/* run_random - xorshift64: the same chunks for the same seed */
static uint64_t
run_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* drive_run_seed - of the runs from now on */
void
drive_run_seed(uint64_t seed)
{
	random_state = seed != 0 ? seed : 1;
}

/* run_cost - add what has been spent, or with sign -1 what was before */
static void
run_cost(struct drive_cost *c, int sign)
{
	uint64_t by = (uint64_t)(int64_t)sign;
	struct timespec cpu;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
	c->cpu_ns += by * ((uint64_t)cpu.tv_sec * 1000000000u +
	    (uint64_t)cpu.tv_nsec);
	c->ns += by * clock_mono_ns();
	c->lookups += by * trial_counts.lookups;
	c->jobs += by * trial_counts.jobs;
	c->stores += by * trial_counts.stores;
	c->others += by * (trial_counts.timers + trial_counts.remotes +
	    trial_counts.holds);
}

/* run_step - one more moment at which the client may go; true: it went */
static bool
run_step(struct drive_run *r)
{
	if (r->cancel_at != 0 && ++r->steps >= r->cancel_at)
		r->gone = r->cancelled = true;
	return r->gone;
}

/* run_on_done - the stage that waited is through */
static void
run_on_done(struct session *s, enum weir_stage stage, uint32_t rcpt)
{
	(void)s;
	(void)stage;
	(void)rcpt;
	stage_done = true;
}

/* run_through - one stage to its end */
static void
run_through(struct drive_run *r, enum weir_stage stage, uint32_t rcpt)
{
	const struct drive_options *o = r->options;

	for (size_t i = 0; i < o->macros.n; i++) {
		if (o->macros.v[i].stage == (int)stage &&
		    (rcpt == WEIR_RCPT_NONE || rcpt == 0))
			session_macro_set(r->session, (int)stage,
			    o->macros.v[i].name, o->macros.v[i].value);
	}
	r->stage = stage;
	if (run_step(r))
		return;
	run_cost(&r->cost[stage], -1);
	stage_done = run_stage(r->session, stage, rcpt, run_on_done);
	while (!stage_done) {
		if (run_step(r)) {
			run_cancel(r->session);
			break;
		}
		loop_once(true);
	}
	run_cost(&r->cost[stage], 1);
	if (r->options->disconnect == (int)stage)
		r->gone = true;
}

/* run_reply - the words of a refusal */
static const char *
run_reply(struct drive_run *r, const struct settled *st)
{
	struct session *s = r->session;
	struct buf text = BUF_INIT;
	const char *reply;

	settle_reply(st, s->message != NULL ? s->message->id : s->id, &text);
	reply = pool_strdup(s->pool, buf_str(&text).ptr);
	buf_fini(&text);
	if (s->message != NULL)
		s->message->reply = reply;
	return reply;
}

/* run_said - what the MTA is told now; false: the message ends here */
static bool
run_said(struct drive_run *r, enum weir_stage stage)
{
	const struct opinion *o = run_answer(r->session, WEIR_RCPT_NONE);
	struct settled st;

	if (r->gone)
		return false;
	settle_early(o, &st);
	if (st.action == WEIR_ACT_REJECT || st.action == WEIR_ACT_TEMPFAIL) {
		r->reply = run_reply(r, &st);
		r->refused = true;
		return false;
	}
	/* MTAs know it only within a message */
	if (st.action == WEIR_ACT_DISCARD && stage >= WEIR_STAGE_MAIL) {
		r->refused = true;
		return false;
	}
	return true;
}

/* run_behind - is nothing known of this stage? */
static bool
run_behind(struct drive_run *r, enum weir_stage stage)
{
	const struct drive_exact *x = r->options->exact;

	r->stopped |= x != NULL && (int)stage > x->last;
	return r->stopped;
}

/* run_macro - one that the MTA would send */
static void
run_macro(struct session *s, const char *name, weir_str value)
{
	session_macro_set(s, WEIR_STAGE_CONNECT, text_slice(name), value);
}

/* run_connect - session attributes up to HELO */
static bool
run_connect(struct drive_run *r, const struct drive_envelope *guess)
{
	const struct drive_options *o = r->options;
	const struct drive_exact *x = o->exact;
	struct session *s = r->session;
	weir_str tls;

	if (x == NULL)
		run_macro(s, "j", text_slice(s->server_name));
	session_set_client(s, &o->client, x != NULL ? x->port : 0);
	if (o->client_name != NULL)
		session_set(s, &s->client_name, text_slice(o->client_name));
	if (x != NULL && x->client_rname != NULL)
		session_set(s, &s->client_rname, text_slice(x->client_rname));
	else if (x == NULL)
		s->client_rname = s->client_name;
	run_through(r, WEIR_STAGE_CONNECT, WEIR_RCPT_NONE);
	if (!run_said(r, WEIR_STAGE_CONNECT) || run_behind(r, WEIR_STAGE_HELO))
		return false;
	session_set(s, &s->helo, o->helo != NULL ? text_slice(o->helo) :
						   guess->helo);
	tls = x != NULL ? text_slice(x->tls) :
			  session_macro(s, "tls_version");
	if (tls.len > 0)
		session_set(s, &s->tls_version, tls);
	run_through(r, WEIR_STAGE_HELO, WEIR_RCPT_NONE);
	return run_said(r, WEIR_STAGE_HELO);
}

/* run_mail - MAIL FROM */
static bool
run_mail(struct drive_run *r, const struct drive_envelope *guess)
{
	const struct drive_options *o = r->options;
	struct session *s = r->session;
	const struct drive_exact *x = o->exact;
	weir_str sender = guess->sender, none = { "", 0 }, id;

	if (run_behind(r, WEIR_STAGE_MAIL))
		return false;
	r->stage = WEIR_STAGE_MAIL;
	if (o->from != NULL)
		sender = text_slice(o->from);
	if (o->auth != NULL) {
		if (x == NULL)
			run_macro(s, "auth_authen", text_slice(o->auth));
		session_set_auth(s, text_slice(o->auth));
	}
	if (x == NULL)
		run_macro(s, "mail_addr", sender);
	if (message_begin(s, sender, x != NULL ? text_slice(x->sender_params) :
						 none) == NULL) {
		struct opinion mine = run_no_memory;

		mine.scope = WEIR_SCOPE_SESSION;
		mine.stage = WEIR_STAGE_MAIL;
		notes_opinion(&s->notes, s->pool, &mine);
		return run_said(r, WEIR_STAGE_MAIL);
	}
	s->message->declared_size = x != NULL ? x->declared_size :
						r->mail->size;
	id = session_macro(s, "i");
	if (id.len > 0)
		s->message->queue_id = pool_str(s->message->pool, id);
	run_through(r, WEIR_STAGE_MAIL, WEIR_RCPT_NONE);
	return run_said(r, WEIR_STAGE_MAIL);
}

/* run_rcpt - RCPT TO; true: this one stays */
static bool
run_rcpt(struct drive_run *r, struct drive_rcpt *rcpt)
{
	const struct drive_exact *x = r->options->exact;
	struct session *s = r->session;
	weir_str none = { "", 0 };
	struct settled st;

	/* of those that were recorded one is the last recipient's */
	if (x == NULL || session_macro(s, "rcpt_addr").ptr != NULL)
		run_macro(s, "rcpt_addr", rcpt->address);
	if (message_rcpt_add(s->message, rcpt->address, x != NULL ?
		text_slice(x->rcpt_params[rcpt - r->rcpts.v]) : none,
		&rcpt->index) < 0) {
		rcpt->index = WEIR_RCPT_NONE;
		settle_early(&run_too_many, &st);
	} else {
		run_through(r, WEIR_STAGE_RCPT, rcpt->index);
		settle_early(run_answer(s, rcpt->index), &st);
	}
	if (st.action != WEIR_ACT_REJECT && st.action != WEIR_ACT_TEMPFAIL)
		return true;
	rcpt->action = st.action;
	rcpt->reply = run_reply(r, &st);
	if (rcpt->index != WEIR_RCPT_NONE) {
		s->message->rcpts[rcpt->index].refused = true;
		s->message->rcpts[rcpt->index].final = st.action;
	}
	return false;
}

/* run_rcpts - all recipients; false: the message ends here */
static bool
run_rcpts(struct drive_run *r)
{
	const struct opinion *o;
	size_t staying = 0;

	if (run_behind(r, WEIR_STAGE_RCPT))
		return false;
	r->stage = WEIR_STAGE_RCPT;
	for (size_t i = 0; i < r->rcpts.n; i++) {
		staying += run_rcpt(r, &r->rcpts.v[i]);
		if (r->gone)
			return false;
		o = run_answer(r->session, WEIR_RCPT_NONE);
		if (o != NULL && o->action == WEIR_ACT_DISCARD)
			return run_said(r, WEIR_STAGE_RCPT);
	}
	if (staying > 0) {
		/* what one was told is not said of the message */
		r->session->message->reply = NULL;
		return true;
	}
	r->reply = r->rcpts.v[r->rcpts.n - 1].reply;
	r->refused = true;
	return false;
}

/* run_body_chunks - the body; each chunk has a NUL behind it, as any slice
   that modules get */
static void
run_body_chunks(struct drive_run *r)
{
	struct buf *body = &r->mail->body;

	run_cost(&r->cost[WEIR_STAGE_BODY], -1);
	for (size_t at = 0; at < body->len && !run_step(r);) {
		size_t left = body->len - at;
		size_t n = r->options->split ? run_random() % RUN_SPLIT + 1 :
					       RUN_CHUNK;
		weir_str chunk = { body->ptr + at, n < left ? n : left };
		char behind = chunk.ptr[chunk.len];

		body->ptr[at + chunk.len] = '\0';
		run_body(r->session, chunk);
		body->ptr[at + chunk.len] = behind;
		at += chunk.len;
	}
	run_cost(&r->cost[WEIR_STAGE_BODY], 1);
	if (r->options->disconnect == WEIR_STAGE_BODY)
		r->gone = true;
}

/* run_content - DATA up to the end of the body */
static bool
run_content(struct drive_run *r)
{
	const struct drive_exact *x = r->options->exact;
	struct message *m = r->session->message;

	m->bodyless = x != NULL && x->bodyless;
	m->sizeless = x != NULL && x->sizeless;
	m->no_content = x != NULL && x->no_content;
	if (run_behind(r, WEIR_STAGE_DATA))
		return false;
	run_through(r, WEIR_STAGE_DATA, WEIR_RCPT_NONE);
	if (!run_said(r, WEIR_STAGE_DATA) || run_behind(r, WEIR_STAGE_EOH))
		return false;
	r->stage = WEIR_STAGE_HEADER;
	run_cost(&r->cost[WEIR_STAGE_HEADER], -1);
	for (size_t i = 0; i < r->mail->fields.n && !run_step(r); i++)
		run_header(r->session, r->mail->fields.v[i].name,
		    r->mail->fields.v[i].value);
	run_cost(&r->cost[WEIR_STAGE_HEADER], 1);
	if (r->gone || r->options->disconnect == WEIR_STAGE_HEADER) {
		r->gone = true;
		return false;
	}
	run_through(r, WEIR_STAGE_EOH, WEIR_RCPT_NONE);
	if (!run_said(r, WEIR_STAGE_EOH) || run_behind(r, WEIR_STAGE_EOM))
		return false;
	r->stage = WEIR_STAGE_BODY;
	run_body_chunks(r);
	if (r->gone)
		return false;
	if (m->bodyless)
		m->body_octets = x->body_octets;
	r->stage = WEIR_STAGE_EOM;
	if (m->spool_status != WEIR_OK || m->headers_cut) {
		/* what is not there can't be judged */
		struct opinion mine = m->headers_cut ? run_header_large :
		    m->spool_status == WEIR_E_LIMIT  ? run_too_large :
						       run_no_memory;

		mine.stage = WEIR_STAGE_EOM;
		notes_opinion(&m->notes, m->pool, &mine);
		return true;
	}
	run_through(r, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
	return !r->gone;
}

/* run_envelope - who it is for */
static void
run_envelope(struct drive_run *r, const struct drive_envelope *guess)
{
	const struct drive_options *o = r->options;
	size_t n = o->rcpts.n > 0 ? o->rcpts.n : guess->nrcpts;

	for (size_t i = 0; i < n; i++) {
		struct drive_rcpt *rcpt = vec_push(&r->rcpts);

		rcpt->address = o->rcpts.n > 0 ? text_slice(o->rcpts.v[i]) :
						 guess->rcpts[i];
		rcpt->index = WEIR_RCPT_NONE;
	}
}

/* run_all - stage after stage while the message lives */
static void
run_all(struct drive_run *r, const struct drive_envelope *guess)
{
	struct settled *st = &r->settled;

	if (!run_connect(r, guess) || !run_mail(r, guess) || !run_rcpts(r) ||
	    !run_content(r) || r->gone)
		return;
	settle_message(r->session->message, EDIT_CAP_ALL, st);
	if (st->action == WEIR_ACT_REJECT || st->action == WEIR_ACT_TEMPFAIL)
		r->reply = run_reply(r, st);
	else if (st->kept)
		r->reply = st->text;
}

/* run_fates - recipients that the message did not reach share its fate */
static void
run_fates(struct drive_run *r)
{
	const struct opinion *o = run_answer(r->session, WEIR_RCPT_NONE);
	uint32_t action = o != NULL ? o->action : WEIR_ACT_NONE;

	for (size_t i = 0; r->refused && i < r->rcpts.n; i++) {
		if (r->rcpts.v[i].index == WEIR_RCPT_NONE &&
		    r->rcpts.v[i].reply == NULL)
			r->rcpts.v[i].action = action;
	}
}

/* drive_run_begin - through all stages */
void
drive_run_begin(struct drive_run *r, const struct drive_options *o,
    struct drive_mail *mail)
{
	memset(r, 0, sizeof(*r));
	drive_run_again(r, o, mail);
}

/* run_facts - what no module that is loaded has found out, but some other would
   have by now */
static void
run_facts(struct session *s, const struct drive_options *o)
{
	for (size_t i = 0; i < o->facts.n; i++) {
		struct fact f = { .rcpt = WEIR_RCPT_NONE,
			.stage = WEIR_STAGE_CONNECT,
			.key = (char *)(uintptr_t)o->facts.v[i].name.ptr,
			.value = o->facts.v[i].value };

		notes_fact(&s->notes, s->pool, &f);
	}
}

/* drive_run_again - the same; when the client goes is set already */
void
drive_run_again(struct drive_run *r, const struct drive_options *o,
    struct drive_mail *mail)
{
	struct drive_envelope guess;

	r->options = o;
	r->mail = mail;
	r->reply = "";
	r->begun_ns = clock_mono_ns();
	if (random_state == 0)
		drive_run_seed(o->seed);
	drive_mail_guess(mail, &guess);
	run_envelope(r, &guess);
	r->session = session_open(&o->front);
	session_ref(r->session);
	r->session->edit_caps = EDIT_CAP_ALL;
	session_set(r->session, &r->session->server_name,
	    text_slice(o->hostname));
	run_facts(r->session, o);
	run_all(r, &guess);
	run_fates(r);
	r->ns = clock_mono_ns() - r->begun_ns;
}

/* run_linger - let what is under way behind a message end: store operations,
   jobs, a module that goes on with it in a call of its own; the next message
   is to see what they did */
static void
run_linger(const struct session *s)
{
	int64_t begun = clock_mono_ms();

	loop_once(false);
	while (((s != NULL && s->refs > 1) || work_inside() > 0) &&
	    clock_mono_ms() - begun < RUN_LINGER_MS)
		loop_once(true);
}

/* drive_run_advance - turn the clock on; periodic work is done once, as after
   a sleep */
void
drive_run_advance(int64_t ms)
{
	clock_advance(ms);
	ext_timer_catch_up();
	run_linger(NULL);
}

/* drive_run_end - close it and let modules finish */
int
drive_run_end(struct drive_run *r)
{
	struct session *s = r->session, *front = s;
	int status;

	if (s->message != NULL)
		message_finish(&s->message, r->gone ? MESSAGE_ABORTED :
			r->refused ? MESSAGE_REFUSED : MESSAGE_DONE);
	session_close(&front);
	run_linger(s);
	status = s->refs > 1 ? WEIR_E_TIMEOUT : WEIR_OK;
	session_unref(s);
	r->session = NULL;
	vec_fini(&r->rcpts);
	return status;
}
