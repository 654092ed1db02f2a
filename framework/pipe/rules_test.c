/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules_test - what counts: ACCEPT, shadow, scopes, the bench, withdrawn edits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/text.h"
#include "obs/board.h"
#include "pipe/call.h"
#include "pipe/guard.h"
#include "pipe/run.h"
#include "pipe/settle.h"
#include "pipe/test_fake.h"

static int
setup(void **state)
{
	(void)state;
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

/* Callbacks that follow at once: each is marked as itself, since the one before
   has left, and the board has the counts when the turn is over. */

static struct board_mark chain_marks[8];
static unsigned chain_n;

static int
chain_look(struct fake *f, weir_call *call, int stage, int phase)
{
	uint64_t begun = clock_mono_ns();

	(void)call;
	(void)stage;
	(void)phase;
	assert_true(chain_n < 8);
	assert_true(board_mark_read(my_slot, &chain_marks[chain_n++]));
	while (clock_mono_ns() - begun < 2000000)
		;
	return f->arg != NULL ? WEIR_E_TEMP : WEIR_OK;
}

static void
test_chain(void **state)
{
	struct fake a, b;
	struct fake *all[] = { &a, &b };
	struct session *s;
	struct board_module *row;

	(void)state;
	board_create();
	my_slot = board_slot_take(1);
	guard_slot(my_slot);
	fake_init(&a, "a", BIT(CONNECT) | BIT(HEADER), 0, 0, chain_look);
	fake_init(&b, "b", BIT(CONNECT) | BIT(HEADER), 0, 0, chain_look);
	b.arg = &b; /* it fails */
	a.m.board = board_module("a");
	b.m.board = board_module("b");
	fake_plan(all, 2);
	s = fake_session("in");
	chain_n = 0;
	fake_stage(s, WEIR_STAGE_CONNECT, WEIR_RCPT_NONE);
	fake_message(s, 1);
	run_header(s, text_slice("X"), text_slice(" y"));
	assert_int_equal(chain_n, 4);
	for (unsigned i = 0; i < 4; i++) {
		const struct board_mark *m = &chain_marks[i];

		assert_int_equal(m->module, i % 2 == 0 ? a.m.board : b.m.board);
		assert_int_equal(m->stage, i < 2 ? WEIR_STAGE_CONNECT :
						   WEIR_STAGE_HEADER);
		assert_string_equal(m->id, i < 2 ? s->id : s->message->id);
		if (i > 0)
			assert_true(m->since_ns >=
			    chain_marks[i - 1].since_ns + 2000000);
	}
	guard_drop_enter(&a.m); /* it has no id */
	assert_true(board_mark_read(my_slot, &chain_marks[4]));
	assert_string_equal(chain_marks[4].id, "");
	guard_drop_leave();
	loop_once(false);
	for (unsigned i = 0; i < 2; i++) {
		row = &board->module[i == 0 ? a.m.board : b.m.board];
		assert_int_equal(row->calls, 2);
		assert_true(row->time_ns >= 4000000 && row->time_ns < 9e9);
		assert_int_equal(row->failures, i == 0 ? 0 : 2);
	}
	session_close(&s);
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
	a.arg = &a;
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
		T(test_accept_stops),
		T(test_shadow),
		T(test_findings_of_session),
		T(test_facts),
		T(test_benched),
		T(test_fingerprint),
		T(test_chain),
		T(test_one_rcpt_at_a_time),
		T(test_edits_of_failed),
	};

	return cmocka_run_group_tests(tests, fake_world_start,
	    fake_world_stop);
}
