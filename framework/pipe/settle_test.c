/* SPDX-License-Identifier: GPL-2.0-or-later */
/* settle_test - from verdicts per recipient to one answer, and its text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "pipe/run.h"
#include "pipe/settle.h"
#include "pipe/test_fake.h"

#define RCPTS 3
#define CAP_LEAVE EDIT_CAP(EDIT_RCPT_DELETE)
#define CAP_HOLD EDIT_CAP(EDIT_HOLD)

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

/* want - the rule in words, written another way than settle.c: what happens to
   a recipient with each verdict */
struct want {
	uint32_t action;
	bool hold;
	bool leaves[RCPTS];
};

static void
want_make(const uint32_t v[RCPTS], int policy, uint32_t caps, struct want *w)
{
	int refusing = 0, temp = 0, discard = 0, keep = 0;

	memset(w, 0, sizeof(*w));
	for (int i = 0; i < RCPTS; i++) {
		refusing += v[i] >= WEIR_ACT_TEMPFAIL;
		temp += v[i] == WEIR_ACT_TEMPFAIL;
		discard += v[i] == WEIR_ACT_DISCARD;
		keep += v[i] == WEIR_ACT_QUARANTINE;
	}
	if (refusing > 0) {
		bool part = refusing < RCPTS && (caps & CAP_LEAVE) != 0 &&
		    (policy == SETTLE_DROP ||
			(policy == SETTLE_MAJORITY && refusing * 2 < RCPTS));

		if (!part) {
			w->action = refusing > temp ? WEIR_ACT_REJECT :
						      WEIR_ACT_TEMPFAIL;
			return;
		}
		if (temp > 0) {
			w->action = WEIR_ACT_TEMPFAIL;
			return;
		}
	}
	if (discard > 0 && discard + refusing == RCPTS) {
		w->action = WEIR_ACT_DISCARD;
		return;
	}
	if (keep > 0 && (caps & CAP_HOLD) == 0) {
		w->action = WEIR_ACT_TEMPFAIL;
		return;
	}
	w->hold = keep > 0;
	w->action = keep > 0 ? WEIR_ACT_QUARANTINE : WEIR_ACT_NONE;
	for (int i = 0; i < RCPTS; i++)
		w->leaves[i] = v[i] == WEIR_ACT_REJECT ||
		    (v[i] == WEIR_ACT_DISCARD && (caps & CAP_LEAVE) != 0);
}

/* settle_case - one combination */
static void
settle_case(struct session *s, const uint32_t v[RCPTS], int policy,
    uint32_t caps)
{
	struct message *m = fake_message(s, RCPTS + 1);
	bool leaves[RCPTS] = { false };
	struct settled out;
	struct want w;
	char name[64];

	snprintf(name, sizeof(name), "%c%c%c policy %d caps %x", letters[v[0]],
	    letters[v[1]], letters[v[2]], policy, caps);
	/* one more who was refused at RCPT has no part in it */
	opinion(m, RCPTS, WEIR_ACT_REJECT);
	m->rcpts[RCPTS].refused = true;
	for (uint32_t i = 0; i < RCPTS; i++)
		opinion(m, i, v[i]);
	settle_policy((enum settle_disagree)policy);
	settle_message(m, caps, &out);
	want_make(v, policy, caps, &w);
	if (out.action != w.action || out.hold != w.hold)
		fail_msg("%s: action %u hold %d, not %u %d", name, out.action,
		    out.hold, w.action, w.hold);
	if (out.action == WEIR_ACT_REJECT &&
	    (out.smtp_code != 550 || strcmp(out.enhanced, "5.7.1") != 0))
		fail_msg("%s: %u %s", name, out.smtp_code, out.enhanced);
	if (out.action == WEIR_ACT_TEMPFAIL &&
	    (out.smtp_code != 451 || strcmp(out.enhanced, "4.7.1") != 0))
		fail_msg("%s: %u %s", name, out.smtp_code, out.enhanced);
	if (out.action == WEIR_ACT_NONE || out.action == WEIR_ACT_QUARANTINE) {
		for (uint32_t i = 0; i < out.nplan; i++) {
			assert_int_equal(out.plan[i]->kind, EDIT_RCPT_DELETE);
			assert_in_range(out.plan[i]->n, 0, RCPTS - 1);
			assert_false(leaves[out.plan[i]->n]);
			leaves[out.plan[i]->n] = true;
		}
		for (int i = 0; i < RCPTS; i++) {
			if (leaves[i] != w.leaves[i])
				fail_msg("%s: recipient %d leaves: %d", name,
				    i, leaves[i]);
			/* who stays has no verdict that forbids it; who is to
			   be tried again never leaves */
			if (leaves[i] && v[i] == WEIR_ACT_TEMPFAIL)
				fail_msg("%s: mail lost", name);
			if (!leaves[i] && m->rcpts[i].final > WEIR_ACT_QUARANTINE)
				fail_msg("%s: recipient %d gets it, the record "
				    "says %u", name, i, m->rcpts[i].final);
		}
	}
	message_finish(&s->message, MESSAGE_DONE);
}

/* 6 verdicts for each of 3 recipients, 4 policies, 4 sets of caps. */
static void
test_truth_table(void **state)
{
	static const uint32_t caps[] = { 0, CAP_LEAVE, CAP_HOLD,
		CAP_LEAVE | CAP_HOLD };
	struct session *s = fake_session("in");
	int n = 0;

	(void)state;
	for (uint32_t code = 0; code < 6 * 6 * 6; code++) {
		uint32_t v[RCPTS] = { code % 6, code / 6 % 6, code / 36 };

		for (int p = SETTLE_WORST; p <= SETTLE_TEMPFAIL_OTHERS; p++) {
			for (size_t c = 0; c < 4; c++, n++)
				settle_case(s, v, p, caps[c]);
		}
	}
	assert_int_equal(n, 216 * 16);
	settle_policy(SETTLE_WORST);
	session_close(&s);
}

/* Those whom a verdict takes out leave, however many edits there are. */
static void
test_leave_beyond_limit(void **state)
{
	struct session *s = fake_session("in");
	struct message *m = fake_message(s, 2);
	struct edit e = { .kind = EDIT_HEADER_ADD, .name = text_slice("X"),
		.value = text_slice("y") };
	struct fake f;
	struct settled out;

	(void)state;
	fake_init(&f, "one", 0, 0, 0, NULL);
	e.module = &f.m;
	while (edits_add(&m->edits, m->pool, &e) == WEIR_OK)
		continue;
	opinion(m, 1, WEIR_ACT_DISCARD);
	settle_message(m, EDIT_CAP_ALL, &out);
	assert_int_equal(out.action, WEIR_ACT_NONE);
	assert_int_equal(out.nplan, EDIT_MAX + 1);
	assert_int_equal(out.plan[EDIT_MAX]->kind, EDIT_RCPT_DELETE);
	session_close(&s);
}

/* A policy front-end tells no recipients: the message's own verdict counts. */
static void
test_no_recipients(void **state)
{
	struct session *s = fake_session("in");
	struct message *m = fake_message(s, 0);
	struct opinion o = { .action = WEIR_ACT_REJECT,
		.scope = WEIR_SCOPE_MESSAGE, .rcpt = WEIR_RCPT_NONE,
		.smtp_code = 554, .enhanced = "5.7.9", .text = "go away" };
	struct settled out;

	(void)state;
	notes_opinion(&m->notes, m->pool, &o);
	settle_message(m, EDIT_CAP_ALL, &out);
	assert_int_equal(out.action, WEIR_ACT_REJECT);
	assert_int_equal(out.smtp_code, 554);
	assert_string_equal(out.enhanced, "5.7.9");
	assert_string_equal(out.text, "go away");
	session_close(&s);
}

struct reply_case {
	uint32_t action;
	uint32_t code;
	const char *enhanced, *text, *reply;
};

static const struct reply_case replies[] = {
	{ WEIR_ACT_REJECT, 0, NULL, NULL, "550 5.7.1 Message refused [ID]" },
	{ WEIR_ACT_TEMPFAIL, 0, NULL, NULL,
	    "451 4.7.1 Please try again later [ID]" },
	{ WEIR_ACT_TEMPFAIL, 0, NULL, "",
	    "451 4.7.1 Please try again later [ID]" },
	{ WEIR_ACT_REJECT, 554, "5.7.26", "no", "554 5.7.26 no [ID]" },
	/* codes of the wrong class */
	{ WEIR_ACT_REJECT, 450, "4.2.0", "no", "550 5.7.1 no [ID]" },
	{ WEIR_ACT_TEMPFAIL, 550, "5.2.0", "no", "451 4.7.1 no [ID]" },
	{ WEIR_ACT_REJECT, 999, "2.0.0", "no", "550 5.7.1 no [ID]" },
	/* several lines */
	{ WEIR_ACT_REJECT, 550, "5.1.1", "one\ntwo\n\nfour",
	    "550-5.1.1 one\r\n550-5.1.1 two\r\n550-5.1.1 \r\n"
	    "550 5.1.1 four [ID]" },
	{ WEIR_ACT_REJECT, 550, "5.1.1", "one\n",
	    "550-5.1.1 one\r\n550 5.1.1  [ID]" },
	/* what would end the line or change its direction is shown */
	{ WEIR_ACT_REJECT, 550, "5.1.1", "a\rb\x7f" "c\xe2\x80\xae" "d",
	    "550 5.1.1 a\\x0db\\x7fc\\xe2\\x80\\xaed [ID]" },
	{ WEIR_ACT_REJECT, 550, "5.1.1", "bad \xff utf",
	    "550 5.1.1 bad \\xff utf [ID]" },
	{ WEIR_ACT_REJECT, 550, "5.1.1", "gr\xc3\xbc\xc3\x9f" "e 100%",
	    "550 5.1.1 gr\xc3\xbc\xc3\x9f" "e 100% [ID]" },
};

static void
test_replies(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(replies) / sizeof(*replies); i++) {
		const struct reply_case *c = &replies[i];
		struct opinion o = { .action = c->action, .smtp_code = c->code,
			.enhanced = c->enhanced, .text = c->text };
		struct buf out = BUF_INIT;
		struct settled st;

		settle_early(&o, &st);
		buf_add_str(&out, "");
		settle_reply(&st, "ID", &out);
		assert_string_equal(out.ptr, c->reply);
		buf_fini(&out);
	}
}

/* No line over 512 octets with its CRLF, no reply without end. */
static void
test_long_replies(void **state)
{
	char text[4000];

	(void)state;
	for (int with_lines = 0; with_lines < 3; with_lines++) {
		struct opinion o = { .action = WEIR_ACT_REJECT,
			.smtp_code = 550, .enhanced = "5.123.123",
			.text = text };
		struct buf out = BUF_INIT;
		struct settled st;
		size_t begin = 0;

		memset(text, with_lines == 2 ? '\xff' : 'x', sizeof(text));
		for (size_t i = 1; with_lines == 1 && i < sizeof(text); i += 2)
			text[i] = '\n';
		text[sizeof(text) - 1] = '\0';
		settle_early(&o, &st);
		settle_reply(&st, "0123456789ab", &out);
		assert_in_range(out.len, 100, 2000);
		for (size_t i = 0; i <= out.len; i++) {
			if (i < out.len && out.ptr[i] != '\n')
				continue;
			assert_in_range(i - begin, 10, 510);
			begin = i + 1;
		}
		assert_non_null(strstr(out.ptr, "\r\n550 5.123.123 ") != NULL ?
			out.ptr : with_lines != 1 ? out.ptr : NULL);
		assert_string_equal(out.ptr + out.len - 15,
		    " [0123456789ab]");
		buf_fini(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truth_table),
		cmocka_unit_test(test_leave_beyond_limit),
		cmocka_unit_test(test_no_recipients),
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_long_replies),
	};

	return cmocka_run_group_tests(tests, fake_world_start,
	    fake_world_stop);
}
