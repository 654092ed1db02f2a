/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keep_test - durable copies instead of a hold: each recipient's mail ends in
   exactly one place, whatever the others' verdicts are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "base/text.h"
#include "pipe/explain.h"
#include "pipe/run.h"
#include "pipe/settle.h"
#include "pipe/test_fake.h"

#define RCPTS 3
#define H fake_host

static const char letters[] = "naqdtr"; /* by enum weir_action */

/* opinion - about one recipient */
static void
opinion(struct message *m, uint32_t rcpt, uint32_t action)
{
	struct opinion o = { .action = action, .scope = WEIR_SCOPE_RCPT,
		.rcpt = rcpt, .stage = WEIR_STAGE_EOM };

	if (action != WEIR_ACT_NONE)
		notes_opinion(&m->notes, m->pool, &o);
}

/* keep_each - a keeper as it should be */
static int
keep_each(struct fake *f, weir_call *c, int stage, int phase)
{
	(void)f;
	(void)stage;
	(void)phase;
	for (uint32_t i = 0; i < H->rcpt_count(c); i++) {
		char id[16];
		int fate = H->fate(c, i);

		snprintf(id, sizeof(id), "id%u", i);
		if (fate == WEIR_ACT_QUARANTINE)
			assert_int_equal(H->kept(c, i, text_slice(id)),
			    WEIR_OK);
		else
			assert_int_equal(H->kept(c, i, text_slice(id)),
			    WEIR_E_NOTFOUND);
	}
	return WEIR_OK;
}

/* ledger - where one recipient's mail is now, by the answer and the copies */
static int
ledger(const struct message *m, const struct settled *st, uint32_t rcpt)
{
	bool stays = true, kept = m->rcpts[rcpt].kept != NULL;
	int places;

	for (uint32_t i = 0; i < st->nplan; i++)
		stays = stays && (st->plan[i]->kind != EDIT_RCPT_DELETE ||
			st->plan[i]->n != rcpt);
	if (st->action == WEIR_ACT_REJECT || st->action == WEIR_ACT_TEMPFAIL)
		return kept ? -1 : 'r'; /* with the sender, and only there */
	if (st->action == WEIR_ACT_DISCARD)
		stays = false;
	places = kept + stays;
	if (places > 1)
		return -1;
	return kept ? 'k' : !stays ? 'x' : st->hold ? 'h' : 'd';
}

/* keep_case - one combination */
static void
keep_case(const uint32_t v[RCPTS], int policy, uint32_t caps, bool adds)
{
	struct session *s = fake_session("in");
	struct message *m = fake_message(s, RCPTS + 1);
	struct edit add = { .kind = EDIT_RCPT_ADD,
		.name = text_slice("more@example.net") };
	struct settled out;
	char name[64];

	snprintf(name, sizeof(name), "%c%c%c policy %d caps %x adds %d",
	    letters[v[0]], letters[v[1]], letters[v[2]], policy, caps, adds);
	opinion(m, RCPTS, WEIR_ACT_REJECT);
	m->rcpts[RCPTS].refused = true;
	m->rcpts[RCPTS].final = WEIR_ACT_REJECT;
	for (uint32_t i = 0; i < RCPTS; i++)
		opinion(m, i, v[i]);
	if (adds)
		edits_add(&m->edits, m->pool, &add);
	settle_policy((enum settle_disagree)policy);
	s->edit_caps = caps;
	fake_stage(s, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
	settle_message(m, caps, &out);
	for (uint32_t i = 0; i < RCPTS; i++) {
		int where = ledger(m, &out, i);
		bool ok = where > 0;

		if (v[i] == WEIR_ACT_QUARANTINE)
			ok = ok && strchr("rkh", where) != NULL;
		else if (v[i] <= WEIR_ACT_ACCEPT)
			ok = ok && strchr("rdh", where) != NULL;
		if (where == 'h')
			ok = ok && (caps & EDIT_CAP(EDIT_HOLD)) != 0;
		/* with the means to do it, nobody is held */
		if ((caps & EDIT_CAP(EDIT_RCPT_DELETE)) != 0 && where == 'h')
			ok = false;
		if (!ok)
			fail_msg("%s: recipient %u is at %c (%d)", name, i,
			    where, where);
		assert_int_equal(settle_fate(m, caps, i), m->rcpts[i].final);
	}
	if (adds && out.action == WEIR_ACT_DISCARD)
		for (int i = 0; i < RCPTS; i++)
			if (v[i] == WEIR_ACT_QUARANTINE)
				fail_msg("%s: added recipient lost", name);
	assert_int_equal(m->rcpts[RCPTS].kept != NULL, false);
	message_finish(&s->message, MESSAGE_DONE);
	session_close(&s);
}

static void
test_ledger(void **state)
{
	static const uint32_t caps[] = { 0, EDIT_CAP(EDIT_RCPT_DELETE),
		EDIT_CAP(EDIT_HOLD),
		EDIT_CAP(EDIT_RCPT_DELETE) | EDIT_CAP(EDIT_HOLD) };
	struct fake keeper;
	struct fake *all[] = { &keeper };

	(void)state;
	fake_init(&keeper, "keeper", 0, 0, BIT(EOM), keep_each);
	keeper.d.flags = WEIR_F_KEEPER;
	fake_plan(all, 1);
	for (uint32_t code = 0; code < 6 * 6 * 6 * 4 * 4 * 2; code++) {
		uint32_t v[RCPTS] = { code % 6, code / 6 % 6, code / 36 % 6 };

		keep_case(v, (int)(code / 216 % 4), caps[code / 864 % 4],
		    code / 3456 == 1);
	}
	settle_policy(SETTLE_WORST);
}

/* who - the order in which act runs */
static char order[64];

static int
note_order(struct fake *f, weir_call *c, int stage, int phase)
{
	struct weir_verdict v = { .size = sizeof(v),
		.action = WEIR_ACT_TEMPFAIL, .scope = WEIR_SCOPE_MESSAGE };

	(void)stage;
	(void)phase;
	strcat(order, f->m.name);
	if (f->arg != NULL && strcmp(f->arg, "fate") == 0)
		assert_int_equal(H->fate(c, 0), WEIR_ACT_TEMPFAIL);
	else if (f->arg != NULL)
		assert_int_equal(H->verdict(c, &v), WEIR_OK);
	return WEIR_OK;
}

/* A keeper acts after those that come after all, and sees what they said. */
static void
test_last(void **state)
{
	struct fake k, a, b;
	struct fake *all[] = { &k, &a, &b };
	struct session *s = fake_session("in");

	(void)state;
	order[0] = '\0';
	fake_init(&k, "k", 0, 0, BIT(EOM), note_order);
	k.d.flags = WEIR_F_KEEPER;
	k.arg = (void *)(uintptr_t)"fate";
	fake_init(&a, "a", 0, 0, BIT(EOM), note_order);
	a.after[0] = "*";
	a.arg = (void *)(uintptr_t)"refuse";
	fake_init(&b, "b", 0, 0, BIT(EOM), note_order);
	b.after[0] = "a";
	fake_plan(all, 3);
	opinion(fake_message(s, 1), 0, WEIR_ACT_QUARANTINE);
	s->edit_caps = EDIT_CAP_ALL;
	fake_stage(s, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
	assert_string_equal(order, "abk");
	session_close(&s);
}

/* Poison is shown to the keeper alone, and to nobody when that did not help. */
static void
test_poison(void **state)
{
	struct fake k, a;
	struct fake *all[] = { &k, &a };

	(void)state;
	fake_init(&k, "k", BIT(EOM), 0, BIT(EOM), NULL);
	k.d.flags = WEIR_F_KEEPER;
	fake_init(&a, "a", BIT(EOM), BIT(EOM), BIT(EOM), NULL);
	fake_plan(all, 2);
	for (int spurned = 0; spurned < 2; spurned++) {
		struct session *s = fake_session("in");
		struct message *m = fake_message(s, 1);

		k.calls = a.calls = 0;
		m->poison = true;
		m->spurned = spurned == 1;
		fake_stage(s, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
		assert_int_equal(k.calls, spurned == 1 ? 0 : 1);
		assert_int_equal(a.calls, 0);
		session_close(&s);
	}
}

/* keep_badly - what is refused */
static int
keep_badly(struct fake *f, weir_call *c, int stage, int phase)
{
	char text[80];

	(void)stage;
	memset(text, 'a', sizeof(text));
	if (phase != WEIR_PHASE_ACT) {
		assert_int_equal(H->kept(c, 0, text_slice("x")), WEIR_E_STATE);
		assert_int_equal(H->fate(c, 0), WEIR_E_STATE);
		return WEIR_OK;
	}
	if (f->m.shadow) {
		assert_int_equal(H->fate(c, 0), WEIR_E_UNSUPPORTED);
		assert_int_equal(H->kept(c, 0, text_slice("x")),
		    WEIR_E_NOTFOUND);
		return WEIR_OK;
	}
	assert_int_equal(H->kept(c, 9, text_slice("x")), WEIR_E_INVAL);
	assert_int_equal(H->fate(c, 9), WEIR_E_INVAL);
	assert_int_equal(H->kept(c, 0, text_slice("")), WEIR_E_INVAL);
	assert_int_equal(H->kept(c, 0, text_slice("a/b")), WEIR_E_INVAL);
	assert_int_equal(H->kept(c, 0, text_slice("a\r\nb")), WEIR_E_INVAL);
	assert_int_equal(H->kept(c, 0, (weir_str){ text, 65 }), WEIR_E_INVAL);
	assert_int_equal(H->kept(c, 1, text_slice("x")), WEIR_E_NOTFOUND);
	assert_int_equal(H->kept(c, WEIR_RCPT_NONE, (weir_str){ text, 64 }),
	    WEIR_OK);
	/* each recipient once */
	assert_int_equal(H->kept(c, WEIR_RCPT_NONE, text_slice("x")),
	    WEIR_E_NOTFOUND);
	assert_int_equal(H->kept(c, 0, text_slice("x")), WEIR_E_NOTFOUND);
	return WEIR_OK;
}

/* What may be said of a copy, and what the record says. */
static void
test_kept(void **state)
{
	struct fake k;
	struct fake *all[] = { &k };

	(void)state;
	fake_init(&k, "k", BIT(EOM), BIT(EOM), BIT(EOM), keep_badly);
	fake_plan(all, 1);
	for (int shadow = 0; shadow < 2; shadow++) {
		struct session *s = fake_session("in");
		struct message *m = fake_message(s, 3);
		struct settled out;
		json_t *record, *rcpts;

		k.m.shadow = shadow == 1;
		opinion(m, 0, WEIR_ACT_QUARANTINE);
		opinion(m, 1, WEIR_ACT_ACCEPT);
		opinion(m, 2, WEIR_ACT_QUARANTINE);
		s->edit_caps = EDIT_CAP_ALL;
		fake_stage(s, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
		settle_message(m, EDIT_CAP_ALL, &out);
		record = explain_json(s, m, "message");
		rcpts = json_object_get(record, "recipients");
		assert_int_equal(out.hold, shadow == 1);
		assert_int_equal(out.kept, shadow == 0);
		assert_int_equal(out.nplan, shadow == 1 ? 0 : 2);
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(json_object_get(
				json_array_get(rcpts, i), "kept") != NULL,
			    shadow == 0 && i != 1);
		json_decref(record);
		session_close(&s);
	}
}

/* release - what is being released is exempt from eoh on */
static int
release(struct fake *f, weir_call *c, int stage, int phase)
{
	struct weir_verdict v = { .size = sizeof(v),
		.action = WEIR_ACT_TEMPFAIL, .scope = WEIR_SCOPE_MESSAGE };

	if (phase == WEIR_PHASE_ACT) {
		assert_int_equal(H->exempt(c, text_slice("x")), WEIR_E_STATE);
		if (f->arg != NULL)
			assert_int_equal(H->verdict(c, &v), WEIR_OK);
		return WEIR_OK;
	}
	assert_int_equal(stage, WEIR_STAGE_EOH);
	assert_int_equal(H->exempt(c, text_slice("known")), WEIR_OK);
	return WEIR_OK;
}

/* mind - another module that refuses, and may exempt nothing */
static int
mind(struct fake *f, weir_call *c, int stage, int phase)
{
	struct weir_verdict v = { .size = sizeof(v),
		.action = WEIR_ACT_REJECT, .scope = WEIR_SCOPE_MESSAGE };

	(void)f;
	(void)stage;
	assert_int_equal(H->exempt(c, text_slice("x")), WEIR_E_STATE);
	if (phase == WEIR_PHASE_DECIDE)
		assert_int_equal(H->verdict(c, &v), WEIR_OK);
	return WEIR_OK;
}

/* Nobody else's word counts for exempt mail, the keeper's own does. */
static void
test_exempt(void **state)
{
	struct fake k, a;
	struct fake *all[] = { &k, &a };

	(void)state;
	fake_init(&k, "k", 0, BIT(EOH), BIT(EOM), release);
	k.d.flags = WEIR_F_KEEPER;
	fake_init(&a, "a", BIT(EOM), BIT(EOH) | BIT(EOM), BIT(EOM), mind);
	fake_plan(all, 2);
	for (int last = 0; last < 2; last++) {
		struct session *s = fake_session("in");
		struct message *m = fake_message(s, 1);
		struct settled out;

		a.calls = 0;
		k.arg = last == 1 ? &last : NULL;
		fake_stage(s, WEIR_STAGE_EOH, WEIR_RCPT_NONE);
		fake_stage(s, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
		assert_in_range(a.calls, 0, 1);
		settle_message(m, EDIT_CAP_ALL, &out);
		assert_int_equal(out.action,
		    last == 1 ? WEIR_ACT_TEMPFAIL : WEIR_ACT_NONE);
		session_close(&s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ledger),
		cmocka_unit_test(test_last),
		cmocka_unit_test(test_poison),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_exempt),
	};

	return cmocka_run_group_tests(tests, fake_world_start,
	    fake_world_stop);
}
