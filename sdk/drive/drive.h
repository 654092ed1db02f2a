/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * drive - what the parts of weir-drive share: options, and one run of one
 * message.
 */
#ifndef WEIR_DRIVE_H
#define WEIR_DRIVE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "base/err.h"
#include "base/ip.h"
#include "base/vec.h"
#include "conf/core.h"
#include "drive_files.h"
#include "drive_mail.h"
#include "mail/message.h"
#include "pipe/settle.h"

struct drive_macro {
	weir_str name, value;
	int stage; /* from when on it is known; 0: from the beginning */
};

/* A session that is known to the letter: nothing is guessed or made up. */
struct drive_exact {
	uint16_t port;
	const char *client_rname, *tls, *sender_params; /* or NULL */
	const char *const *rcpt_params; /* one each of rcpts */
	uint64_t declared_size, body_octets;
	bool bodyless, sizeless; /* the body, its size is not known */
	bool no_content; /* policy delegation: there never is one */
	int last; /* enum weir_stage: nothing is known of what came behind */
};

struct drive_options {
	const char *conf, *zone;
	VEC(const char *) modules; /* files of --module */
	VEC(const char *) cases;   /* case files */
	const char *abi; /* of the host that modules see, or NULL */
	const char *filter; /* of the cases' titles, or NULL */
	struct drive_files files;
	struct ip client;
	const char *client_name, *helo, *from, *auth; /* NULL: not given */
	VEC(const char *) rcpts;
	VEC(struct drive_macro) macros;
	VEC(struct drive_macro) facts; /* of the session, as if a module had
					  stated them */
	struct session_front front;
	const char *hostname;  /* ours, of the configuration */
	int64_t now_ms; /* 0: real time */
	int64_t advance_ms;
	int log_level;
	uint64_t seed; /* of --split and --shuffle */
	unsigned rounds; /* how many seeds, from that one on */
	unsigned repeat; /* passes in one process; 0: one */
	unsigned timeout_s; /* of one case */
	int disconnect; /* the client goes after this stage; -1: it stays */
	bool again, split, shuffle, quiet, json, tap, junit, timing, live_dns;
	bool cancel_each, leaks, strict;
	const struct drive_exact *exact; /* or NULL */
};

/* A recipient that was offered. */
struct drive_rcpt {
	weir_str address;
	uint32_t index; /* in the message, or WEIR_RCPT_NONE: it never came
			   that far */
	uint32_t action; /* then: what it got */
	const char *reply; /* refused at RCPT with this, or NULL */
};

/* What one stage cost. */
struct drive_cost {
	uint64_t ns, cpu_ns; /* all, and this thread's part */
	uint64_t lookups, jobs, stores, others; /* started */
};

/* One message on its way through. The session and what it points at live until
   drive_run_end. */
struct drive_run {
	const struct drive_options *options;
	struct drive_mail *mail;
	struct session *session;
	VEC(struct drive_rcpt) rcpts;
	enum weir_stage stage; /* where it ended */
	bool refused;	       /* before its end was seen */
	bool stopped;	       /* it would go on, behind what is known */
	const char *reply;     /* what SMTP was told, or "" */
	struct settled settled;
	uint64_t begun_ns, ns;
	struct drive_cost cost[WEIR_STAGE_COUNT];
	uint64_t steps, cancel_at; /* the client goes at that one; 0: never */
	bool gone; /* it has */
	bool cancelled; /* because of cancel_at */
};

/* Take a message through all stages. */
void drive_run_begin(struct drive_run *r, const struct drive_options *o,
    struct drive_mail *mail);
/* The same, with r->cancel_at as it is set. */
void drive_run_again(struct drive_run *r, const struct drive_options *o,
    struct drive_mail *mail);
/* Close the session and wait for what modules still do.  WEIR_E_TIMEOUT:
   a call did not close. */
int drive_run_end(struct drive_run *r);
/* Turn the clock on between messages; modules do their periodic work. */
void drive_run_advance(int64_t ms);
/* Whose chunks and orders: a seed of its own for each run. */
void drive_run_seed(uint64_t seed);

/* Print what became of it, flushed.  name: of the message; attempt: 0, or
   which one with --again. */
void drive_report(const struct drive_run *r, const char *name, int attempt,
    FILE *out);
/* The same as JSON; the caller drops it. */
json_t *drive_record(const struct drive_run *r, const char *name,
    int attempt);

/* drive_engine.c: from options to running modules.  The configuration is
   o->conf, then a section for each --module (rows: options of the first), then
   added; either may be NULL.  name: in messages, if there is no o->conf.  Says
   on stderr what is wrong. */
int drive_engine_start(struct drive_options *o, const char *name,
    const char *added, const char *rows);
void drive_engine_stop(void);

/* drive_odd.c: the passes of --cancel-each and --repeat.  Each prints nothing
   and returns WEIR_OK or says in why what did not hold. */
struct drive_tally {
	uint64_t passes, steps;
	double heap_growth; /* octets a pass; negative: not measured */
};
/* fn runs one pass whose mails are cancelled at that step (0: never); true if
   one was. */
typedef bool drive_pass_fn(void *arg, uint64_t cancel_at);
int drive_cancel_each(drive_pass_fn *fn, void *arg, struct drive_tally *t,
    struct err *why);
int drive_repeat(drive_pass_fn *fn, void *arg, unsigned n, bool leaks,
    struct drive_tally *t, struct err *why);

#endif
