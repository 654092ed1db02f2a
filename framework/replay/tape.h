/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tape - one decision with all that it was made of, as octets and back.
 *
 * A tape holds what the MTA told (client, macros, envelope, header, perhaps
 * the body), the DNS answers that modules used, what modules said, and what
 * each recipient got: enough to decide again.  Octets are a version and then
 * entries of tag, length, content; an unknown tag is skipped, so a newer
 * writer can add some.  The reader takes nothing for granted.
 */
#ifndef WEIR_REPLAY_TAPE_H
#define WEIR_REPLAY_TAPE_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/ext/dns.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/ip.h"
#include "base/pool.h"
#include "base/vec.h"

struct message;
struct session;

#define TAPE_MAX (64u << 20)	/* octets */
#define TAPE_ENTRIES_MAX 100000 /* of all kinds together */

struct tape_macro {
	int stage;
	weir_str name, value;
};

struct tape_rcpt {
	weir_str address, params;
	bool refused;
	uint32_t action; /* enum weir_action */
};

struct tape_field {
	weir_str name, value;
};

/* A finding, fact, verdict or check that did not run; what a kind has no use
   for is 0. */
struct tape_note {
	weir_str module; /* "": the host */
	weir_str name;	 /* symbol, key, enhanced code */
	weir_str text;	 /* reason, value, words */
	uint32_t rcpt;	 /* or WEIR_RCPT_NONE */
	int stage, status;
	uint32_t action, scope, code;
	bool shadow, of_session;
	double score, weight; /* as weighed; the symbol's weight then */
	bool used; /* for whoever plays it */
};

struct tape_dns {
	weir_str name;
	uint16_t type;
	struct weir_dns_answer answer;
};

struct tape_module {
	weir_str name;
	uint64_t digest; /* of its version and options */
};

struct tape {
	struct pool *pool; /* all below, and this struct */
	weir_str id, session, queue_id, kind, protocol, listener, direction,
	    client_name, client_rname, helo, tls, auth, server, sender,
	    sender_params, reply;
	struct ip client;
	uint16_t port;
	int64_t time_ms;
	int stage; /* the last that was run */
	uint64_t declared_size, body_octets;
	bool has_message; /* else the session was refused before one */
	bool has_body, has_body_octets, headers_cut;
	weir_str body;
	uint32_t action; /* for all of it, recipients aside */
	VEC(struct tape_macro) macros;
	VEC(struct tape_rcpt) rcpts;
	VEC(struct tape_field) fields;
	VEC(struct tape_note) findings, facts, opinions, unscanned;
	VEC(struct tape_dns) dns;
	VEC(struct tape_module) modules;
};

/* The body is kept if it has at most body_max octets. */
void tape_write(const struct session *s, struct message *m, const char *kind,
    size_t body_max, struct buf *out);
/* One module of the configuration. */
void tape_write_module(const char *name, uint64_t digest, struct buf *out);
/* An answer to a module: the content of one entry, for tape_write to add. */
void tape_write_dns(const char *name, uint16_t type,
    const struct weir_dns_answer *answer, struct buf *out);

/* WEIR_E_INVAL: err says what is wrong. */
int tape_read(const void *data, size_t len, struct tape **out,
    struct err *err);
void tape_destroy(struct tape **tape);

/* In tape_write.c and tape_read.c. */
enum tape_tag {
	TAPE_HEAD = 1,
	TAPE_MACRO,
	TAPE_RCPT,
	TAPE_FIELD,
	TAPE_BODY,
	TAPE_FINDING,
	TAPE_FACT,
	TAPE_OPINION,
	TAPE_UNSCANNED,
	TAPE_DNS,
	TAPE_MODULE
};
#define TAPE_VERSION 1

#endif
