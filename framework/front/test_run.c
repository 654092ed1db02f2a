/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "front/test_run.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/list.h"
#include "base/pool.h"
#include "pipe/explain.h"
#include "pipe/run_int.h"

struct run {
	struct list node; /* while it waits */
	struct session *session;
	struct test_step step;
	enum weir_stage stage;
	uint32_t rcpt;
	run_done_fn *done;
};

struct test_run test_run;
static struct list waiting = LIST_INIT(waiting);

struct front_listener test_listener = { .name = "test", .direction = "in",
	.no_reply = true, .fd = -1,
	.front = { .protocol = "test", .listener = "test",
	    .direction = "in" } };

void
test_run_reset(void)
{
	buf_fini(&test_run.seen);
	memset(&test_run, 0, sizeof(test_run));
	memset(&test_run.wants, 1, sizeof(test_run.wants.stage) * 2);
	test_run.wants.headers = test_run.wants.spool = true;
	test_run.wants.edits = EDIT_CAP_ALL;
	test_listener.no_reply = true;
	test_listener.all_events = test_listener.accept_ok = false;
}

const struct run_wants *
run_wants(void)
{
	return &test_run.wants;
}

void
run_wants_build(bool host_envelope, int64_t message_timeout_ms)
{
	(void)host_envelope;
	(void)message_timeout_ms;
}

static void
state(struct session *s, const struct test_step *step, int stage,
    uint32_t rcpt)
{
	struct opinion o = { .action = step->action, .scope = step->scope,
		.rcpt = step->scope == WEIR_SCOPE_RCPT ? rcpt :
							 WEIR_RCPT_NONE,
		.smtp_code = step->smtp_code, .stage = (uint8_t)stage,
		.enhanced = step->enhanced, .text = step->text };

	if (step->action == WEIR_ACT_NONE)
		return;
	if (step->scope == WEIR_SCOPE_SESSION || s->message == NULL)
		notes_opinion(&s->notes, s->pool, &o);
	else
		notes_opinion(&s->message->notes, s->message->pool, &o);
}

bool
run_stage(struct session *s, enum weir_stage stage, uint32_t rcpt,
    run_done_fn *done)
{
	static const char *const names[] = { "connect", "helo", "mail", "rcpt",
		"data", "header", "eoh", "body", "eom" };
	struct test_step step;

	expect(!run_is_active(s));
	expect(stage <= WEIR_STAGE_HELO || s->message != NULL);
	test_run.ran[stage]++;
	buf_printf(&test_run.seen, "%s", names[stage]);
	if (stage == WEIR_STAGE_MAIL)
		buf_printf(&test_run.seen, "=%s", s->message->sender.ptr);
	if (stage == WEIR_STAGE_RCPT)
		buf_printf(&test_run.seen, "=%s",
		    s->message->rcpts[rcpt].address.ptr);
	if (stage == WEIR_STAGE_HELO)
		buf_printf(&test_run.seen, "=%s", s->helo);
	buf_add_char(&test_run.seen, ' ');
	step = test_run.ask != NULL ? test_run.ask(s, stage, rcpt) :
				      test_run.step[stage];
	if (s->run == NULL) {
		s->run = pool_new(s->pool, struct run);
		s->run->session = s;
		list_init(&s->run->node);
	}
	s->run->stage = stage;
	s->run->rcpt = rcpt;
	s->run->step = step;
	s->run->done = done;
	if (step.wait) {
		list_append(&waiting, &s->run->node);
		return false;
	}
	state(s, &step, stage, rcpt);
	return true;
}

bool
test_run_finish(void)
{
	struct run *run;

	if (list_empty(&waiting))
		return false;
	run = list_of(waiting.next, struct run, node);
	list_remove(&run->node);
	state(run->session, &run->step, run->stage, run->rcpt);
	run->done(run->session, run->stage, run->rcpt);
	return true;
}

unsigned
test_run_waiting(void)
{
	unsigned n = 0;

	list_each(node, &waiting)
		n++;
	return n;
}

void
run_header(struct session *s, weir_str name, weir_str value)
{
	expect(s->message != NULL && !run_is_active(s));
	buf_printf(&test_run.seen, "%s:%s ", name.ptr, value.ptr);
	test_run.ran[WEIR_STAGE_HEADER]++;
	message_header_add(s->message, name, value, true, test_run.wants.spool);
}

void
run_body(struct session *s, weir_str chunk)
{
	expect(s->message != NULL && !run_is_active(s));
	buf_printf(&test_run.seen, "body=%zu ", chunk.len);
	test_run.ran[WEIR_STAGE_BODY]++;
	message_body_add(s->message, chunk, test_run.wants.spool);
}

void
run_cancel(struct session *s)
{
	if (!run_is_active(s))
		return;
	list_remove(&s->run->node);
	test_run.cancelled++;
}

bool
run_is_active(const struct session *s)
{
	return s->run != NULL && !list_empty(&s->run->node);
}

static const struct opinion *
strongest(const struct opinion *best, const struct notes *n, uint32_t rcpt)
{
	for (const struct opinion *o = n->opinions; o != NULL; o = o->next) {
		if (o->scope == WEIR_SCOPE_RCPT && o->rcpt != rcpt)
			continue;
		if (best == NULL || o->action > best->action)
			best = o;
	}
	return best;
}

const struct opinion *
run_answer(const struct session *s, uint32_t rcpt)
{
	const struct opinion *best = strongest(NULL, &s->notes,
	    WEIR_RCPT_NONE);

	return s->message != NULL ? strongest(best, &s->message->notes, rcpt) :
				    best;
}

void
run_message_end(struct message *m)
{
	test_run.begun++;
	snprintf(test_run.reply, sizeof(test_run.reply), "%s",
	    m->reply != NULL ? m->reply : "");
	snprintf(test_run.queue_id, sizeof(test_run.queue_id), "%s",
	    m->queue_id.ptr);
}

void
run_session_end(struct session *s)
{
	(void)s;
	test_run.sessions++;
}

void
explain_message(struct message *m, enum message_end how)
{
	(void)m;
	test_run.ended[how]++;
	buf_printf(&test_run.seen, "end=%d ", how);
}

void
explain_refused(struct session *s)
{
	(void)s;
}

void
explain_host_refused(struct session *s, const struct opinion *o)
{
	(void)s;
	(void)o;
}

void
explain_session(struct session *s)
{
	(void)s;
	buf_printf(&test_run.seen, "close ");
}
