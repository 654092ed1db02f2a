/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "front/milter_session.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/check.h"
#include "base/pool.h"
#include "base/text.h"
#include "front/milter_int.h"
#include "front/milter_reply.h"
#include "mail/message.h"
#include "mail/session.h"
#include "pipe/run.h"

const struct opinion milter_no_memory = { .action = WEIR_ACT_TEMPFAIL,
	.scope = WEIR_SCOPE_MESSAGE, .rcpt = WEIR_RCPT_NONE, .smtp_code = 452,
	.enhanced = "4.3.1", .text = "Out of memory, please try again later" };

static const struct {
	const char *name;
	bool slow;
} states[MILTER_STATE_COUNT] = {
#define MILTER_STATE_ROW(name, slow) { #name, slow },
	MILTER_STATES(MILTER_STATE_ROW)
#undef MILTER_STATE_ROW
};

#define IN(state) (1u << MILTER_##state)
#define IN_ANY ((1u << MILTER_STATE_COUNT) - 1)
#define IN_ENVELOPE (IN(CONNECTED) | IN(READY) | IN(MAIL) | IN(RCPT))

/* In which states a command is legal. */
static const uint32_t legal[MILTER_CMD_COUNT] = {
	[MILTER_CMD_OPTNEG] = IN(NEGOTIATE),
	[MILTER_CMD_MACRO] = IN_ANY & ~IN(NEGOTIATE),
	[MILTER_CMD_CONNECT] = IN(START),
	[MILTER_CMD_HELO] = IN_ENVELOPE,
	[MILTER_CMD_MAIL] = IN_ENVELOPE,
	[MILTER_CMD_RCPT] = IN(MAIL) | IN(RCPT),
	[MILTER_CMD_DATA] = IN(RCPT),
	[MILTER_CMD_HEADER] = IN(RCPT) | IN(DATA) | IN(HEADER),
	[MILTER_CMD_EOH] = IN(RCPT) | IN(DATA) | IN(HEADER),
	[MILTER_CMD_BODY] = IN(RCPT) | IN(DATA) | IN(HEADER) | IN(EOH) |
	    IN(BODY),
	[MILTER_CMD_EOM] = IN(RCPT) | IN(DATA) | IN(HEADER) | IN(EOH) |
	    IN(BODY),
	[MILTER_CMD_ABORT] = IN_ANY & ~IN(NEGOTIATE),
	[MILTER_CMD_QUIT] = IN_ANY,
	[MILTER_CMD_QUIT_NC] = IN_ANY & ~IN(NEGOTIATE),
	[MILTER_CMD_UNKNOWN] = IN_ANY & ~IN(NEGOTIATE)
};

/* The no-reply flag of a stage; EOM has none. */
static const uint32_t stage_no_reply[WEIR_STAGE_COUNT] = {
	[WEIR_STAGE_CONNECT] = MILTER_P_NR_CONN,
	[WEIR_STAGE_HELO] = MILTER_P_NR_HELO,
	[WEIR_STAGE_MAIL] = MILTER_P_NR_MAIL,
	[WEIR_STAGE_RCPT] = MILTER_P_NR_RCPT,
	[WEIR_STAGE_DATA] = MILTER_P_NR_DATA,
	[WEIR_STAGE_HEADER] = MILTER_P_NR_HDR,
	[WEIR_STAGE_EOH] = MILTER_P_NR_EOH,
	[WEIR_STAGE_BODY] = MILTER_P_NR_BODY
};

/* milter_of - from the connection to us */
static struct milter_session *
milter_of(const struct conn *c)
{
	return (struct milter_session *)(uintptr_t)c;
}

/* milter_state_name - for the log and the manual */
const char *
milter_state_name(enum milter_state state)
{
	return states[state].name;
}

/* milter_session_state - for tests */
enum milter_state
milter_session_state(const struct conn *c)
{
	return milter_of(c)->state;
}

/* milter_session_enter - the one place that changes the state */
void
milter_session_enter(struct milter_session *ms, enum milter_state state)
{
	ms->state = state;
}

/* milter_session_reach - which states the MTA may think that it is in: those
   behind events that it does not send are reached without them */
static uint32_t
milter_session_reach(const struct milter_session *ms)
{
	uint32_t p = ms->terms.o.protocol, in = 1u << ms->state;

	if ((in & IN(START)) != 0 && (p & MILTER_P_NOCONNECT) != 0)
		in |= IN(CONNECTED);
	if ((in & (IN(CONNECTED) | IN(READY))) != 0 &&
	    (p & MILTER_P_NOMAIL) != 0)
		in |= IN(MAIL);
	if ((in & IN(MAIL)) != 0 && (p & MILTER_P_NORCPT) != 0)
		in |= IN(RCPT);
	return in;
}

/* milter_session_answers - does the MTA wait for an answer to this stage */
bool
milter_session_answers(const struct milter_session *ms, int stage)
{
	return stage == WEIR_STAGE_EOM ||
	    (ms->terms.o.protocol & stage_no_reply[stage]) == 0;
}

/* milter_session_need - the session, opened when the first thing is known */
struct session *
milter_session_need(struct milter_session *ms)
{
	if (ms->session == NULL) {
		ms->session = session_open(&ms->conn.listener->front);
		ms->session->owner = ms;
		ms->session->edit_caps = ms->terms.edit_caps;
		ms->helos = 0;
	}
	return ms->session;
}

/* milter_session_is_refused - has every recipient been refused */
static bool
milter_session_is_refused(const struct message *m)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->nrcpts; i++)
		n += m->rcpts[i].refused;
	return n > 0 && n == m->nrcpts;
}

/* milter_session_over - the message has ended this way, if there is one */
void
milter_session_over(struct milter_session *ms, enum message_end how)
{
	struct session *s = ms->session;

	ms->refusal = NULL;
	/* with nobody left the client can but give up: it was our doing */
	if (how == MESSAGE_ABORTED && s != NULL && s->message != NULL &&
	    milter_session_is_refused(s->message))
		how = MESSAGE_REFUSED;
	if (s != NULL && s->message != NULL)
		message_finish(&s->message, how);
	else if (s != NULL)
		session_macros_clear(s, WEIR_STAGE_MAIL);
	if (ms->state > MILTER_READY)
		milter_session_enter(ms, MILTER_READY);
}

/* milter_session_queue_id - the MTA has named the message */
void
milter_session_queue_id(struct session *s)
{
	struct message *m = s->message;
	weir_str id = session_macro(s, "i");

	if (m != NULL && id.len > 0 && m->queue_id.len == 0)
		m->queue_id = pool_str(m->pool, id);
}

/* milter_session_begin - a message; NULL: there is a refusal to be said */
struct message *
milter_session_begin(struct milter_session *ms, weir_str sender,
    weir_str params)
{
	struct session *s = milter_session_need(ms);

	if (message_begin(s, sender, params) == NULL) {
		conn_log(&ms->conn, WEIR_LOG_WARN, LOG_FRONT_LIMIT, s,
		    "no memory for a new message");
		ms->refusal = &milter_no_memory;
		return NULL;
	}
	milter_session_queue_id(s);
	return s->message;
}

/* milter_session_message - the open message; if the MTA does not send MAIL, it
   begins here.  NULL: there is a refusal */
struct message *
milter_session_message(struct milter_session *ms)
{
	struct session *s = milter_session_need(ms);
	weir_str none = { "", 0 };

	if (s->message != NULL)
		return s->message;
	if (ms->refusal != NULL)
		return NULL;
	return milter_session_begin(ms, none, none);
}

/* milter_session_host_says - an opinion of our own */
void
milter_session_host_says(struct message *m, const struct opinion *o,
    int stage)
{
	struct opinion mine = *o;

	mine.stage = (uint8_t)stage;
	notes_opinion(&m->notes, m->pool, &mine);
}

/* milter_session_refuse - say the refusal if the MTA listens */
void
milter_session_refuse(struct milter_session *ms, int stage)
{
	if (!milter_session_answers(ms, stage))
		return;
	milter_reply_refuse(conn_out(&ms->conn), ms->session, ms->refusal);
	/* at RCPT it is about that recipient only: it holds for the next */
	if (stage != WEIR_STAGE_RCPT)
		milter_session_over(ms, MESSAGE_REFUSED);
}

/* milter_session_eom_said - the end of a message */
static void
milter_session_eom_said(struct milter_session *ms)
{
	struct message *m = ms->session->message;
	unsigned failed = milter_reply_eom(conn_out(&ms->conn), &ms->terms, m);

	if (failed > 0)
		conn_log(&ms->conn, WEIR_LOG_WARN, LOG_FRONT_PROTOCOL,
		    ms->session, "%u changes can't be said to this MTA",
		    failed);
	milter_session_over(ms, MESSAGE_DONE);
}

/* milter_session_said - a stage is through: answer */
void
milter_session_said(struct milter_session *ms, enum weir_stage stage,
    uint32_t rcpt)
{
	enum milter_said said;

	if (stage == WEIR_STAGE_EOM) {
		milter_session_eom_said(ms);
		return;
	}
	if (!milter_session_answers(ms, stage))
		return;
	said = milter_reply_stage(conn_out(&ms->conn), ms->session, stage,
	    rcpt);
	if (said == MILTER_SAID_CONTINUE || ms->session->message == NULL)
		return;
	if (said == MILTER_SAID_REFUSED && stage == WEIR_STAGE_RCPT)
		return;
	milter_session_over(ms, MESSAGE_REFUSED);
}

/* milter_session_on_progress - the MTA is to know that we still work */
static void
milter_session_on_progress(struct loop_timer *t)
{
	struct milter_session *ms = list_of(t, struct milter_session,
	    progress);

	conn_enter(&ms->conn);
	milter_put(conn_out(&ms->conn), MILTER_R_PROGRESS, NULL, 0);
	loop_timer_start(&ms->progress, front_limits()->progress_ms);
	conn_leave(&ms->conn);
}

/* milter_session_on_done - the stage is through, later */
static void
milter_session_on_done(struct session *s, enum weir_stage stage,
    uint32_t rcpt)
{
	struct milter_session *ms = s->owner;

	expect(ms->stage == stage && ms->rcpt == rcpt);
	conn_resume(&ms->conn);
}

/* milter_session_stage - take an event through the pipeline */
void
milter_session_stage(struct milter_session *ms, enum weir_stage stage,
    uint32_t rcpt)
{
	ms->stage = (uint8_t)stage;
	ms->rcpt = rcpt;
	if (run_stage(ms->session, stage, rcpt, milter_session_on_done)) {
		milter_session_said(ms, stage, rcpt);
		return;
	}
	conn_pause(&ms->conn);
	if (stage == WEIR_STAGE_EOM && ms->conn.fd >= 0)
		loop_timer_start(&ms->progress, front_limits()->progress_ms);
}

/* milter_session_resume - the stage that we waited for is through */
static void
milter_session_resume(struct conn *c)
{
	struct milter_session *ms = milter_of(c);

	loop_timer_stop(&ms->progress);
	milter_session_said(ms, (enum weir_stage)ms->stage, ms->rcpt);
}

/* milter_session_ahead - what comes next may make the wait pointless */
static void
milter_session_ahead(struct conn *c, char *data, size_t len)
{
	struct milter_session *ms = milter_of(c);
	struct milter_packet p;
	size_t need;

	if (milter_packet_find(data, len, &p, &need) <= 0)
		return;
	if (p.cmd != MILTER_CMD_ABORT && p.cmd != MILTER_CMD_QUIT &&
	    p.cmd != MILTER_CMD_QUIT_NC)
		return;
	/* no answer to what was asked before, or it would be taken for the
	   answer to what is asked next */
	loop_timer_stop(&ms->progress);
	run_cancel(ms->session);
	conn_unpause(c);
}

/* milter_session_finish - the SMTP session is over */
void
milter_session_finish(struct milter_session *ms)
{
	milter_session_over(ms, MESSAGE_ABORTED);
	if (ms->session != NULL)
		conn_log(&ms->conn, WEIR_LOG_DEBUG, LOG_SESSION_CLOSE,
		    ms->session, "client %s", ms->session->client_text);
	session_close(&ms->session);
}

/* milter_session_packet - one command */
static int
milter_session_packet(struct milter_session *ms, struct milter_packet *p)
{
	if ((legal[p->cmd] & milter_session_reach(ms)) == 0)
		return WEIR_E_STATE;
	return milter_commands[p->cmd](ms, p);
}

/* milter_session_fault - the peer broke the protocol */
static void
milter_session_fault(struct milter_session *ms, int status, const char *what)
{
	conn_log(&ms->conn, WEIR_LOG_WARN,
	    status == WEIR_E_LIMIT ? LOG_FRONT_LIMIT : LOG_FRONT_PROTOCOL,
	    ms->session, "%s in state %s: %s, closed", what,
	    milter_state_name(ms->state),
	    status == WEIR_E_LIMIT     ? "too much" :
		status == WEIR_E_STATE ? "out of order" :
					 "not well-formed");
	conn_break(&ms->conn);
}

/* milter_session_feed - take what is complete */
static size_t
milter_session_feed(struct conn *c, char *data, size_t len)
{
	struct milter_session *ms = milter_of(c);
	size_t pos = 0, need;
	struct milter_packet p;

	while (!c->paused && !c->ending && !c->broken) {
		int64_t n = milter_packet_find(data + pos, len - pos, &p,
		    &need);
		int status;

		if (n == 0)
			break;
		if (n < 0) {
			milter_session_fault(ms, (int)n, "packet");
			break;
		}
		pos += (size_t)n;
		status = milter_session_packet(ms, &p);
		if (status < 0)
			milter_session_fault(ms, status,
			    milter_command_name(p.cmd));
	}
	return pos;
}

/* milter_session_eof - the MTA is gone, and nobody waits for an answer */
static void
milter_session_eof(struct conn *c)
{
	conn_break(c);
}

/* milter_session_patience - what the MTA sends without waiting for its client
   must come soon */
static int64_t
milter_session_patience(const struct conn *c, bool partial)
{
	if (!partial && states[milter_of(c)->state].slow)
		return front_limits()->idle_ms;
	return front_limits()->command_ms;
}

/* milter_session_drain - an MTA that loses its filter refuses mail */
static void
milter_session_drain(struct conn *c)
{
	(void)c;
}

/* milter_session_release - the connection is closed */
static void
milter_session_release(struct conn *c)
{
	struct milter_session *ms = milter_of(c);

	loop_timer_stop(&ms->progress);
	milter_session_finish(ms);
	free(ms);
}

static const struct conn_kind milter_kind = {
	.name = "milter",
	.feed = milter_session_feed,
	.ahead = milter_session_ahead,
	.resume = milter_session_resume,
	.eof = milter_session_eof,
	.patience = milter_session_patience,
	.drain = milter_session_drain,
	.release = milter_session_release
};

/* milter_session_open - serve a connection */
struct conn *
milter_session_open(int fd, const struct front_listener *l)
{
	struct milter_session *ms = xcalloc(1, sizeof(*ms));

	loop_timer_init(&ms->progress, milter_session_on_progress);
	conn_open(&ms->conn, &milter_kind, fd, l);
	return &ms->conn;
}

/* front_milter_accept - serve an accepted connection */
void
front_milter_accept(int fd, const struct front_listener *l)
{
	milter_session_open(fd, l);
}
