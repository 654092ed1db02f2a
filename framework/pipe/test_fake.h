/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_fake - modules made by hand and the world they need, for unit tests.
 *
 * A fake wants the stages whose bits are set, phase by phase; all its
 * callbacks end in one function.  No front-end, no file, no other process: the
 * store is in memory, the resolver reads a zone file of the test's own.
 */
#ifndef WEIR_PIPE_TEST_FAKE_H
#define WEIR_PIPE_TEST_FAKE_H

#include <weir/weir.h>

#include "mail/message.h"
#include "mail/session.h"
#include "pipe/module.h"

#define BIT(stage) (1u << WEIR_STAGE_##stage)

struct fake;
typedef int fake_fn(struct fake *f, weir_call *call, int stage, int phase);

struct fake {
	struct module m;
	struct weir_module d;
	struct weir_stages stages[WEIR_PHASE_COUNT];
	const char *after[4];
	double scores[2];
	fake_fn *fn;
	void *arg;
	unsigned calls; /* callbacks so far */
	uint32_t rcpt;	/* of the last rcpt callback */
	unsigned message_ends, session_ends;
};

extern const struct weir_host *const fake_host;
extern const struct weir_dns *const fake_dns;
extern const struct weir_job *const fake_job;
extern const struct weir_store *const fake_store;
extern const struct weir_timer *const fake_timer;
extern const struct weir_edit *const fake_edit;
extern const struct weir_mime *const fake_mime;

/* collect, decide, act: bits of the wanted stages */
void fake_init(struct fake *f, const char *name, unsigned collect,
    unsigned decide, unsigned act, fake_fn *fn);
weir_self *fake_self(struct fake *f);

/* Loop, calls, holds, jobs, store, zone; log lines are kept in fake_log. */
int fake_world_start(void **state);
int fake_world_stop(void **state);
extern char fake_log[65536];

/* Make these the loaded modules. */
void fake_plan(struct fake **fakes, uint32_t n);

extern bool fake_stage_done; /* what run_stage was given as done has run */
/* Run a stage to its end, turning the loop. */
void fake_stage(struct session *s, int stage, uint32_t rcpt);
/* Turn the loop until no call is open. */
void fake_drain(void);

/* A session that came from 192.0.2.1, and a message of it with recipients
   r0@example.net ... */
struct session *fake_session(const char *direction);
struct message *fake_message(struct session *s, uint32_t recipients);

#endif
