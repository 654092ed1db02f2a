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
#include "loop/loop.h"
#include "pipe/call.h"
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
		assert_int_equal(fake_edit->header_delete(call, "X", 1),
		    WEIR_E_STATE);
	/* what policy delegation can say only before the content */
	if (phase == WEIR_PHASE_ACT && (stage == WEIR_STAGE_RCPT ||
	    stage == WEIR_STAGE_DATA))
		assert_int_equal(fake_edit->header_add(call, "X",
		    text_slice("y")), WEIR_OK);
	else if (phase != WEIR_PHASE_ACT || stage != WEIR_STAGE_EOM)
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
	/* the one of RCPT */
	assert_int_equal(s->message->edits.count, 1);
	assert_int_equal(completions, 0);
	session_close(&s);
}

static int
blind_call(struct fake *f, weir_call *call, int stage, int phase)
{
	(void)call;
	(void)stage;
	mark(f->m.name, phase == WEIR_PHASE_COLLECT ? "collect" : "decide");
	return WEIR_OK;
}

/* Without content a check of content is not asked, and that is known. */
static void
test_no_content(void **state)
{
	struct fake a, b;
	struct fake *all[] = { &a, &b };
	struct session *s;
	const struct unscanned *u;

	(void)state;
	fake_init(&a, "reads", BIT(EOM), BIT(EOM), 0, blind_call);
	fake_init(&b, "counts", BIT(EOM), 0, 0, blind_call);
	a.m.flags = WEIR_F_WANT_BODY;
	a.m.on_failure[0] = a.m.on_failure[1] = WEIR_ON_FAILURE_TEMPFAIL;
	fake_plan(all, 2);
	s = fake_session("in");
	fake_message(s, 1);
	s->message->no_content = true;
	fake_stage(s, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
	assert_string_equal(trace, "counts.collect reads.decide");
	u = s->message->notes.unscanned;
	assert_non_null(u);
	assert_ptr_equal(u->module, &a.m);
	assert_null(u->next);
	assert_null(run_answer(s, WEIR_RCPT_NONE));
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
		T(test_no_content),
	};

	return cmocka_run_group_tests(tests, fake_world_start,
	    fake_world_stop);
}
