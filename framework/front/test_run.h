/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_run - a pipeline by script, for the tests of the front-ends: it takes
 * the place of pipe/run.c and pipe/explain.c when it is linked first.
 */
#ifndef WEIR_FRONT_TEST_RUN_H
#define WEIR_FRONT_TEST_RUN_H

#include "base/buf.h"
#include "front/front.h"
#include "mail/message.h"
#include "pipe/run.h"

/* What happens when a stage runs. */
struct test_step {
	uint32_t action; /* NONE: nothing is stated */
	uint32_t scope;
	uint32_t smtp_code;
	const char *enhanced, *text;
	bool wait; /* finishes at test_run_finish */
};

struct test_run {
	struct run_wants wants;
	struct test_step step[WEIR_STAGE_COUNT];
	/* if set, asked instead of the table; may also add edits */
	struct test_step (*ask)(struct session *s, int stage, uint32_t rcpt);
	unsigned ran[WEIR_STAGE_COUNT];
	unsigned cancelled;
	unsigned begun, sessions; /* ended ones */
	unsigned ended[MESSAGE_ABORTED + 1];
	struct buf seen; /* "connect helo mail=a@b rcpt=c@d ... end=0" */
	char reply[512]; /* of the last message that ended */
	char queue_id[64];
};
extern struct test_run test_run;

/* Everything wanted, nothing stated. */
void test_run_reset(void);
/* Finish one stage that waits; false: none does. */
bool test_run_finish(void);
unsigned test_run_waiting(void);

/* A listener for tests. */
extern struct front_listener test_listener;

#endif
