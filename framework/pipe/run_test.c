/* SPDX-License-Identifier: GPL-2.0-or-later */
/* run_test - stages, waves, waiting, deadlines, and what modules may not do. */
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/text.h"
#include "host/table.h"
#include "loop/loop.h"
#include "obs/board.h"
#include "pipe/call.h"
#include "pipe/explain.h"
#include "pipe/guard.h"
#include "pipe/plan.h"
#include "pipe/run.h"
#include "pipe/settle.h"
#include "pipe/test_fake.h"

static char trace[1024];

/* mark - add to the trace */
static void
mark(const char *name, const char *what)
{
	size_t n = strlen(trace);

	snprintf(trace + n, sizeof(trace) - n, "%s%s.%s", n > 0 ? " " : "",
	    name, what);
}

static int
setup(void **state)
{
	(void)state;
	trace[0] = '\0';
	fake_log[0] = '\0';
	settle_policy(SETTLE_WORST);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	assert_int_equal(call_count(), 0);
	assert_int_equal(session_count(), 0);
	return 0;
}

/* The order of phases, of waves, and of modules inside one. */

static void
on_waited(weir_call *call, int status, void *arg)
{
	(void)call;
	assert_int_equal(status, WEIR_OK);
	mark(((struct fake *)arg)->m.name, "waited");
}

static int
trace_and_wait(struct fake *f, weir_call *call, int stage, int phase)
{
	(void)stage;
	mark(f->m.name, phase == 0 ? "collect" : phase == 1 ? "decide" : "act");
	if (phase == WEIR_PHASE_COLLECT && f->arg != NULL)
		assert_int_equal(fake_timer->after(call, 5, on_waited, f),
		    WEIR_OK);
	return WEIR_OK;
}

static void
test_order(void **state)
{
	struct fake a, b, c;
	struct fake *all[] = { &b, &c, &a };
	struct session *s;

	(void)state;
	fake_init(&a, "a", BIT(CONNECT), 0, BIT(CONNECT), trace_and_wait);
	fake_init(&b, "b", BIT(CONNECT), BIT(CONNECT), 0, trace_and_wait);
	fake_init(&c, "c", BIT(CONNECT), BIT(CONNECT), 0, trace_and_wait);
	b.after[0] = "a";
	b.after[1] = "not-loaded";
	a.arg = c.arg = trace;
	fake_plan(all, 3);
	s = fake_session("in");
	fake_stage(s, WEIR_STAGE_CONNECT, WEIR_RCPT_NONE);
	/* a and c wait side by side; b comes when both have closed */
	if (strcmp(trace, "c.collect a.collect c.waited a.waited b.collect "
		"c.decide b.decide a.act") != 0 &&
	    strcmp(trace, "c.collect a.collect a.waited c.waited b.collect "
		"c.decide b.decide a.act") != 0)
		fail_msg("%s", trace);
	session_close(&s);
}

static void
test_circle(void **state)
{
	struct fake a, b;
	struct module *modules[] = { &a.m, &b.m };
	struct err err;

	(void)state;
	fake_init(&a, "a", 0, 0, 0, NULL);
	fake_init(&b, "b", 0, 0, 0, NULL);
	a.after[0] = "b";
	b.after[0] = "a";
	assert_int_equal(plan_order(modules, 2, &err), WEIR_E_INVAL);
	assert_non_null(strstr(err.text, "circle"));
	/* oneself does not count */
	b.after[0] = "b";
	assert_int_equal(plan_order(modules, 2, &err), WEIR_OK);
	assert_ptr_equal(modules[0], &b.m);
}

/* Waiting is counted: timers inside timers, holds released elsewhere. */

static weir_hold *held;
static int nested;

static void *
release_later(void *arg)
{
	usleep(2000);
	fake_host->release(arg, 7);
	/* a second time finds nothing */
	fake_host->release(arg, 8);
	return NULL;
}

static void
on_hold_done(weir_call *call, int status, void *arg)
{
	(void)call;
	(void)arg;
	assert_int_equal(status, 7);
	nested++;
	mark("hold", "done");
}

static void
on_nested(weir_call *call, int status, void *arg)
{
	pthread_t thread;

	(void)arg;
	assert_int_equal(status, WEIR_OK);
	mark("timer", "done");
	if (nested++ < 2) {
		assert_int_equal(fake_timer->after(call, 1, on_nested, NULL),
		    WEIR_OK);
		return;
	}
	held = fake_host->hold(call, 0, on_hold_done, NULL);
	assert_non_null(held);
	assert_int_equal(pthread_create(&thread, NULL, release_later, held), 0);
	pthread_detach(thread);
}

static int
start_nested(struct fake *f, weir_call *call, int stage, int phase)
{
	(void)f;
	(void)stage;
	(void)phase;
	assert_int_equal(fake_timer->after(call, 1, on_nested, NULL), WEIR_OK);
	return WEIR_OK;
}

static void
test_nested_waits(void **state)
{
	struct fake a;
	struct fake *all[] = { &a };
	struct session *s;

	(void)state;
	nested = 0;
	fake_init(&a, "a", BIT(CONNECT), 0, 0, start_nested);
	fake_plan(all, 1);
	s = fake_session("in");
	fake_stage(s, WEIR_STAGE_CONNECT, WEIR_RCPT_NONE);
	assert_string_equal(trace, "timer.done timer.done timer.done hold.done");
	/* long after its end */
	fake_host->release(held, 9);
	loop_once(false);
	fake_host->release(NULL, 9);
	fake_host->release((weir_hold *)(uintptr_t)0xffffffffffu, 9);
	assert_int_equal(nested, 4);
	session_close(&s);
}

/* A deadline: one completion with E_TIMEOUT, and on_failure speaks. */

static int completions, last_status;

static void
count_completion(weir_call *call, int status, void *arg)
{
	struct weir_verdict v = { .size = sizeof(v),
		.action = WEIR_ACT_TEMPFAIL, .scope = WEIR_SCOPE_SESSION,
		.rcpt = WEIR_RCPT_NONE };

	completions++;
	last_status = status;
	if (status == WEIR_OK)
		return;
	/* given up: nothing can be said or started any more */
	assert_int_equal(fake_timer->after(call, 1, count_completion, arg),
	    WEIR_E_CANCELLED);
	assert_null(fake_host->hold(call, 1, count_completion, arg));
	assert_int_equal(fake_host->finding(call, 0, WEIR_RCPT_NONE, 1,
	    text_slice("")), WEIR_E_STATE);
	assert_int_equal(fake_host->verdict(call, &v), WEIR_E_STATE);
	assert_int_equal((fake_host->fail)(call, WEIR_E_TEMP, text_slice("x")),
	    WEIR_E_CANCELLED);
}

static int
wait_too_long(struct fake *f, weir_call *call, int stage, int phase)
{
	(void)f;
	(void)stage;
	(void)phase;
	assert_int_equal(fake_timer->after(call, 60000, count_completion,
	    NULL), WEIR_OK);
	return WEIR_OK;
}

/* deadline_case - one stage, one direction, one on_failure */
static void
deadline_case(int stage, const char *direction, int on_failure, int phase)
{
	static const uint32_t actions[] = { WEIR_ACT_TEMPFAIL,
		WEIR_ACT_QUARANTINE, WEIR_ACT_NONE };
	unsigned bit = 1u << stage;
	bool out = strcmp(direction, "out") == 0;
	struct session *s = fake_session(direction);
	const struct opinion *o;
	const struct notes *notes;
	struct fake a;
	struct fake *all[] = { &a };

	completions = 0;
	fake_init(&a, "a", phase == 0 ? bit : 0, phase == 1 ? bit : 0,
	    phase == 2 ? bit : 0, wait_too_long);
	a.m.timeout_ms = 10;
	a.m.on_failure[out] = (uint32_t)on_failure;
	a.m.on_failure[!out] = (uint32_t)(on_failure + 1) % 3;
	fake_plan(all, 1);
	if (stage >= WEIR_STAGE_MAIL)
		fake_message(s, 2);
	fake_stage(s, stage, stage == WEIR_STAGE_RCPT ? 1 : WEIR_RCPT_NONE);
	assert_int_equal(completions, 1);
	assert_int_equal(last_status, WEIR_E_TIMEOUT);
	assert_int_equal(call_count(), 0);
	notes = s->message != NULL ? &s->message->notes : &s->notes;
	assert_int_equal(notes->nunscanned, 1);
	assert_int_equal(notes->unscanned->status, WEIR_E_TIMEOUT);
	assert_string_equal(notes->unscanned->reason.ptr,
	    "no answer within 10 ms");
	o = run_answer(s, stage == WEIR_STAGE_RCPT ? 1 : WEIR_RCPT_NONE);
	assert_int_equal(o != NULL ? o->action : WEIR_ACT_NONE,
	    actions[on_failure]);
	if (stage == WEIR_STAGE_RCPT) /* the other one is not concerned */
		assert_null(run_answer(s, 0));
	session_close(&s);
}

static void
test_deadline(void **state)
{
	static const int stages[] = { WEIR_STAGE_CONNECT, WEIR_STAGE_HELO,
		WEIR_STAGE_MAIL, WEIR_STAGE_RCPT, WEIR_STAGE_DATA,
		WEIR_STAGE_EOH, WEIR_STAGE_EOM };

	(void)state;
	for (size_t i = 0; i < sizeof(stages) / sizeof(*stages); i++) {
		for (int f = 0; f < 3; f++) {
			deadline_case(stages[i], "in", f, 0);
			deadline_case(stages[i], "out", f, (int)i % 3);
		}
	}
}

/* At eom what is left for the message is all that a call gets. */
static void
test_message_deadline(void **state)
{
	struct fake a, b;
	struct fake *all[] = { &a, &b };
	struct session *s = fake_session("in");
	int64_t begin;

	(void)state;
	fake_init(&a, "a", BIT(EOM), 0, 0, wait_too_long);
	fake_init(&b, "b", BIT(EOM), 0, 0, wait_too_long);
	b.after[0] = "a";
	fake_plan(all, 2);
	run_wants_build(false, 30);
	fake_message(s, 1);
	completions = 0;
	begin = clock_mono_ms();
	fake_stage(s, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
	assert_int_equal(completions, 2);
	assert_int_equal(s->message->notes.nunscanned, 2);
	assert_in_range(clock_mono_ms() - begin, 29, 2000);
	session_close(&s);
}

/* A callback that says it did not run, by any negative status. */

static int
fail_by_return(struct fake *f, weir_call *call, int stage, int phase)
{
	(void)stage;
	(void)phase;
	/* what it had started is given up */
	assert_int_equal(fake_timer->after(call, 60000, count_completion,
	    NULL), WEIR_OK);
	return *(int *)f->arg;
}

static void
test_failure_statuses(void **state)
{
	struct fake a;
	struct fake *all[] = { &a };

	(void)state;
	for (int status = -1; status >= -13; status--) {
		struct session *s = fake_session("in");

		completions = 0;
		fake_init(&a, "a", BIT(MAIL), 0, 0, fail_by_return);
		a.arg = &status;
		fake_plan(all, 1);
		fake_message(s, 1);
		fake_stage(s, WEIR_STAGE_MAIL, WEIR_RCPT_NONE);
		assert_int_equal(completions, 1);
		assert_int_equal(last_status, WEIR_E_CANCELLED);
		assert_int_equal(s->message->notes.nunscanned, 1);
		assert_non_null(run_answer(s, WEIR_RCPT_NONE));
		assert_int_equal(run_answer(s, WEIR_RCPT_NONE)->action,
		    WEIR_ACT_TEMPFAIL);
		session_close(&s);
	}
}

static int
return_odd(struct fake *f, weir_call *call, int stage, int phase)
{
	(void)f;
	(void)call;
	(void)stage;
	(void)phase;
	return 12345;
}

static void
test_positive_status(void **state)
{
	struct fake a;
	struct fake *all[] = { &a };
	struct session *s = fake_session("in");

	(void)state;
	fake_init(&a, "a", BIT(CONNECT), BIT(CONNECT), 0, return_odd);
	fake_plan(all, 1);
	fake_stage(s, WEIR_STAGE_CONNECT, WEIR_RCPT_NONE);
	assert_int_equal(a.calls, 2);
	assert_null(run_answer(s, WEIR_RCPT_NONE));
	session_close(&s);
}

/* A header field after the other fails: noted once. */
static int
fail_always(struct fake *f, weir_call *call, int stage, int phase)
{
	(void)f;
	(void)stage;
	(void)phase;
	return (fake_host->fail)(call, WEIR_E_TEMP, text_slice("broken")) +
	    WEIR_E_TEMP;
}

static void
test_failing_header(void **state)
{
	struct fake a, b;
	struct fake *all[] = { &a, &b };
	struct session *s = fake_session("in");

	(void)state;
	fake_init(&a, "a", BIT(HEADER) | BIT(BODY), 0, 0, fail_always);
	a.m.on_failure[0] = WEIR_ON_FAILURE_QUARANTINE;
	fake_init(&b, "b", BIT(EOM), 0, 0, fail_always);
	fake_plan(all, 2);
	fake_message(s, 1);
	for (int i = 0; i < 5000; i++) {
		run_header(s, text_slice("X"), text_slice(" y"));
		run_body(s, text_slice("y"));
	}
	fake_stage(s, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
	assert_int_equal(s->message->notes.nunscanned, 3);
	assert_int_equal(run_answer(s, WEIR_RCPT_NONE)->action,
	    WEIR_ACT_TEMPFAIL);
	session_close(&s);
}

/* What is out of place is answered by E_STATE, and changes nothing. */

static sem_t thread_asked;
static int thread_answers[4];

static void *
ask_from_thread(void *arg)
{
	weir_str out;

	thread_answers[0] = fake_host->attr_get(arg, WEIR_A_HELO,
	    WEIR_RCPT_NONE, &out);
	thread_answers[1] = fake_timer->after(arg, 1, count_completion, NULL);
	thread_answers[2] = (fake_host->fail)(arg, WEIR_E_TEMP, text_slice(""));
	thread_answers[3] = fake_host->alloc(arg, WEIR_SCOPE_SESSION, 10) ==
	    NULL ? WEIR_E_STATE : WEIR_OK;
	sem_post(&thread_asked);
	return NULL;
}

static void
try_starters(weir_call *call, int want)
{
	weir_str key = text_slice("k");

	assert_int_equal(fake_timer->after(call, 1, count_completion, NULL),
	    want);
	assert_int_equal(fake_dns->query(call, "yes.test", WEIR_DNS_A, 0,
	    (weir_dns_fn *)(void (*)(void))count_completion, NULL), want);
	assert_int_equal(fake_store->del(call, key, NULL, NULL), want);
	assert_int_equal(fake_store->get(call, key,
	    (weir_store_fn *)(void (*)(void))count_completion, NULL), want);
	assert_int_equal(fake_job->start(call,
	    (weir_job_run *)(void (*)(void))count_completion,
	    count_completion, NULL), want);
	assert_null(fake_host->hold(call, 1, count_completion, NULL));
}

static weir_call *kept_call;

static int
out_of_place(struct fake *f, weir_call *call, int stage, int phase)
{
	struct weir_verdict v = { .size = sizeof(v),
		.action = WEIR_ACT_REJECT, .scope = WEIR_SCOPE_MESSAGE,
		.rcpt = WEIR_RCPT_NONE };
	pthread_t thread;

	(void)f;
	kept_call = call;
	if (stage == WEIR_STAGE_HEADER || stage == WEIR_STAGE_BODY)
		try_starters(call, WEIR_E_STATE);
	if (phase == WEIR_PHASE_COLLECT)
		assert_int_equal(fake_host->verdict(call, &v), WEIR_E_STATE);
	if (phase == WEIR_PHASE_ACT) {
		assert_int_equal(fake_host->verdict(call, &v), WEIR_E_STATE);
		assert_int_equal(fake_host->finding(call, 0, WEIR_RCPT_NONE, 1,
		    text_slice("")), WEIR_E_STATE);
	}
	if (phase != WEIR_PHASE_ACT || stage != WEIR_STAGE_EOM)
		assert_int_equal(fake_edit->header_add(call, "X",
		    text_slice("y")), WEIR_E_STATE);
	if (stage == WEIR_STAGE_CONNECT) {
		v.scope = WEIR_SCOPE_MESSAGE;
		if (phase == WEIR_PHASE_DECIDE)
			assert_int_equal(fake_host->verdict(call, &v),
			    WEIR_E_STATE);
		assert_null(fake_host->alloc(call, WEIR_SCOPE_MESSAGE, 1));
		assert_null(fake_host->alloc(call, WEIR_SCOPE_RCPT, 1));
		assert_null(fake_host->alloc(call, 77, 1));
		assert_int_equal(fake_host->data_set(call, WEIR_SCOPE_MESSAGE,
		    WEIR_RCPT_NONE, &v, NULL), WEIR_E_STATE);
	}
	if (stage == WEIR_STAGE_CONNECT && phase == WEIR_PHASE_COLLECT) {
		sem_init(&thread_asked, 0, 0);
		assert_int_equal(pthread_create(&thread, NULL, ask_from_thread,
		    call), 0);
		sem_wait(&thread_asked);
		pthread_join(thread, NULL);
		sem_destroy(&thread_asked);
		for (int i = 0; i < 4; i++)
			assert_int_equal(thread_answers[i], WEIR_E_STATE);
	}
	return WEIR_OK;
}

static void
test_out_of_place(void **state)
{
	unsigned all_bits = (1u << WEIR_STAGE_COUNT) - 1;
	struct fake a;
	struct fake *all[] = { &a };
	struct session *s = fake_session("in");
	weir_str out;

	(void)state;
	completions = 0;
	fake_init(&a, "a", all_bits, all_bits, all_bits, out_of_place);
	fake_plan(all, 1);
	fake_stage(s, WEIR_STAGE_CONNECT, WEIR_RCPT_NONE);
	assert_non_null(strstr(fake_log, "[loop] function from a thread"));
	/* a call that is over */
	assert_int_equal(fake_host->stage(kept_call), WEIR_E_STALE);
	assert_int_equal(fake_host->attr_get(kept_call, WEIR_A_HELO,
	    WEIR_RCPT_NONE, &out), WEIR_E_STALE);
	try_starters(kept_call, WEIR_E_STALE);
	assert_int_equal(fake_host->stage(NULL), WEIR_E_STALE);
	assert_int_equal(fake_host->stage((weir_call *)(uintptr_t)-1),
	    WEIR_E_STALE);
	fake_message(s, 1);
	fake_stage(s, WEIR_STAGE_MAIL, WEIR_RCPT_NONE);
	fake_stage(s, WEIR_STAGE_RCPT, 0);
	run_header(s, text_slice("X"), text_slice(" y"));
	fake_stage(s, WEIR_STAGE_EOH, WEIR_RCPT_NONE);
	run_body(s, text_slice("y"));
	fake_stage(s, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
	assert_int_equal(a.calls, 7 * 3);
	assert_null(run_answer(s, 0));
	assert_int_equal(s->message->edits.count, 0);
	assert_int_equal(completions, 0);
	session_close(&s);
}

/* ACCEPT ends the asking, of that recipient or of all. */

static int
say_verdict(struct fake *f, weir_call *call, int stage, int phase)
{
	const struct weir_verdict *v = f->arg;

	(void)stage;
	if (phase == WEIR_PHASE_DECIDE && v != NULL)
		assert_int_equal(fake_host->verdict(call, v), WEIR_OK);
	return WEIR_OK;
}

static void
test_accept_stops(void **state)
{
	struct weir_verdict v = { .size = sizeof(v),
		.action = WEIR_ACT_ACCEPT, .scope = WEIR_SCOPE_RCPT };
	struct fake a, b;
	struct fake *all[] = { &a, &b };
	struct session *s = fake_session("in");

	(void)state;
	fake_init(&a, "a", 0, BIT(RCPT) | BIT(DATA), 0, say_verdict);
	fake_init(&b, "b", BIT(RCPT) | BIT(EOM),
	    BIT(RCPT) | BIT(DATA) | BIT(EOM), BIT(EOM), say_verdict);
	b.after[0] = "a";
	a.arg = &v;
	fake_plan(all, 2);
	fake_message(s, 2);
	/* recipient 0 is accepted in decide, b was asked in collect only */
	fake_stage(s, WEIR_STAGE_RCPT, 0);
	assert_int_equal(b.calls, 1);
	a.arg = NULL;
	fake_stage(s, WEIR_STAGE_RCPT, 1);
	assert_int_equal(b.calls, 3);
	v.scope = WEIR_SCOPE_MESSAGE;
	v.rcpt = WEIR_RCPT_NONE;
	a.arg = &v;
	fake_stage(s, WEIR_STAGE_DATA, WEIR_RCPT_NONE);
	assert_int_equal(b.calls, 3);
	/* but acting is not checking */
	fake_stage(s, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
	assert_int_equal(b.calls, 4);
	/* the next message is another one */
	message_finish(&s->message, MESSAGE_DONE);
	fake_message(s, 1);
	fake_stage(s, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
	assert_int_equal(b.calls, 7);
	session_close(&s);
}

/* A shadow module does everything and changes nothing. */

static int
do_everything(struct fake *f, weir_call *call, int stage, int phase)
{
	struct weir_verdict v = { .size = sizeof(v),
		.action = WEIR_ACT_REJECT, .scope = WEIR_SCOPE_MESSAGE,
		.rcpt = WEIR_RCPT_NONE };
	weir_str out;

	(void)stage;
	if (f->m.shadow && phase == WEIR_PHASE_COLLECT) {
		assert_int_equal(fake_host->finding(call, 1, WEIR_RCPT_NONE,
		    10, text_slice("r")), WEIR_OK);
		fake_host->fact_set(call, WEIR_RCPT_NONE, "shadow.x",
		    text_slice("1"));
		assert_int_equal(fake_host->fact_get(call, WEIR_RCPT_NONE,
		    "shadow.x", &out), WEIR_OK);
		(fake_host->fail)(call, WEIR_E_TEMP, text_slice("out of order"));
	} else if (f->m.shadow && phase == WEIR_PHASE_DECIDE) {
		assert_int_equal(fake_host->verdict(call, &v), WEIR_OK);
		v.action = WEIR_ACT_ACCEPT;
		assert_int_equal(fake_host->verdict(call, &v), WEIR_OK);
	} else if (f->m.shadow) {
		assert_int_equal(fake_edit->header_add(call, "X",
		    text_slice("y")), WEIR_OK);
	} else {
		struct weir_finding one = { .size = sizeof(one) };
		struct weir_verdict best = { .size = sizeof(best) };

		assert_int_equal(fake_host->fact_get(call, WEIR_RCPT_NONE,
		    "shadow.x", &out), WEIR_E_NOTFOUND);
		assert_true(fake_host->score(call, WEIR_RCPT_NONE) == 0);
		assert_int_equal(fake_host->finding_at(call, 0, &one), WEIR_OK);
		assert_true(one.score == 0);
		assert_int_equal(fake_host->verdict_get(call, 0, &best),
		    WEIR_OK);
		assert_int_equal(best.action, WEIR_ACT_NONE);
	}
	return WEIR_OK;
}

static void
test_shadow(void **state)
{
	struct fake a, b;
	struct fake *all[] = { &a, &b };
	struct session *s = fake_session("in");
	struct settled out;

	(void)state;
	fake_init(&a, "shadow", BIT(EOM), BIT(EOM), BIT(EOM), do_everything);
	fake_init(&b, "b", BIT(EOM), BIT(EOM), BIT(EOM), do_everything);
	a.m.shadow = true;
	b.after[0] = "shadow";
	fake_plan(all, 2);
	fake_message(s, 1);
	fake_stage(s, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
	assert_int_equal(b.calls, 3);
	settle_message(s->message, EDIT_CAP_ALL, &out);
	assert_int_equal(out.action, WEIR_ACT_NONE);
	assert_int_equal(out.nplan, 0);
	assert_int_equal(s->message->notes.nunscanned, 1);
	session_close(&s);
}

/* What is found at connect counts for every mail; HELO again replaces. */

static int
find_at(struct fake *f, weir_call *call, int stage, int phase)
{
	uint32_t rcpt = stage == WEIR_STAGE_RCPT ? f->rcpt : WEIR_RCPT_NONE;

	(void)phase;
	if (stage != WEIR_STAGE_EOM)
		return fake_host->finding(call, stage == WEIR_STAGE_HELO, rcpt,
		    1, text_slice("r"));
	*(double *)f->arg = fake_host->score(call, 0) * 100 +
	    fake_host->score(call, WEIR_RCPT_NONE);
	return WEIR_OK;
}

static void
test_findings_of_session(void **state)
{
	struct fake a;
	struct fake *all[] = { &a };
	struct session *s = fake_session("in");
	double score = 0;

	(void)state;
	fake_init(&a, "a", BIT(CONNECT) | BIT(HELO) | BIT(RCPT) | BIT(EOM), 0, 0,
	    find_at);
	a.arg = &score;
	fake_plan(all, 1);
	fake_stage(s, WEIR_STAGE_CONNECT, WEIR_RCPT_NONE);
	/* EHLO, STARTTLS, EHLO */
	for (int i = 0; i < 3; i++)
		fake_stage(s, WEIR_STAGE_HELO, WEIR_RCPT_NONE);
	for (int i = 0; i < 2; i++) {
		fake_message(s, 2);
		fake_stage(s, WEIR_STAGE_RCPT, 0);
		fake_stage(s, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
		/* connect 1, helo 2, recipient 1 */
		assert_true(score == 4 * 100 + 3);
		message_finish(&s->message, MESSAGE_DONE);
	}
	session_close(&s);
}

/* Facts: recipient, then message, then session. */

static int
facts(struct fake *f, weir_call *call, int stage, int phase)
{
	weir_str v;

	(void)phase;
	if (stage == WEIR_STAGE_CONNECT)
		return fake_host->fact_set(call, WEIR_RCPT_NONE, "x.y",
		    text_slice("session"));
	assert_int_equal(fake_host->fact_get(call, 0, "x.y", &v), WEIR_OK);
	assert_string_equal(v.ptr, "session");
	fake_host->fact_set(call, WEIR_RCPT_NONE, "x.y", text_slice("message"));
	fake_host->fact_set(call, 1, "x.y", text_slice("rcpt"));
	fake_host->fact_get(call, 0, "x.y", &v);
	assert_string_equal(v.ptr, "message");
	fake_host->fact_get(call, 1, "x.y", &v);
	assert_string_equal(v.ptr, "rcpt");
	assert_int_equal(fake_host->fact_set(call, 2, "x.y", v), WEIR_E_INVAL);
	assert_int_equal(fake_host->fact_get(call, 0, "x.z", &v),
	    WEIR_E_NOTFOUND);
	assert_string_equal(v.ptr, "");
	f->arg = f;
	return WEIR_OK;
}

static void
test_facts(void **state)
{
	struct fake a;
	struct fake *all[] = { &a };
	struct session *s = fake_session("in");

	(void)state;
	fake_init(&a, "a", BIT(CONNECT) | BIT(DATA), 0, 0, facts);
	fake_plan(all, 1);
	fake_stage(s, WEIR_STAGE_CONNECT, WEIR_RCPT_NONE);
	fake_message(s, 2);
	fake_stage(s, WEIR_STAGE_DATA, WEIR_RCPT_NONE);
	assert_non_null(a.arg);
	session_close(&s);
}

/* A benched module is not called; its on_failure decides. */
static void
test_benched(void **state)
{
	struct board_limits limits = { .crashes = 1, .window_ms = 60000,
		.bench_ms = 60000 };
	struct board_crash crash;
	struct fake a;
	struct fake *all[] = { &a };
	struct session *s;
	int slot;

	(void)state;
	board_create();
	slot = board_slot_take(1);
	guard_slot(slot);
	fake_init(&a, "a", BIT(CONNECT), 0, 0, NULL);
	a.m.board = board_module("a");
	fake_plan(all, 1);
	s = fake_session("in");
	fake_stage(s, WEIR_STAGE_CONNECT, WEIR_RCPT_NONE);
	assert_int_equal(a.calls, 1);
	board_mark_enter(slot, a.m.board, 0, 0, NULL, 1);
	board_crashed(slot, clock_mono_ms(), &limits, &crash);
	assert_true(crash.benched);
	assert_string_equal(crash.module, "a");
	fake_stage(s, WEIR_STAGE_CONNECT, WEIR_RCPT_NONE);
	assert_int_equal(a.calls, 1);
	assert_int_equal(run_answer(s, WEIR_RCPT_NONE)->action,
	    WEIR_ACT_TEMPFAIL);
	session_close(&s);
	assert_int_equal(a.session_ends, 0);
	/* no row on the board: called all the same */
	a.m.board = -1;
	s = fake_session("in");
	fake_stage(s, WEIR_STAGE_CONNECT, WEIR_RCPT_NONE);
	assert_int_equal(a.calls, 2);
	session_close(&s);
	guard_slot(-1);
	board_destroy();
}

/* The mark and the fingerprint name the call that runs, not the mail that
   came to eom last. */

static int my_slot;
static uint64_t seen_fingerprint;

static int
look_at_mark(struct fake *f, weir_call *call, int stage, int phase)
{
	struct board_mark b;

	(void)f;
	(void)call;
	(void)stage;
	(void)phase;
	assert_true(board_mark_read(my_slot, &b));
	seen_fingerprint = b.fingerprint;
	return WEIR_OK;
}

static void
test_fingerprint(void **state)
{
	struct fake a;
	struct fake *all[] = { &a };
	struct session *s, *t;
	struct board_mark b;

	(void)state;
	board_create();
	my_slot = board_slot_take(1);
	guard_slot(my_slot);
	fake_init(&a, "a", BIT(EOM) | BIT(CONNECT), 0, 0, look_at_mark);
	a.m.flags = WEIR_F_WANT_BODY;
	a.m.board = board_module("a");
	fake_plan(all, 1);
	s = fake_session("in");
	t = fake_session("in");
	fake_message(s, 1);
	run_body(s, text_slice("one"));
	fake_stage(s, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
	assert_int_not_equal(s->message->fingerprint, 0);
	assert_true(seen_fingerprint == s->message->fingerprint);
	assert_true(board_mark_read(my_slot, &b));
	assert_int_equal(b.fingerprint, 0);
	fake_stage(t, WEIR_STAGE_CONNECT, WEIR_RCPT_NONE);
	assert_int_equal(seen_fingerprint, 0);
	session_close(&s);
	session_close(&t);
	guard_slot(-1);
	board_destroy();
}

static void
test_one_rcpt_at_a_time(void **state)
{
	struct fake a;
	struct fake *all[] = { &a };
	struct session *s = fake_session("in");

	(void)state;
	fake_init(&a, "a", BIT(RCPT), 0, 0, NULL);
	fake_plan(all, 1);
	settle_policy(SETTLE_TEMPFAIL_OTHERS);
	fake_message(s, 3);
	s->message->nrcpts = 1;
	fake_stage(s, WEIR_STAGE_RCPT, 0);
	assert_null(run_answer(s, 0));
	s->message->nrcpts = 2;
	fake_stage(s, WEIR_STAGE_RCPT, 1);
	assert_int_equal(run_answer(s, 1)->smtp_code, 452);
	assert_string_equal(run_answer(s, 1)->enhanced, "4.5.3");
	assert_int_equal(a.calls, 1);
	/* the first one is refused after all: there is room again */
	s->message->rcpts[0].refused = s->message->rcpts[1].refused = true;
	s->message->nrcpts = 3;
	fake_stage(s, WEIR_STAGE_RCPT, 2);
	assert_null(run_answer(s, 2));
	assert_int_equal(a.calls, 2);
	session_close(&s);
}

/* Edits of a module that fails are taken back, and stay away. */

static int
edit_and_fail(struct fake *f, weir_call *call, int stage, int phase)
{
	(void)stage;
	(void)phase;
	assert_int_equal(fake_edit->header_add(call, "X", text_slice("1")),
	    WEIR_OK);
	if (f->arg == NULL)
		return WEIR_OK;
	(fake_host->fail)(call, WEIR_E_TEMP, text_slice("half done"));
	assert_int_equal(fake_edit->header_add(call, "X", text_slice("2")),
	    WEIR_E_STATE);
	return WEIR_OK;
}

static void
test_edits_of_failed(void **state)
{
	struct fake a, b;
	struct fake *all[] = { &a, &b };
	struct session *s = fake_session("in");
	struct settled out;

	(void)state;
	fake_init(&a, "a", 0, 0, BIT(EOM), edit_and_fail);
	fake_init(&b, "b", 0, 0, BIT(EOM), edit_and_fail);
	a.arg = trace;
	a.m.on_failure[0] = WEIR_ON_FAILURE_PASS;
	fake_plan(all, 2);
	fake_message(s, 1);
	fake_stage(s, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
	settle_message(s->message, EDIT_CAP_ALL, &out);
	assert_int_equal(out.action, WEIR_ACT_NONE);
	assert_int_equal(out.nplan, 1);
	assert_ptr_equal(out.plan[0]->module, &b.m);
	session_close(&s);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_order),
		T(test_circle),
		T(test_nested_waits),
		T(test_deadline),
		T(test_message_deadline),
		T(test_failure_statuses),
		T(test_positive_status),
		T(test_failing_header),
		T(test_out_of_place),
		T(test_accept_stops),
		T(test_shadow),
		T(test_findings_of_session),
		T(test_facts),
		T(test_benched),
		T(test_fingerprint),
		T(test_one_rcpt_at_a_time),
		T(test_edits_of_failed),
	};

	return cmocka_run_group_tests(tests, fake_world_start,
	    fake_world_stop);
}
