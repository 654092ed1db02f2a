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

#include "base/ip.h"
#include "base/vec.h"
#include "drive_files.h"
#include "drive_mail.h"
#include "mail/message.h"
#include "pipe/settle.h"

struct drive_macro {
	weir_str name, value;
};

struct drive_options {
	const char *conf, *zone;
	struct drive_files files;
	struct ip client;
	const char *client_name, *helo, *from, *auth; /* NULL: not given */
	VEC(const char *) rcpts;
	VEC(struct drive_macro) macros;
	struct session_front front;
	const char *hostname;  /* ours, of the configuration */
	int64_t now_ms; /* 0: real time */
	int64_t advance_ms;
	int log_level;
	uint64_t seed; /* of --split */
	bool again, split, quiet, json, timing, live_dns;
};

/* A recipient that was offered. */
struct drive_rcpt {
	weir_str address;
	uint32_t index; /* in the message, or WEIR_RCPT_NONE: it never came
			   that far */
	uint32_t action; /* then: what it got */
	const char *reply; /* refused at RCPT with this, or NULL */
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
	const char *reply;     /* what SMTP was told, or "" */
	struct settled settled;
	uint64_t begun_ns, ns;
	uint64_t stage_ns[WEIR_STAGE_COUNT];
};

/* Take a message through all stages. */
void drive_run_begin(struct drive_run *r, const struct drive_options *o,
    struct drive_mail *mail);
/* Close the session and wait for what modules still do. */
void drive_run_end(struct drive_run *r);

/* The decision's record with what the harness knows; the caller's. */
json_t *drive_report_json(const struct drive_run *r, const char *name,
    int attempt);
/* Print what became of it, flushed.  name: of the message; attempt: 0, or
   which one with --again. */
void drive_report(const struct drive_run *r, const char *name, int attempt,
    FILE *out);

#endif
