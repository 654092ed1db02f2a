/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * explain - the record of one decision: what was known, found, said and done.
 *
 * Built by the host for every message and every session that was refused
 * before one began; kept by obs/record.c, printed by `weirctl explain` and
 * weir-drive.  Nothing is built when nobody keeps it.
 */
#ifndef WEIR_PIPE_EXPLAIN_H
#define WEIR_PIPE_EXPLAIN_H

#include <jansson.h>

#include "mail/message.h"

#define EXPLAIN_VERSION 1

/* keep: hand records to obs/record; also one log line a message */
void explain_enable(bool keep);
bool explain_is_enabled(void);

/* The record as JSON; the caller frees it with json_decref. m may be NULL: the
   session alone. */
json_t *explain_json(const struct session *s, const struct message *m,
    const char *kind);

/* A refusal was just answered where the transaction may go on for long (policy
   delegation, a session refused as a whole): record and log line now; what
   comes later replaces the record. */
void explain_refused(struct session *s);
/* The host itself has just refused, no module was asked: the record says so,
   and nothing else remembers it. */
void explain_host_refused(struct session *s, const struct opinion *o);
/* The transaction ended, the session ended: record and log line. */
void explain_message(struct message *m, enum message_end how);
void explain_session(struct session *s);

/* Sum of scores for a recipient (WEIR_RCPT_NONE: for the message alone). */
double explain_score(const struct session *s, const struct message *m,
    uint32_t rcpt);

#endif
