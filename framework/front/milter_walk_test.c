/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * milter_walk_test - random walks of legal and illegal commands through the
 * state machine, with a pipeline that says anything and waits at any stage.
 *
 * After each command the replies must be exactly those that the protocol owes
 * for it, so that no verdict can be taken for another one's.  WALKS in the
 * environment sets their number.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "front/milter_session.h"
#include "front/milter_wire.h"
#include "front/test_milter.h"
#include "front/test_run.h"
#include "loop/loop.h"
#include "obs/log.h"

static struct buf said = BUF_INIT;
static uint64_t seed;
static bool is_wild; /* illegal ones too */

static uint32_t
pick(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % n;
}

/* any_step - whatever a pipeline may do */
static struct test_step
any_step(struct session *s, int stage, uint32_t rcpt)
{
	struct test_step step = { .wait = pick(4) == 0 };

	(void)stage;
	(void)rcpt;
	if (pick(4) == 0)
		step.action = pick(WEIR_ACT_REJECT + 1);
	step.scope = s->message == NULL ? WEIR_SCOPE_SESSION : pick(3);
	if (step.scope == WEIR_SCOPE_RCPT && rcpt == WEIR_RCPT_NONE)
		step.scope = WEIR_SCOPE_MESSAGE;
	return step;
}

/* is_answer - one that ends the MTA's waiting */
static bool
is_answer(char code)
{
	return strchr("cyadsrtO", code) != NULL;
}

/* answers - how many replies came, of those that answer */
static unsigned
answers(void)
{
	char codes[4096];
	unsigned n = 0;

	test_milter_codes(&said, codes, sizeof(codes));
	for (const char *p = codes; *p != '\0'; p++)
		n += is_answer(*p);
	buf_clear(&said);
	return n;
}

/* owed - does the MTA wait for an answer to this command */
static unsigned
owed(char octet, uint32_t protocol)
{
	switch (octet) {
	case 'O':
	case 'E':
		return 1;
	case 'C':
		return (protocol & MILTER_P_NR_CONN) == 0;
	case 'H':
		return (protocol & MILTER_P_NR_HELO) == 0;
	case 'M':
		return (protocol & MILTER_P_NR_MAIL) == 0;
	case 'R':
		return (protocol & MILTER_P_NR_RCPT) == 0;
	case 'T':
		return (protocol & MILTER_P_NR_DATA) == 0;
	case 'L':
		return (protocol & MILTER_P_NR_HDR) == 0;
	case 'N':
		return (protocol & MILTER_P_NR_EOH) == 0;
	case 'B':
		return (protocol & MILTER_P_NR_BODY) == 0;
	case 'U':
		return (protocol & MILTER_P_NR_UNKN) == 0;
	default:
		return 0;
	}
}

/* next - a command that may well come in this state, or any */
static char
next(enum milter_state state)
{
	static const char *const likely[MILTER_STATE_COUNT] = {
		[MILTER_NEGOTIATE] = "O",
		[MILTER_START] = "CCcDK",
		[MILTER_CONNECTED] = "HHMK",
		[MILTER_READY] = "MMMmiHKA",
		[MILTER_MAIL] = "RRRRAH",
		[MILTER_RCPT] = "RRTTLAM",
		[MILTER_DATA] = "LLNA",
		[MILTER_HEADER] = "LLNNA",
		[MILTER_EOH] = "BBEA",
		[MILTER_BODY] = "BEEEA",
		[MILTER_EOM] = "A"
	};
	static const char all[] = "ODCHMRTLNBEAKUQ";

	if (is_wild && pick(40) == 0)
		return all[pick(sizeof(all) - 1)];
	return likely[state][pick((uint32_t)strlen(likely[state]))];
}

/* waited - play the MTA while a stage waits; true: the run was given up */
static bool
waited(struct conn *c)
{
	struct buf b = BUF_INIT;

	switch (pick(5)) {
	case 0:
		test_milter_script(&b, "A");
		assert_true(conn_feed(c, b.ptr, b.len));
		buf_fini(&b);
		assert_int_equal(answers(), 0);
		return true;
	case 1:
		/* the verdict is there when the MTA gives up */
		assert_true(test_run_finish());
		test_milter_script(&b, "A");
		assert_true(conn_feed(c, b.ptr, b.len));
		buf_fini(&b);
		loop_once(false);
		assert_int_equal(answers(), 0);
		return true;
	default:
		assert_int_equal(answers(), 0);
		assert_true(test_run_finish());
		loop_once(false);
		return false;
	}
}

/* set_terms - a random MTA and random wishes */
static void
set_terms(void)
{
	test_milter_version = 2 + pick(5);
	test_milter_protocol = pick(2) == 0 ? 0x1fffff : pick(0x200000);
	test_listener.no_reply = pick(2) == 0;
	for (int i = 0; i < WEIR_STAGE_COUNT; i++) {
		test_run.wants.stage[i] = pick(4) != 0;
		test_run.wants.answer[i] = pick(2) != 0;
	}
	test_run.wants.spool = pick(2) == 0;
	test_run.wants.edits = pick(2) == 0 ? 0 : EDIT_CAP_ALL;
}

/* walk - one connection */
static void
walk(void)
{
	struct conn *c = milter_session_open(-1, &test_listener);
	uint32_t protocol = 0;

	for (unsigned i = 0, n = 5 + pick(60); i < n; i++) {
		char script[2] = { next(milter_session_state(c)), '\0' };
		struct buf b = BUF_INIT;
		bool open;

		test_milter_script(&b, script);
		open = conn_feed(c, b.ptr, b.len);
		buf_fini(&b);
		if (!open) {
			assert_true(is_wild);
			answers();
			return;
		}
		if (script[0] == 'O') {
			weir_str r = test_milter_reply(&said, 0);

			assert_true(r.len >= 13 && r.ptr[0] == 'O');
			protocol = (uint32_t)(unsigned char)r.ptr[9] << 24 |
			    (uint32_t)(unsigned char)r.ptr[10] << 16 |
			    (uint32_t)(unsigned char)r.ptr[11] << 8 |
			    (unsigned char)r.ptr[12];
		}
		if (test_run_waiting() > 0 && waited(c))
			continue;
		if (answers() != owed(script[0], protocol))
			fail_msg("command %s", script);
	}
	front_close_all();
	buf_clear(&said);
}

static void
no_log(int level, enum log_event_id event, const char *line, size_t len,
    void *arg)
{
	(void)level;
	(void)event;
	(void)line;
	(void)len;
	(void)arg;
}

static void
walks(bool wild)
{
	const char *env = getenv("WALKS");
	long n = env != NULL ? atol(env) : 100000;

	conn_sink = &said;
	log_set_capture(no_log, NULL);
	is_wild = wild;
	for (long i = 0; i < n; i++) {
		test_run_reset();
		test_run.ask = any_step;
		seed = (uint64_t)i * 2 + wild;
		set_terms();
		walk();
		assert_int_equal(front_count(), 0);
		assert_int_equal(session_count(), 0);
		assert_int_equal(test_run_waiting(), 0);
		assert_int_equal(test_run.begun,
		    test_run.ended[MESSAGE_DONE] +
			test_run.ended[MESSAGE_REFUSED] +
			test_run.ended[MESSAGE_ABORTED]);
	}
	log_set_capture(NULL, NULL);
	buf_fini(&said);
	buf_fini(&test_run.seen);
	conn_sink = NULL;
}

static void
test_legal_walks(void **state)
{
	(void)state;
	walks(false);
}

static void
test_wild_walks(void **state)
{
	(void)state;
	walks(true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_legal_walks),
		cmocka_unit_test(test_wild_walks) };

	loop_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
