/* SPDX-License-Identifier: GPL-2.0-or-later */
/* milter_session_test - the state machine against a scripted pipeline, without
   sockets; milter_conn_test has those. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/budget.h"
#include "base/pool.h"
#include "base/text.h"
#include "front/milter_session.h"
#include "front/milter_wire.h"
#include "front/test_milter.h"
#include "front/test_run.h"
#include "loop/loop.h"
#include "pipe/settle.h"

static struct buf said = BUF_INIT;

static int
setup(void **state)
{
	(void)state;
	test_run_reset();
	test_milter_protocol = 0x1fffff;
	test_milter_version = 6;
	buf_clear(&said);
	conn_sink = &said;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	front_close_all();
	assert_int_equal(front_count(), 0);
	assert_int_equal(session_count(), 0);
	assert_int_equal(test_run_waiting(), 0);
	buf_fini(&said);
	buf_fini(&test_run.seen);
	conn_sink = NULL;
	return 0;
}

/* play - feed a script (see test_milter.h); false: closed */
static bool
play(struct conn *c, const char *script)
{
	struct buf b = BUF_INIT;
	bool open;

	test_milter_script(&b, script);
	open = conn_feed(c, b.ptr, b.len);
	buf_fini(&b);
	return open;
}

/* expect_said - the replies since the last time, one octet each */
static void
expect_said(const char *want)
{
	char codes[256];

	test_milter_codes(&said, codes, sizeof(codes));
	assert_string_equal(codes, want);
	buf_clear(&said);
}

static void
expect_seen(const char *want)
{
	assert_string_equal(test_run.seen.ptr != NULL ? test_run.seen.ptr : "",
	    want);
	buf_clear(&test_run.seen);
}

static void
test_message(void **state)
{
	struct conn *c = milter_session_open(-1, &test_listener);

	(void)state;
	assert_false(play(c, "OCHMRRTLLNBBEQ"));
	expect_said("Occcccccccccc");
	expect_seen("connect helo=mx.example mail=a@example rcpt=r@example "
		    "rcpt=r@example data Subject: hello Subject: hello eoh "
		    "body=4 body=4 eom end=0 close ");
	assert_int_equal(test_run.ended[MESSAGE_DONE], 1);
}

/* Each stage, each action, each scope: what is said and what is over. */
static void
test_verdicts(void **state)
{
	enum { SES = WEIR_SCOPE_SESSION, MSG = WEIR_SCOPE_MESSAGE,
		RCP = WEIR_SCOPE_RCPT };
	enum { REJ = WEIR_ACT_REJECT, TMP = WEIR_ACT_TEMPFAIL,
		DIS = WEIR_ACT_DISCARD, QUA = WEIR_ACT_QUARANTINE,
		ACC = WEIR_ACT_ACCEPT };
	static const struct {
		int stage;
		uint32_t action, scope;
		const char *script, *codes;
		int end; /* how the message ended, -1: it is open */
	} rows[] = {
		{ WEIR_STAGE_CONNECT, REJ, SES, "OC", "Oy", -1 },
		{ WEIR_STAGE_CONNECT, TMP, SES, "OC", "Oy", -1 },
		{ WEIR_STAGE_CONNECT, DIS, SES, "OCHM", "Occd", 1 },
		{ WEIR_STAGE_CONNECT, ACC, SES, "OC", "Oa", -1 },
		{ WEIR_STAGE_CONNECT, QUA, SES, "OCHMRTLNBE", "Occccccccqc",
		    0 },
		{ WEIR_STAGE_HELO, REJ, SES, "OCH", "Ocy", -1 },
		{ WEIR_STAGE_MAIL, REJ, MSG, "OCHM", "Occy", 1 },
		{ WEIR_STAGE_MAIL, TMP, MSG, "OCHMM", "Occyy", 1 },
		{ WEIR_STAGE_MAIL, DIS, MSG, "OCHM", "Occd", 1 },
		{ WEIR_STAGE_MAIL, ACC, MSG, "OCHM", "Occa", 1 },
		{ WEIR_STAGE_RCPT, REJ, RCP, "OCHMRRA", "Occcyy", 1 },
		{ WEIR_STAGE_RCPT, TMP, RCP, "OCHMRA", "Occcy", 1 },
		{ WEIR_STAGE_RCPT, REJ, MSG, "OCHMRRA", "Occcyy", 1 },
		{ WEIR_STAGE_RCPT, DIS, RCP, "OCHMRTLNBE", "Occccccccd", 0 },
		{ WEIR_STAGE_RCPT, DIS, MSG, "OCHMR", "Occcd", 1 },
		{ WEIR_STAGE_RCPT, ACC, RCP, "OCHMRTLNBE", "Occccccccc", 0 },
		{ WEIR_STAGE_RCPT, ACC, MSG, "OCHMR", "Occca", 1 },
		{ WEIR_STAGE_DATA, REJ, MSG, "OCHMRT", "Occccy", 1 },
		{ WEIR_STAGE_DATA, DIS, MSG, "OCHMRT", "Occccd", 1 },
		{ WEIR_STAGE_EOH, TMP, MSG, "OCHMRTLN", "Occccccy", 1 },
		{ WEIR_STAGE_EOM, REJ, MSG, "OCHMRTLNBE", "Occccccccy", 0 },
		{ WEIR_STAGE_EOM, TMP, MSG, "OCHMRTLNBE", "Occccccccy", 0 },
		{ WEIR_STAGE_EOM, DIS, MSG, "OCHMRTLNBE", "Occccccccd", 0 },
		{ WEIR_STAGE_EOM, QUA, MSG, "OCHMRTLNBE", "Occccccccqc", 0 },
		{ WEIR_STAGE_EOM, ACC, MSG, "OCHMRTLNBE", "Occccccccc", 0 }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		/* once at once and once after a wait */
		for (int wait = 0; wait < 2; wait++) {
			struct conn *c;

			print_message("row %zu wait %d\n", i, wait);
			setup(NULL);
			test_listener.no_reply = false;
			test_run.wants.edits = 0; /* "accept" may be said */
			test_run.step[rows[i].stage] = (struct test_step){
				.action = rows[i].action,
				.scope = rows[i].scope, .wait = wait != 0
			};
			c = milter_session_open(-1, &test_listener);
			assert_true(play(c, rows[i].script));
			while (test_run_finish())
				loop_once(false);
			expect_said(rows[i].codes);
			if (rows[i].end >= 0)
				assert_true(test_run.ended[rows[i].end] > 0);
			else
				assert_int_equal(test_run.begun, 0);
			/* and the connection is good for another one */
			test_run.step[rows[i].stage].action = 0;
			test_run.step[rows[i].stage].wait = false;
			assert_true(play(c, "KCHMRTLNBE"));
			expect_said("ccccccccc");
			assert_int_equal(test_run.ended[MESSAGE_DONE],
			    rows[i].end == 0 ? 2 : 1);
			assert_false(play(c, "Q"));
			teardown(NULL);
		}
	}
}

static void
test_accept_waits_for_edits(void **state)
{
	struct conn *c;

	(void)state;
	test_listener.no_reply = false;
	test_run.step[WEIR_STAGE_CONNECT] = (struct test_step){
		.action = WEIR_ACT_ACCEPT, .scope = WEIR_SCOPE_SESSION };
	c = milter_session_open(-1, &test_listener);
	assert_true(play(c, "OCHMRTLNBE"));
	expect_said("Occccccccc");
}

static void
test_reply_text(void **state)
{
	struct conn *c;
	weir_str r;

	(void)state;
	test_listener.no_reply = false;
	test_run.step[WEIR_STAGE_MAIL] = (struct test_step){
		.action = WEIR_ACT_REJECT, .scope = WEIR_SCOPE_MESSAGE,
		.smtp_code = 554, .enhanced = "5.7.9",
		.text = "100% sure\nsee http://x/%20" };
	c = milter_session_open(-1, &test_listener);
	assert_true(play(c, "OCHM"));
	r = test_milter_reply(&said, 3);
	assert_true(text_has_prefix(r, "y554-5.7.9 100%% sure\r\n"
				       "554 5.7.9 see http://x/%%20 ["));
	assert_int_equal(r.ptr[r.len - 2], ']');
	assert_int_equal(r.ptr[r.len - 1], '\0');
	/* what is recorded is what the client reads */
	assert_true(text_has_prefix(text_slice(test_run.reply),
	    "554-5.7.9 100% sure\r\n"));
}

/* Which commands are legal where: written down a second time, by hand. */
static void
test_legal(void **state)
{
	static const struct {
		const char *way; /* to the state */
		enum milter_state at;
		const char *legal;
	} rows[] = {
		{ "", MILTER_NEGOTIATE, "OQ" },
		{ "O", MILTER_START, "DCAQKU" },
		{ "OC", MILTER_CONNECTED, "DHMAQKU" },
		{ "OCH", MILTER_READY, "DHMAQKU" },
		{ "OCHM", MILTER_MAIL, "DHMRAQKU" },
		{ "OCHMR", MILTER_RCPT, "DHMRTLNBEAQKU" },
		{ "OCHMRT", MILTER_DATA, "DLNBEAQKU" },
		{ "OCHMRTL", MILTER_HEADER, "DLNBEAQKU" },
		{ "OCHMRTLN", MILTER_EOH, "DBEAQKU" },
		{ "OCHMRTLNB", MILTER_BODY, "DBEAQKU" },
		{ "OCHMRTLNBE", MILTER_READY, "DHMAQKU" },
		{ "OCHMA", MILTER_READY, "DHMAQKU" },
		{ "OCHMRTLK", MILTER_START, "DCAQKU" }
	};
	static const char all[] = "ODCHMRTLNBEAQKU";

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (size_t k = 0; k < sizeof(all) - 1; k++) {
			char one[2] = { all[k], '\0' };
			struct conn *c = milter_session_open(-1,
			    &test_listener);
			bool ok = strchr(rows[i].legal, all[k]) != NULL;

			assert_true(play(c, rows[i].way));
			assert_int_equal(milter_session_state(c), rows[i].at);
			assert_int_equal(front_count(), 1);
			if (play(c, one) != (ok && all[k] != 'Q'))
				fail_msg("%s in state %s", one,
				    milter_state_name(rows[i].at));
			front_close_all();
			assert_int_equal(front_count(), 0);
			assert_int_equal(session_count(), 0);
		}
	}
}

/* Events that the MTA was told not to send are reached without them. */
static void
test_skipped_events(void **state)
{
	static const struct {
		uint32_t off; /* stages that nobody wants, as bits */
		const char *script;
		bool open;
		const char *seen;
	} rows[] = {
		{ 1u << WEIR_STAGE_CONNECT, "OHM", true,
		    "helo=mx.example mail=a@example " },
		{ 0, "OHM", false, "" },
		{ 1u << WEIR_STAGE_HELO, "OCMR", true,
		    "connect mail=a@example rcpt=r@example " },
		{ 1u << WEIR_STAGE_MAIL, "OCHR", true,
		    "connect helo=mx.example rcpt=r@example " },
		{ 0, "OCHR", false, "connect helo=mx.example close " },
		{ 1u << WEIR_STAGE_RCPT, "OCHMT", true,
		    "connect helo=mx.example mail=a@example data " },
		{ 0, "OCHMT", false,
		    "connect helo=mx.example mail=a@example end=2 close " },
		{ 0xff, "OEE", true, "eom end=0 eom end=0 " },
		{ 0xff, "OAEQ", false, "eom end=0 close " },
		{ 1u << WEIR_STAGE_DATA | 1u << WEIR_STAGE_HEADER |
			1u << WEIR_STAGE_EOH | 1u << WEIR_STAGE_BODY,
		    "OCHMRE", true,
		    "connect helo=mx.example mail=a@example rcpt=r@example eom "
		    "end=0 " }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct conn *c;

		setup(NULL);
		for (int s = 0; s < WEIR_STAGE_COUNT; s++)
			test_run.wants.stage[s] = (rows[i].off >> s & 1) == 0;
		c = milter_session_open(-1, &test_listener);
		print_message("row %zu\n", i);
		assert_int_equal(play(c, rows[i].script), rows[i].open);
		expect_seen(rows[i].seen);
		teardown(NULL);
	}
}

/* No answer is ever given to something else than what it is about. */
static void
test_abort_while_pending(void **state)
{
	struct conn *c = milter_session_open(-1, &test_listener);

	(void)state;
	test_listener.no_reply = false;
	test_run.step[WEIR_STAGE_EOM].wait = true;
	assert_true(play(c, "OCHMRTLNBE"));
	expect_said("Occcccccc");
	assert_int_equal(milter_session_state(c), MILTER_EOM);
	assert_int_equal(test_run_waiting(), 1);
	assert_true(play(c, "A"));
	assert_int_equal(test_run_waiting(), 0);
	assert_int_equal(test_run.cancelled, 1);
	assert_int_equal(test_run.ended[MESSAGE_ABORTED], 1);
	loop_once(false);
	expect_said("");
	/* the verdict was found, but the MTA gave up before it was said */
	assert_true(play(c, "MRTLNBE"));
	expect_said("cccccc");
	assert_true(test_run_finish());
	assert_true(play(c, "AM"));
	loop_once(false);
	expect_said("c");
	assert_int_equal(test_run.ended[MESSAGE_ABORTED], 2);
	assert_int_equal(test_run.ended[MESSAGE_DONE], 0);
}

static void
test_pending_holds_input(void **state)
{
	struct conn *c = milter_session_open(-1, &test_listener);

	(void)state;
	test_run.step[WEIR_STAGE_CONNECT].wait = true;
	assert_true(play(c, "OCHMR"));
	expect_seen("connect ");
	assert_true(play(c, "RR"));
	expect_seen("");
	assert_true(test_run_finish());
	/* not inside the completion */
	expect_seen("");
	loop_once(false);
	expect_seen("helo=mx.example mail=a@example rcpt=r@example "
		    "rcpt=r@example rcpt=r@example ");
	expect_said("Occcccc");
	/* gone while it waits */
	test_run.step[WEIR_STAGE_DATA].wait = true;
	assert_true(play(c, "T"));
	assert_false(play(c, "Q"));
	assert_int_equal(test_run.cancelled, 1);
	assert_int_equal(test_run.ended[MESSAGE_ABORTED], 1);
}

static struct test_step
edit_all(struct session *s, int stage, uint32_t rcpt)
{
	struct test_step none = { .action = WEIR_ACT_NONE };
	static const struct edit edits[] = {
		{ .kind = EDIT_HEADER_ADD, .name = { "X-A", 3 },
		    .value = { "add", 3 } },
		{ .kind = EDIT_HEADER_INSERT, .n = 1, .name = { "X-I", 3 },
		    .value = { " ins", 4 } },
		{ .kind = EDIT_HEADER_DELETE, .n = 2, .name = { "X-D", 3 },
		    .value = { "", 0 } },
		{ .kind = EDIT_HEADER_CHANGE, .n = 1, .name = { "X-C", 3 },
		    .value = { "", 0 } },
		{ .kind = EDIT_BODY, .name = { "", 0 },
		    .value = { "new\r\n", 5 } },
		{ .kind = EDIT_SENDER, .name = { "s@x", 3 },
		    .value = { "A=B", 3 } },
		{ .kind = EDIT_RCPT_DELETE, .n = 0, .name = { "", 0 },
		    .value = { "", 0 } },
		{ .kind = EDIT_RCPT_ADD, .name = { "n@x", 3 },
		    .value = { "", 0 } },
		{ .kind = EDIT_RCPT_ADD, .name = { "p@x", 3 },
		    .value = { "NOTIFY=NEVER", 12 } },
		{ .kind = EDIT_HOLD, .name = { "why", 3 },
		    .value = { "", 0 } }
	};

	(void)rcpt;
	for (size_t i = 0;
	     stage == WEIR_STAGE_EOM && i < sizeof(edits) / sizeof(*edits); i++)
		edits_add(&s->message->edits, s->message->pool, &edits[i]);
	return none;
}

static void
test_edits(void **state)
{
	static const char *const want[] = { "m\0\0\0\2X-D\0\0",
		"m\0\0\0\1X-C\0 \0", "i\0\0\0\1X-I\0 ins\0", "hX-A\0 add\0",
		"bnew\r\n", "e<s@x>\0A=B\0", "-<r@example>\0", "+<n@x>\0",
		"2<p@x>\0NOTIFY=NEVER\0", "qwhy\0", "c" };
	static const size_t len[] = { 10, 11, 14, 10, 6, 11, 13, 7, 20, 5, 1 };
	struct conn *c = milter_session_open(-1, &test_listener);

	(void)state;
	test_run.ask = edit_all;
	assert_true(play(c, "OCHMRTLNBE"));
	expect_said("Occccccccmmihbe-+2qc");
	assert_true(play(c, "MRTLNBE"));
	for (size_t i = 0; i < sizeof(len) / sizeof(*len); i++) {
		weir_str r = test_milter_reply(&said, 6 + (unsigned)i);

		assert_int_equal(r.len, len[i]);
		assert_memory_equal(r.ptr, want[i], len[i]);
	}
	/* an MTA that puts the blank in by itself */
	setup(NULL);
	test_run.ask = edit_all;
	test_milter_protocol &= ~MILTER_P_HDR_LEADSPC;
	assert_true(play(milter_session_open(-1, &test_listener),
	    "OCHMRTLNBE"));
	assert_non_null(strstr(test_run.seen.ptr, "Subject: hello "));
	assert_memory_equal(test_milter_reply(&said, 11).ptr,
	    "i\0\0\0\1X-I\0ins\0", 13);
	assert_memory_equal(test_milter_reply(&said, 12).ptr, "hX-A\0add\0", 9);
}

static void
test_limits(void **state)
{
	struct message_limits few = { .recipients = 2, .header_lines = 10,
		.header_octets = 1000 };
	struct message_limits usual = { .recipients = 1000,
		.header_lines = 2000, .header_octets = 256 * 1024 };
	struct conn *c;

	(void)state;
	test_listener.no_reply = false;
	message_limits(&few);
	c = milter_session_open(-1, &test_listener);
	assert_true(play(c, "OCHMRRRTLNBE"));
	expect_said("Occccc" "y" "ccccc");
	assert_int_equal(test_run.ran[WEIR_STAGE_RCPT], 2);
	/* nobody waits for the answer to RCPT: then the message is refused */
	setup(NULL);
	memset(test_run.wants.answer, 0, sizeof(test_run.wants.answer));
	c = milter_session_open(-1, &test_listener);
	assert_true(play(c, "OCHMRRRTLNBE"));
	assert_memory_equal(test_milter_reply(&said, 1).ptr, "y452 4.5.3 ", 11);
	/* fields that nobody can see could say anything */
	few.recipients = 10;
	few.header_octets = 10;
	message_limits(&few);
	setup(NULL);
	c = milter_session_open(-1, &test_listener);
	assert_true(play(c, "OCHMRTLLNBE"));
	assert_memory_equal(test_milter_reply(&said, 10).ptr, "y552 5.3.4 ",
	    11);
	assert_int_equal(test_run.ran[WEIR_STAGE_EOM], 0);
	message_limits(&usual);
	/* a message that is too large */
	setup(NULL);
	spool_limits(1000, 1000);
	c = milter_session_open(-1, &test_listener);
	test_milter_body = 2000;
	assert_true(play(c, "OCHMRTLNBE"));
	test_milter_body = 4;
	assert_memory_equal(test_milter_reply(&said, 9).ptr, "y552 5.3.4 ", 11);
	assert_int_equal(test_run.ran[WEIR_STAGE_EOM], 0);
	assert_int_equal(test_run.ended[MESSAGE_DONE], 1);
	spool_limits(256 * 1024, 64 * 1024 * 1024);
}

static void
test_memory_cap(void **state)
{
	struct conn *c;

	(void)state;
	test_listener.no_reply = false;
	budget_limit(1000);
	assert_true(budget_take(950));
	c = milter_session_open(-1, &test_listener);
	assert_true(play(c, "OCHM"));
	assert_memory_equal(test_milter_reply(&said, 3).ptr, "y452 4.3.1 ", 11);
	assert_int_equal(milter_session_state(c), MILTER_READY);
	/* it was not asked to wait: said at the next one that is answered */
	setup(NULL);
	test_run.wants.answer[WEIR_STAGE_MAIL] = false;
	c = milter_session_open(-1, &test_listener);
	assert_true(play(c, "OCHMRR"));
	expect_said("Occyy");
	setup(NULL);
	memset(test_run.wants.answer, 0, sizeof(test_run.wants.answer));
	c = milter_session_open(-1, &test_listener);
	assert_true(play(c, "OCHMRTLNBE"));
	assert_memory_equal(test_milter_reply(&said, 1).ptr, "y452 4.3.1 ", 11);
	/* and when there is room again the next message passes */
	budget_give(950);
	budget_limit(0);
	buf_clear(&said);
	assert_true(play(c, "MRTLNBE"));
	expect_said("c");
	assert_int_equal(test_run.ended[MESSAGE_DONE], 1);
}

static void
test_long_address(void **state)
{
	struct conn *c = milter_session_open(-1, &test_listener);

	(void)state;
	test_listener.no_reply = false;
	test_milter_address = 1025;
	assert_true(play(c, "OCHM"));
	assert_memory_equal(test_milter_reply(&said, 3).ptr, "y553 5.1.7 ", 11);
	test_milter_address = 0;
	assert_true(play(c, "MR"));
	test_milter_address = 1025;
	assert_true(play(c, "R"));
	assert_memory_equal(test_milter_reply(&said, 6).ptr, "y553 5.1.3 ", 11);
	test_milter_address = 0;
	expect_said("Occyccy");
}

static void
test_skip(void **state)
{
	struct conn *c;

	(void)state;
	/* the MTA can't leave the body out, but it can stop sending it */
	test_listener.no_reply = false;
	test_milter_protocol &= ~MILTER_P_NOBODY;
	test_run.wants.stage[WEIR_STAGE_BODY] = test_run.wants.spool = false;
	c = milter_session_open(-1, &test_listener);
	assert_true(play(c, "OCHMRTLNBE"));
	expect_said("Occccccc" "s" "c");
}

static void
test_queue_id(void **state)
{
	struct conn *c = milter_session_open(-1, &test_listener);

	(void)state;
	assert_true(play(c, "OCHMRqTLNBE"));
	assert_string_equal(test_run.queue_id, "QID1");
	assert_true(play(c, "iMRTLNBE"));
	assert_string_equal(test_run.queue_id, "QID1");
	/* it is not the next one's */
	assert_true(play(c, "MRTLNBE"));
	assert_string_equal(test_run.queue_id, "");
}

static void
test_mail_without_abort(void **state)
{
	struct conn *c = milter_session_open(-1, &test_listener);

	(void)state;
	/* macros come before the MAIL that ends the open message: they are the
	   new one's */
	assert_true(play(c, "OCHMRTiMRTLNBE"));
	assert_int_equal(test_run.ended[MESSAGE_ABORTED], 1);
	assert_int_equal(test_run.ended[MESSAGE_DONE], 1);
	assert_string_equal(test_run.queue_id, "QID1");
	/* and the old one's are not */
	assert_true(play(c, "iMRMRTLNBE"));
	assert_int_equal(test_run.ended[MESSAGE_ABORTED], 2);
	assert_string_equal(test_run.queue_id, "");
}

static struct test_step
check_attributes(struct session *s, int stage, uint32_t rcpt)
{
	struct test_step none = { .action = WEIR_ACT_NONE };

	if (stage != WEIR_STAGE_RCPT)
		return none;
	assert_string_equal(s->client_text, "192.0.2.1");
	assert_int_equal(s->client_port, 2500);
	assert_string_equal(s->client_name, "client.example");
	assert_string_equal(s->client_rname, "ptr.example");
	assert_string_equal(s->server_name, "mx.test");
	assert_string_equal(s->tls_version, "TLSv1.3");
	assert_string_equal(s->auth_user, "me");
	assert_string_equal(s->helo, "mx.example");
	assert_int_equal(s->message->declared_size, 1234);
	assert_string_equal(s->message->sender_params.ptr, "SIZE=1234");
	assert_string_equal(s->message->rcpts[rcpt].params.ptr, "");
	return none;
}

static void
test_what_modules_see(void **state)
{
	struct conn *c = milter_session_open(-1, &test_listener);

	(void)state;
	test_run.ask = check_attributes;
	assert_true(play(c, "OcCHmMR"));
	assert_int_equal(test_run.ran[WEIR_STAGE_RCPT], 1);
}

static void
test_malformed(void **state)
{
	/* one octet too much or too little in each */
	static const char *const scripts[] = { "O(C\1x)", "O(Cx)", "OC(Hx)",
		"OCH(Mx)", "OCHM(Rx)", "OCHMR(Tx)", "OCHMRT(Lx)",
		"OCHMRTL(Nx)", "O(Ax)", "O(Qx)", "O(Kx)", "O(D)", "O(Dx)",
		"(O1234)", "O(z)" };

	(void)state;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
		struct conn *c = milter_session_open(-1, &test_listener);

		print_message("%s\n", scripts[i]);
		assert_false(play(c, scripts[i]));
	}
}

static void
test_helo_flood(void **state)
{
	struct conn *c = milter_session_open(-1, &test_listener);
	bool open = play(c, "OC");

	(void)state;
	for (int i = 0; i < 1000 && open; i++)
		open = play(c, "H");
	assert_true(open);
	assert_false(play(c, "H"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_message, setup, teardown),
		cmocka_unit_test_setup_teardown(test_verdicts, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_accept_waits_for_edits,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(test_reply_text, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_legal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_skipped_events, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_abort_while_pending,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(test_pending_holds_input,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(test_edits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory_cap, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_long_address, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_skip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mail_without_abort, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_queue_id, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_what_modules_see, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_malformed, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_helo_flood, setup,
		    teardown)
	};

	loop_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
