/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_policy - requests and whole policy connections; the first octets choose
   what the pipeline does and how the input is cut into reads. */
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/pool.h"
#include "front/policy_session.h"
#include "front/test_run.h"
#include "loop/loop.h"
#include "obs/log.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *script;
static size_t script_pos;
static struct buf said = BUF_INIT;

/* octet - the next one of the four choices, over and over */
static uint8_t
octet(void)
{
	return script[script_pos++ % 4];
}

/* any_step - what the pipeline does */
static struct test_step
any_step(struct session *s, int stage, uint32_t rcpt)
{
	uint8_t what = octet();
	struct test_step step = { .action = what % 8 > WEIR_ACT_REJECT ?
		    WEIR_ACT_NONE : what % 8,
		.scope = what >> 3 & 3, .wait = (what & 0x20) != 0,
		.text = "because\nof\x01" };
	struct edit e = { .kind = EDIT_HEADER_ADD, .name = { "X-A", 3 },
		.value = { " a\n\tb", 5 } };

	(void)stage;
	if (step.scope > WEIR_SCOPE_RCPT ||
	    (step.scope == WEIR_SCOPE_RCPT && rcpt == WEIR_RCPT_NONE))
		step.scope = WEIR_SCOPE_MESSAGE;
	if (s->message != NULL && (what & 0x40) != 0)
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

/* check_said - answers are "action=..." and an empty line, one line each */
static void
check_said(void)
{
	size_t pos = 0;

	while (pos < said.len) {
		const char *lf = memchr(said.ptr + pos, '\n', said.len - pos);

		expect(said.len - pos > 9 &&
		    memcmp(said.ptr + pos, "action=", 7) == 0);
		expect(lf != NULL && lf[1] == '\n');
		pos = (size_t)(lf - said.ptr) + 2;
	}
	expect(pos == said.len);
	buf_clear(&said);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conn *c;
	size_t step;
	bool open = true;

	if (size < 4)
		return 0;
	script = data;
	script_pos = 0;
	data += 4;
	size -= 4;
	test_run_reset();
	test_run.ask = any_step;
	step = (size_t)octet() * 4 + 1;
	c = policy_session_open(-1, &test_listener);
	while (open && size > 0) {
		size_t n = size < step ? size : step;

		open = conn_feed(c, (const char *)data, n);
		data += n;
		size -= n;
		if (test_run_waiting() > 0 && (octet() & 1) == 0)
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
	check_said();
	return 0;
}
