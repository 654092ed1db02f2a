/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * recorder - keep tapes of what happens, for `weirctl replay`.
 *
 * Off unless the configuration says so (section record), and then nothing but
 * a look at a flag is done.  Which sessions are kept is decided when they
 * open.  [loop]
 */
#ifndef WEIR_REPLAY_RECORDER_H
#define WEIR_REPLAY_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/ext/dns.h>

#include "base/err.h"
#include "conf/core.h"

struct message;
struct session;

/* An answer that a module got; in the pool of its session or message. */
struct recorder_dns {
	struct recorder_dns *next;
	weir_str octets; /* of tape_write_dns */
};

/* From section record; worker: which one this is. [main] */
int recorder_open(const struct conf *conf, unsigned worker, struct err *err);
void recorder_close(void);
/* What the MTA must send for it. */
bool recorder_wants_body(void);

/* A session opens: shall it be kept? */
bool recorder_samples(void);
/* For a session that is kept: a module got an answer; the transaction has
   ended; the session was refused before one. */
void recorder_dns(struct session *s, struct message *m, const char *name,
    uint16_t type, const struct weir_dns_answer *answer);
void recorder_message(struct message *m);
void recorder_session(struct session *s);

/* Changes when module name of conf gets another version or other options. */
uint64_t recorder_digest(const struct conf *conf, const char *name);

#endif
