/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_milter_session - whole connections.  The first octets choose what the
 * pipeline does and how the input is cut into reads; the rest is what the MTA
 * sends, after a good negotiation unless the input brings its own.
 */
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/pool.h"
#include "front/milter_session.h"
#include "front/test_milter.h"
#include "front/test_run.h"
#include "loop/loop.h"
#include "obs/log.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *script;
static size_t script_len, script_pos;
static struct buf said = BUF_INIT;

/* octet - the next one of the choices, over and over */
static uint8_t
octet(void)
{
	return script[script_pos++ % script_len];
}

/* any_step - what the pipeline does */
static struct test_step
any_step(struct session *s, int stage, uint32_t rcpt)
{
	uint8_t what = octet();
	struct test_step step = { .action = what % 8 > WEIR_ACT_REJECT ?
		    WEIR_ACT_NONE : what % 8,
		.scope = what >> 3 & 3, .wait = (what & 0x20) != 0,
		.text = "because" };
	struct edit e = { .kind = (uint8_t)(octet() % EDIT_KINDS), .n = 0,
		.name = { "X-A", 3 }, .value = { "a\n\tb", 4 } };

	if (step.scope > WEIR_SCOPE_RCPT ||
	    (step.scope == WEIR_SCOPE_RCPT && rcpt == WEIR_RCPT_NONE))
		step.scope = WEIR_SCOPE_MESSAGE;
	if (stage == WEIR_STAGE_EOM && (what & 0x40) != 0)
		edits_add(&s->message->edits, s->message->pool, &e);
	return step;
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

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	loop_init();
	log_set_capture(no_log, NULL);
	conn_sink = &said;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conn *c;
	struct buf hello = BUF_INIT;
	size_t step;
	bool open = true;

	if (size < 8)
		return 0;
	script = data;
	script_len = 8;
	script_pos = 0;
	data += 8;
	size -= 8;
	test_run_reset();
	test_run.ask = any_step;
	test_listener.no_reply = (octet() & 1) != 0;
	memset(test_run.wants.answer, octet() & 1,
	    sizeof(test_run.wants.answer));
	step = (size_t)octet() + 1;
	c = milter_session_open(-1, &test_listener);
	if ((octet() & 7) != 0) {
		test_milter_script(&hello, "O");
		open = conn_feed(c, hello.ptr, hello.len);
		buf_fini(&hello);
	}
	while (open && size > 0) {
		size_t n = size < step ? size : step;

		open = conn_feed(c, (const char *)data, n);
		data += n;
		size -= n;
		if (test_run_waiting() > 0 && (octet() & 3) == 0)
			test_run_finish();
		loop_once(false);
		open = front_count() > 0;
	}
	test_run_finish();
	loop_once(false);
	front_close_all();
	expect(session_count() == 0 && test_run_waiting() == 0);
	expect(test_run.begun ==
	    test_run.ended[0] + test_run.ended[1] + test_run.ended[2]);
	buf_clear(&said);
	return 0;
}
