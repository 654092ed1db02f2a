/* SPDX-License-Identifier: GPL-2.0-or-later */
/* milter_int - between milter_session.c (state, answers) and milter_cmd.c (one
   function a command); nobody else includes this. */
#ifndef WEIR_FRONT_MILTER_INT_H
#define WEIR_FRONT_MILTER_INT_H

#include "front/milter_neg.h"
#include "front/milter_session.h"
#include "front/milter_wire.h"
#include "mail/message.h"
#include "mail/session.h"

struct milter_session {
	struct conn conn;
	struct session *session; /* NULL between two SMTP sessions */
	struct milter_terms terms;
	enum milter_state state;
	uint8_t stage; /* that runs, while conn.paused */
	uint32_t rcpt;
	uint32_t helos;
	/* No message could begin, and the MTA did not wait for an answer: it
	   is said at the next one that it waits for. */
	const struct opinion *refusal;
	struct loop_timer progress;
};

/* A command of the peer.  Negative: it broke the protocol (WEIR_E_INVAL,
   WEIR_E_LIMIT). */
typedef int milter_on_fn(struct milter_session *, struct milter_packet *);
extern milter_on_fn *const milter_commands[MILTER_CMD_COUNT];

extern const struct opinion milter_no_memory;

/* The one place that changes the state. */
void milter_session_enter(struct milter_session *ms, enum milter_state state);
/* Does the MTA wait for an answer to this stage? */
bool milter_session_answers(const struct milter_session *ms, int stage);
/* The session, opened when the first thing about it is known. */
struct session *milter_session_need(struct milter_session *ms);
/* The session is over, with its message. */
void milter_session_finish(struct milter_session *ms);
/* Begin a message.  NULL: there is a refusal to be said. */
struct message *milter_session_begin(struct milter_session *ms,
    weir_str sender, weir_str params);
/* The open message; it begins here if the MTA does not send MAIL.  NULL: there
   is a refusal. */
struct message *milter_session_message(struct milter_session *ms);
/* The message has ended this way, if there is one. */
void milter_session_over(struct milter_session *ms, enum message_end how);
/* The MTA may have named the message. */
void milter_session_queue_id(struct session *s);
/* An opinion of our own about the message. */
void milter_session_host_says(struct message *m, const struct opinion *o,
    int stage);
/* Say ms->refusal if the MTA waits for an answer to this stage. */
void milter_session_refuse(struct milter_session *ms, int stage);
/* Run a stage and answer, now or later. */
void milter_session_stage(struct milter_session *ms, enum weir_stage stage,
    uint32_t rcpt);
/* The stage is through: answer. */
void milter_session_said(struct milter_session *ms, enum weir_stage stage,
    uint32_t rcpt);

#endif
