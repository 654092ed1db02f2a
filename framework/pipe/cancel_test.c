/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cancel_test - whatever ends a call, everything it started completes exactly
 * once, no call stays open, no memory is used after it is freed.
 *
 * First each kind of operation by itself, then modules that do what a seeded
 * generator says, cut off at any point.  CANCEL_SEED and CANCEL_RUNS in the
 * environment change seed and number.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/text.h"
#include "loop/loop.h"
#include "pipe/call.h"
#include "pipe/plan.h"
#include "pipe/run.h"
#include "pipe/test_fake.h"

enum kind {
	OP_TIMER,
	OP_DNS,
	OP_DNS_TIMEOUT,
	OP_STORE_GET,
	OP_STORE_PUT,
	OP_STORE_WALK,
	OP_JOB,
	OP_JOB_QUEUED,
	OP_HOLD,
	OP_HOLD_TIMEOUT,
	OP_KINDS
};

static const char *const kind_names[OP_KINDS] = { "timer", "dns",
	"dns-timeout", "store-get", "store-put", "store-walk", "job",
	"job-queued", "hold", "hold-timeout" };

/* One thing that was started. */
struct op {
	struct fake *f;
	enum kind kind;
	int depth;	 /* may start more while this is > 0 */
	char *memory;	 /* of the message or session, for jobs */
	weir_hold *hold;
	unsigned completed;
	int status;
};

#define OPS_MAX 64
static struct op ops[OPS_MAX];
static unsigned nops;
static bool inside_starter;
static uint64_t seed;

/* A gate that keeps jobs from ending. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_moved = PTHREAD_COND_INITIALIZER;
static bool gate_shut;
static int gate_inside;

/* draw - the next number below n */
static unsigned
draw(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 20) % n;
}

static void start_some(struct fake *f, weir_call *call, int depth);

/* complete - once, outside of the starter, with a status that exists */
static void
complete(struct op *o, weir_call *call, int status)
{
	bool given_up;

	if (inside_starter)
		fail_msg("%s completes inside its starter",
		    kind_names[o->kind]);
	if (o->completed++ > 0)
		fail_msg("%s completes twice", kind_names[o->kind]);
	assert_in_range(-status, 0, 12);
	o->status = status;
	assert_int_not_equal(fake_host->stage(call), WEIR_E_STALE);
	/* an impossible timer: only a call that was given up says so first */
	given_up = fake_timer->after(call, 0, NULL, NULL) == WEIR_E_CANCELLED;
	if (status == WEIR_E_CANCELLED)
		assert_true(given_up);
	if (!given_up && o->depth > 0)
		start_some(o->f, call, o->depth - 1);
}

static void
on_task(weir_call *call, int status, void *arg)
{
	complete(arg, call, status);
}

static void
on_dns(weir_call *call, const struct weir_dns_answer *a, void *arg)
{
	complete(arg, call, a->status);
}

static void
on_store(weir_call *call, int status, weir_str value, void *arg)
{
	(void)value;
	complete(arg, call, status);
}

static bool
on_row(weir_call *call, weir_str key, weir_str value, int64_t expires,
    void *arg)
{
	struct op *o = arg;

	(void)call;
	(void)key;
	(void)value;
	(void)expires;
	assert_int_equal(o->completed, 0);
	return true;
}

/* run_job - touches what the host promised to keep */
static int
run_job(weir_jobctx *ctx, void *arg)
{
	struct op *o = arg;

	if (o->memory != NULL)
		memset(o->memory, 'j', 256);
	pthread_mutex_lock(&gate);
	gate_inside++;
	pthread_cond_broadcast(&gate_moved);
	while (gate_shut)
		pthread_cond_wait(&gate_moved, &gate);
	pthread_mutex_unlock(&gate);
	(void)fake_job->unwanted(ctx);
	if (o->memory != NULL) {
		for (int i = 0; i < 256; i++) {
			if (o->memory[i] != 'j')
				return -1000;
		}
	}
	return WEIR_OK;
}

static void
on_job(weir_call *call, int status, void *arg)
{
	struct op *o = arg;

	assert_int_not_equal(status, -1000);
	if (o->memory != NULL)
		o->memory[0] = 'x';
	complete(o, call, status);
}

/* start_job - with memory that must outlive it */
static int
start_job(weir_call *call, struct op *o)
{
	o->memory = fake_host->alloc(call, WEIR_SCOPE_MESSAGE, 256);
	if (o->memory == NULL)
		o->memory = fake_host->alloc(call, WEIR_SCOPE_SESSION, 256);
	return fake_job->start(call, run_job, on_job, o);
}

/* start - one operation */
static struct op *
start(struct fake *f, weir_call *call, enum kind kind, int depth,
    uint32_t ms)
{
	struct op *o = &ops[nops];
	weir_str key = text_slice("key"), none = text_slice("");
	int status = WEIR_OK;

	if (nops == OPS_MAX)
		return NULL;
	memset(o, 0, sizeof(*o));
	o->f = f;
	o->kind = kind;
	o->depth = depth;
	inside_starter = true;
	switch (kind) {
	case OP_TIMER:
		status = fake_timer->after(call, ms, on_task, o);
		break;
	case OP_DNS:
		status = fake_dns->query(call, "yes.test", WEIR_DNS_A, 0,
		    on_dns, o);
		break;
	case OP_DNS_TIMEOUT:
		status = fake_dns->query(call, "never.test", WEIR_DNS_A, 0,
		    on_dns, o);
		break;
	case OP_STORE_GET:
		status = fake_store->get(call, key, on_store, o);
		break;
	case OP_STORE_PUT:
		status = fake_store->put(call, key, key, 60000, on_store, o);
		break;
	case OP_STORE_WALK:
		status = fake_store->walk(call, none, none, 10, on_row,
		    on_store, o);
		break;
	case OP_JOB:
	case OP_JOB_QUEUED:
		status = start_job(call, o);
		break;
	case OP_HOLD:
	case OP_HOLD_TIMEOUT:
		o->hold = fake_host->hold(call,
		    kind == OP_HOLD_TIMEOUT ? ms + 1 : 0, on_task, o);
		status = o->hold != NULL ? WEIR_OK : WEIR_E_INTERNAL;
		break;
	default:
		panic("no kind %d", (int)kind);
	}
	inside_starter = false;
	assert_int_equal(status, WEIR_OK);
	nops++;
	return o;
}

/* gate_set - let jobs pass or not */
static void
gate_set(bool shut)
{
	pthread_mutex_lock(&gate);
	gate_shut = shut;
	pthread_cond_broadcast(&gate_moved);
	pthread_mutex_unlock(&gate);
}

/* gate_wait - until so many jobs are inside */
static void
gate_wait(int n)
{
	pthread_mutex_lock(&gate);
	while (gate_inside < n)
		pthread_cond_wait(&gate_moved, &gate);
	pthread_mutex_unlock(&gate);
}

/* start_kind - the callback of the table: one operation of a kind */
static int
start_kind(struct fake *f, weir_call *call, int stage, int phase)
{
	enum kind kind = *(enum kind *)f->arg;

	(void)stage;
	(void)phase;
	gate_inside = 0;
	if (kind == OP_JOB || kind == OP_JOB_QUEUED)
		gate_set(true);
	if (kind == OP_JOB_QUEUED) {
		/* the two threads are busy */
		start(f, call, OP_JOB, 0, 0);
		start(f, call, OP_JOB, 0, 0);
	}
	start(f, call, kind, 0, 60000);
	if (kind == OP_JOB)
		gate_wait(1);
	if (kind == OP_JOB_QUEUED)
		gate_wait(2);
	return WEIR_OK;
}

static void
never_done(struct session *s, enum weir_stage stage, uint32_t rcpt)
{
	(void)s;
	(void)stage;
	(void)rcpt;
	fail_msg("a run that was cancelled is done");
}

/* cancel_case - one kind at one stage, ended by the message, by the session */
static void
cancel_case(enum kind kind, int stage, int phase, bool whole_session)
{
	unsigned bit = 1u << stage;
	struct session *s = fake_session("in");
	struct fake a;
	struct fake *all[] = { &a };
	unsigned ran = 0;

	nops = 0;
	fake_init(&a, "a", phase == 0 ? bit : 0, phase == 1 ? bit : 0,
	    phase == 2 ? bit : 0, start_kind);
	a.arg = &kind;
	fake_plan(all, 1);
	if (stage >= WEIR_STAGE_MAIL)
		fake_message(s, 1);
	assert_false(run_stage(s, (enum weir_stage)stage,
	    stage == WEIR_STAGE_RCPT ? 0 : WEIR_RCPT_NONE, never_done));
	assert_int_equal(call_count(), 1);
	if (whole_session) {
		session_close(&s);
	} else {
		run_cancel(s);
		assert_false(run_is_active(s));
		run_cancel(s);
	}
	/* a cancelled call leaves no note */
	if (!whole_session && s->message != NULL)
		assert_int_equal(s->message->notes.nunscanned, 0);
	for (unsigned i = 0; i < nops; i++) {
		bool runs = ops[i].kind == OP_JOB;

		ran += runs;
		if (ops[i].completed != !runs)
			fail_msg("%s: completed %u times",
			    kind_names[ops[i].kind], ops[i].completed);
	}
	assert_int_equal(call_count(), ran > 0);
	if (!whole_session && ran > 0) {
		/* the message may be gone before the job is */
		if (s->message != NULL)
			message_finish(&s->message, MESSAGE_ABORTED);
		session_close(&s);
	}
	gate_set(false);
	fake_drain();
	for (unsigned i = 0; i < nops; i++) {
		assert_int_equal(ops[i].completed, 1);
		assert_int_equal(ops[i].status, WEIR_E_CANCELLED);
	}
	/* releases that come too late */
	for (unsigned i = 0; i < nops; i++)
		fake_host->release(ops[i].hold, WEIR_OK);
	loop_once(false);
	if (s != NULL)
		session_close(&s);
}

static void
test_each_kind(void **state)
{
	static const int stages[] = { WEIR_STAGE_CONNECT, WEIR_STAGE_HELO,
		WEIR_STAGE_MAIL, WEIR_STAGE_RCPT, WEIR_STAGE_DATA,
		WEIR_STAGE_EOH, WEIR_STAGE_EOM };

	(void)state;
	for (int k = 0; k < OP_KINDS; k++) {
		for (size_t i = 0; i < sizeof(stages) / sizeof(*stages); i++) {
			cancel_case((enum kind)k, stages[i], (int)i % 3, true);
			cancel_case((enum kind)k, stages[i], (int)i % 3,
			    false);
		}
	}
}

/* The deadline comes while a job runs: the stage goes on, the job's memory
   stays, its end is told later. */
static void
test_deadline_of_job(void **state)
{
	enum kind kind = OP_JOB;
	struct fake a;
	struct fake *all[] = { &a };
	struct session *s = fake_session("in");

	(void)state;
	nops = 0;
	fake_init(&a, "a", BIT(EOM), 0, 0, start_kind);
	a.arg = &kind;
	a.m.timeout_ms = 5;
	fake_plan(all, 1);
	fake_message(s, 1);
	fake_stage(s, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
	assert_int_equal(ops[0].completed, 0);
	assert_int_equal(call_count(), 1);
	assert_int_equal(s->message->notes.nunscanned, 1);
	session_close(&s);
	gate_set(false);
	fake_drain();
	assert_int_equal(ops[0].completed, 1);
	assert_int_equal(ops[0].status, WEIR_E_TIMEOUT);
}

/* The process stops: what has no session is given up, too. */

static void
on_own_task(weir_call *call, int status, void *arg)
{
	assert_int_equal(status, WEIR_OK);
	start(arg, call, OP_TIMER, 0, 60000);
	start(arg, call, OP_HOLD, 0, 60000);
	start(arg, call, OP_STORE_GET, 0, 0);
}

static void
test_cancel_all(void **state)
{
	struct fake a;
	struct fake *all[] = { &a };

	(void)state;
	nops = 0;
	fake_init(&a, "a", 0, 0, 0, NULL);
	fake_plan(all, 1);
	assert_int_equal(fake_host->task(fake_self(&a), on_own_task, &a, 0),
	    WEIR_OK);
	assert_int_equal(nops, 0);
	loop_once(false);
	assert_int_equal(nops, 3);
	call_cancel_all(WEIR_E_CANCELLED);
	assert_int_equal(call_count(), 0);
	for (unsigned i = 0; i < nops; i++)
		assert_int_equal(ops[i].completed, 1);
}

/* Random modules. */

static void *
release_from_thread(void *arg)
{
	fake_host->release(arg, WEIR_OK);
	fake_host->release(arg, WEIR_E_TEMP);
	return NULL;
}

/* start_some - up to three operations; holds are let go somehow */
static void
start_some(struct fake *f, weir_call *call, int depth)
{
	unsigned n = draw(4);

	while (n-- > 0) {
		enum kind kind = (enum kind)draw(OP_KINDS);
		struct op *o;
		pthread_t thread;

		/* threads are slow, a few of them do */
		if ((kind == OP_JOB || kind == OP_JOB_QUEUED) && draw(8) != 0)
			kind = OP_TIMER;
		o = start(f, call, kind, depth, draw(3));
		if (o == NULL || kind != OP_HOLD)
			continue;
		if (draw(16) == 0 && pthread_create(&thread, NULL,
		    release_from_thread, o->hold) == 0)
			pthread_join(thread, NULL);
		else if (draw(8) != 0)
			fake_host->release(o->hold, WEIR_OK);
		/* else: the deadline or the end of the run */
	}
}

static int
random_callback(struct fake *f, weir_call *call, int stage, int phase)
{
	static const int statuses[] = { WEIR_OK, WEIR_OK, WEIR_OK, WEIR_E_TEMP,
		WEIR_E_CANCELLED, WEIR_OK, WEIR_OK, 12345 };

	(void)phase;
	if (stage < 0)
		return WEIR_OK;
	start_some(f, call, 2);
	if (draw(10) == 0)
		(fake_host->fail)(call, WEIR_E_TEMP, text_slice("random"));
	return statuses[draw(8)];
}

static unsigned stages_done;

static void
on_stage_done(struct session *s, enum weir_stage stage, uint32_t rcpt)
{
	(void)stage;
	(void)rcpt;
	assert_false(run_is_active(s));
	stages_done++;
}

/* random_stage - run one, cut it off perhaps; false: the session is gone */
static bool
random_stage(struct session **s, int stage, unsigned *cut)
{
	unsigned turns = draw(8), before = stages_done;
	bool ended = run_stage(*s, (enum weir_stage)stage,
	    stage == WEIR_STAGE_RCPT ? 0 : WEIR_RCPT_NONE, on_stage_done);

	while (!ended && turns-- > 0) {
		loop_once(false);
		ended = stages_done > before;
	}
	if (!ended && draw(8) != 0) {
		(*cut)++;
		if (draw(2) == 0) {
			session_close(s);
			return false;
		}
		run_cancel(*s);
		assert_int_equal(stages_done, before);
		return true;
	}
	while (!ended) {
		loop_once(true);
		ended = stages_done > before;
	}
	assert_in_range(stages_done - before, 0, 1);
	return true;
}

/* random_run - one session */
static void
random_run(struct fake *fakes, unsigned *cut)
{
	struct session *s = fake_session(draw(2) == 0 ? "in" : "out");
	bool open = random_stage(&s, WEIR_STAGE_CONNECT, cut);

	for (int m = 0; open && m < 2; m++) {
		fake_message(s, 1);
		open = random_stage(&s, WEIR_STAGE_RCPT, cut) &&
		    random_stage(&s, WEIR_STAGE_EOM, cut);
		if (open)
			message_finish(&s->message, draw(2) == 0 ?
				MESSAGE_DONE : MESSAGE_ABORTED);
	}
	if (s != NULL)
		session_close(&s);
	fake_drain();
	(void)fakes;
	for (unsigned i = 0; i < nops; i++) {
		if (ops[i].completed != 1)
			fail_msg("%s completed %u times",
			    kind_names[ops[i].kind], ops[i].completed);
		/* long after */
		if (ops[i].hold != NULL && draw(4) == 0)
			fake_host->release(ops[i].hold, WEIR_OK);
	}
}

static void
test_random(void **state)
{
	const char *text = getenv("CANCEL_SEED"), *runs = getenv("CANCEL_RUNS");
	unsigned long n = runs != NULL ? strtoul(runs, NULL, 0) : 20000;
	unsigned all_bits = BIT(CONNECT) | BIT(RCPT) | BIT(EOM);
	unsigned total = 0, cut = 0, failed = 0;
	struct fake a, b, c;
	struct fake *all[] = { &a, &b, &c };

	(void)state;
	seed = text != NULL ? strtoull(text, NULL, 0) : 20260131;
	print_message("seed %llu, %lu runs\n", (unsigned long long)seed, n);
	fake_init(&a, "a", all_bits, 0, 0, random_callback);
	fake_init(&b, "b", BIT(EOM), all_bits, 0, random_callback);
	fake_init(&c, "c", BIT(CONNECT), BIT(EOM), BIT(EOM), random_callback);
	c.after[0] = "a";
	a.m.timeout_ms = b.m.timeout_ms = c.m.timeout_ms = 2;
	b.m.on_failure[0] = WEIR_ON_FAILURE_PASS;
	fake_plan(all, 3);
	for (unsigned long i = 0; i < n; i++) {
		uint64_t begin = seed;

		nops = 0;
		random_run(all[0], &cut);
		for (unsigned k = 0; k < nops; k++)
			failed += ops[k].status != WEIR_OK;
		total += nops;
		if (call_count() != 0 || session_count() != 0)
			fail_msg("run %lu from seed %llu: %u calls left", i,
			    (unsigned long long)begin, call_count());
		fake_log[0] = '\0';
	}
	print_message("%u operations, %u of them without success, %u runs cut "
	    "off\n", total, failed, cut);
	assert_in_range(total, n, UINT32_MAX);
	assert_in_range(cut, n / 20, UINT32_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_kind),
		cmocka_unit_test(test_deadline_of_job),
		cmocka_unit_test(test_cancel_all),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, fake_world_start,
	    fake_world_stop);
}
