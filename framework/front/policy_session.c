/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "front/policy_session.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/pool.h"
#include "base/text.h"
#include "front/policy_reply.h"
#include "front/policy_wire.h"
#include "mail/message.h"
#include "mail/session.h"
#include "pipe/explain.h"
#include "pipe/run.h"

#define SESSION_ADDRESS_MAX 1024 /* RFC 5321 4.5.3.1.3: 256 */

struct policy_session {
	struct conn conn;
	struct session *session; /* of the transaction, or NULL */
	const char *instance;	 /* its name; in the session's pool */
	const char *client;	 /* client_address as it was sent */
	uint32_t ran;		 /* stages that have run, as bits */
	bool helo_ran;		 /* for this request */
	bool passed;		 /* one of its requests was not refused */
	bool refused;		 /* one was */
	const char *eom;	 /* the verdict on the message, once given */
	enum policy_said eom_said;
	const struct edit *said; /* last header that was prepended */
	int64_t used_ms;	 /* the transaction, mono */
	struct loop_timer expiry; /* lazy */

	size_t scan; /* see policy_request_find */
	struct policy_request request;
	struct buf kept; /* the request's text while it waits */
	int target;	 /* the last stage that it asks for */
	int stage;	 /* that runs, while conn.paused */
	uint32_t rcpt;
};

static const struct {
	const char *state;
	int stage;
} targets[] = {
	{ "RCPT", WEIR_STAGE_RCPT },
	{ "DATA", WEIR_STAGE_DATA },
	{ "BDAT", WEIR_STAGE_DATA },
	{ "END-OF-MESSAGE", WEIR_STAGE_EOM },
	{ "MAIL", WEIR_STAGE_MAIL },
	{ "HELO", WEIR_STAGE_HELO },
	{ "EHLO", WEIR_STAGE_HELO },
	{ "CONNECT", WEIR_STAGE_CONNECT }
};

/* policy_of - from the connection to us */
static struct policy_session *
policy_of(struct conn *c)
{
	return (struct policy_session *)(void *)c;
}

/* policy_value - an attribute; empty if absent */
static weir_str
policy_value(const struct policy_session *ps, enum policy_attr attr)
{
	weir_str none = { "", 0 };

	return ps->request.v[attr].ptr != NULL ? ps->request.v[attr] : none;
}

/* policy_number - a decimal attribute; 0 if it is none */
static uint64_t
policy_number(const struct policy_session *ps, enum policy_attr attr)
{
	weir_str v = policy_value(ps, attr);
	uint64_t n = 0;

	for (size_t i = 0; i < v.len && i < 18 && text_is_digit(v.ptr[i]); i++)
		n = n * 10 + (uint64_t)(v.ptr[i] - '0');
	return n;
}

/* policy_message_end - the message is over; the session may stay */
static void
policy_message_end(struct policy_session *ps)
{
	struct session *s = ps->session;

	if (s != NULL && s->message != NULL)
		message_finish(&s->message, ps->conn.paused ? MESSAGE_ABORTED :
			ps->passed			    ? MESSAGE_DONE :
			ps->refused			    ? MESSAGE_REFUSED :
							      MESSAGE_ABORTED);
	ps->ran &= (1u << WEIR_STAGE_CONNECT) | (1u << WEIR_STAGE_HELO);
	ps->passed = ps->refused = false;
	ps->eom = NULL;
	ps->said = NULL;
}

/* policy_end - the transaction is over */
static void
policy_end(struct policy_session *ps)
{
	policy_message_end(ps);
	if (ps->session != NULL)
		conn_log(&ps->conn, WEIR_LOG_DEBUG, LOG_SESSION_CLOSE,
		    ps->session, "client %s", ps->session->client_text);
	session_close(&ps->session);
	ps->instance = ps->client = NULL;
	ps->ran = 0;
}

/* policy_on_expiry - no request for it any more */
static void
policy_on_expiry(struct loop_timer *t)
{
	struct policy_session *ps = list_of(t, struct policy_session, expiry);
	int64_t left = ps->used_ms + front_limits()->instance_ms -
	    clock_mono_ms();

	if (ps->session == NULL)
		return;
	if (left > 0 || ps->conn.paused)
		loop_timer_start(t, left > 0 ? left :
					       front_limits()->instance_ms);
	else
		policy_end(ps);
}

/* policy_set - an attribute of the session; "unknown" is Postfix's word for
   not known */
static void
policy_set(struct session *s, const char **attr, weir_str v)
{
	if (v.len > 0 && !text_case_equals(v, "unknown") &&
	    (*attr == NULL || !text_equals(v, *attr)))
		session_set(s, attr, v);
}

/* policy_begin - a transaction */
static void
policy_begin(struct policy_session *ps)
{
	struct session *s = session_open(&ps->conn.listener->front);
	weir_str address = policy_value(ps, POLICY_CLIENT_ADDRESS);
	struct ip ip;

	s->owner = ps;
	s->edit_caps = POLICY_EDIT_CAPS;
	ps->session = s;
	ps->instance = pool_str(s->pool,
	    policy_value(ps, POLICY_INSTANCE)).ptr;
	ps->client = pool_str(s->pool, address).ptr;
	if (ip_parse(ps->client, &ip))
		session_set_client(s, &ip,
		    (uint16_t)policy_number(ps, POLICY_CLIENT_PORT));
	policy_set(s, &s->client_name,
	    policy_value(ps, POLICY_CLIENT_NAME));
	policy_set(s, &s->client_rname,
	    policy_value(ps, POLICY_REVERSE_CLIENT_NAME));
	conn_log(&ps->conn, WEIR_LOG_DEBUG, LOG_SESSION_OPEN, s, "client %s",
	    ps->client);
	if (ps->conn.fd >= 0 && !loop_timer_is_active(&ps->expiry))
		loop_timer_start(&ps->expiry, front_limits()->instance_ms);
}

/* policy_update - what may become known, or change, between two requests */
static void
policy_update(struct policy_session *ps)
{
	struct session *s = ps->session;
	weir_str user = policy_value(ps, POLICY_SASL_USERNAME);

	for (int i = 0; i < POLICY_ATTR_COUNT; i++) {
		const char *macro = policy_attr_macro((enum policy_attr)i);

		if (macro == NULL || ps->request.v[i].len == 0)
			continue;
		if (session_macro_set(s, WEIR_STAGE_CONNECT,
			text_slice(macro), ps->request.v[i]) < 0)
			conn_log(&ps->conn, WEIR_LOG_WARN, LOG_FRONT_LIMIT, s,
			    "attribute %s is not kept", macro);
	}
	policy_set(s, &s->tls_version,
	    policy_value(ps, POLICY_ENCRYPTION_PROTOCOL));
	if (user.len > 0 && s->auth_user == NULL)
		session_set_auth(s, user);
}

/* policy_is_same - does the request belong to the open transaction */
static bool
policy_is_same(const struct policy_session *ps)
{
	weir_str instance = policy_value(ps, POLICY_INSTANCE);

	return ps->session != NULL && instance.len > 0 &&
	    text_equals(instance, ps->instance) &&
	    text_equals(policy_value(ps, POLICY_CLIENT_ADDRESS), ps->client);
}

/* policy_put - the answer; the request is done with */
static void
policy_put(struct policy_session *ps, const char *action)
{
	struct buf *out = conn_out(&ps->conn);

	buf_add(out, "action=", 7);
	buf_add_str(out, action);
	buf_add(out, "\n\n", 2);
	buf_fini(&ps->kept);
	if (ps->session != NULL && ps->instance[0] == '\0')
		policy_end(ps); /* nothing can refer to it */
	if (conn_is_draining())
		conn_end(&ps->conn);
}

/* policy_refuse - say no, for the record too */
static void
policy_refuse(struct policy_session *ps, const char *action)
{
	struct message *m = ps->session->message;

	ps->refused = true;
	if (m != NULL)
		m->reply = pool_strdup(m->pool, action);
	explain_refused(ps->session);
	policy_put(ps, action);
}

/* policy_trouble - Weir itself can't; a 5.x.x: nor would it the next time.
   As milter_cmd.c answers */
static void
policy_trouble(struct policy_session *ps, const char *enhanced,
    const char *text)
{
	struct buf b = BUF_INIT;
	struct session *s = ps->session;
	bool never = enhanced[0] == '5';
	struct opinion o = { .action = never ? WEIR_ACT_REJECT :
					       WEIR_ACT_TEMPFAIL,
		.rcpt = WEIR_RCPT_NONE, .smtp_code = never ? 553 : 0,
		.enhanced = enhanced, .text = text };

	conn_log(&ps->conn, WEIR_LOG_WARN, LOG_FRONT_LIMIT, s, "%s", text);
	buf_printf(&b, "%s %s %s [%s]", never ? "553" : "DEFER", enhanced, text,
	    s->message != NULL ? s->message->id : s->id);
	ps->refused = true;
	if (s->message != NULL)
		s->message->reply = pool_strdup(s->message->pool, b.ptr);
	explain_host_refused(s, &o);
	policy_put(ps, b.ptr);
	buf_fini(&b);
}

/* policy_say - the answer to a request that has run as far as it goes */
static void
policy_say(struct policy_session *ps, uint32_t rcpt)
{
	struct session *s = ps->session;
	struct message *m = s->message;
	struct buf b = BUF_INIT;
	enum policy_said said;

	if (ps->eom != NULL) {
		/* the same request once more */
		buf_add_str(&b, ps->eom);
		said = ps->eom_said;
	} else if (ps->target == WEIR_STAGE_EOM && m != NULL &&
	    (ps->ran & (1u << WEIR_STAGE_EOM)) != 0) {
		said = ps->eom_said = policy_reply_eom(&b, m);
		ps->eom = pool_strdup(m->pool, b.ptr);
	} else {
		said = policy_reply_stage(&b, s, rcpt,
		    ps->conn.listener->accept_ok);
	}
	if (said == POLICY_SAID_UNABLE)
		conn_log(&ps->conn, WEIR_LOG_WARN, LOG_FRONT_PROTOCOL, s,
		    "to discard for one recipient can't be said here");
	if (said == POLICY_SAID_NOTHING && m != NULL &&
	    ps->target != WEIR_STAGE_EOM)
		policy_reply_prepend(&b, m, &ps->said);
	if (said == POLICY_SAID_REFUSED) {
		policy_refuse(ps, b.ptr);
	} else {
		ps->passed = true;
		policy_put(ps, b.ptr);
	}
	buf_fini(&b);
}

/* policy_next - the first stage that is still to run; -1: none */
static int
policy_next(struct policy_session *ps)
{
	static const int order[] = { WEIR_STAGE_CONNECT, WEIR_STAGE_HELO,
		WEIR_STAGE_MAIL, WEIR_STAGE_RCPT, WEIR_STAGE_DATA,
		WEIR_STAGE_EOM };
	weir_str helo = policy_value(ps, POLICY_HELO_NAME);
	const struct session *s = ps->session;

	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
		int stage = order[i];

		if (stage > ps->target)
			break;
		if (stage == WEIR_STAGE_HELO) {
			/* a long one is cut when it is kept: never equal */
			if (helo.len == 0 || ps->helo_ran ||
			    (s->helo != NULL && text_equals(helo, s->helo)))
				continue;
			return stage;
		}
		if (stage == WEIR_STAGE_RCPT) {
			if (policy_value(ps, POLICY_RECIPIENT).len == 0 ||
			    ps->rcpt != WEIR_RCPT_NONE)
				continue;
			return stage;
		}
		if ((ps->ran & (1u << stage)) == 0)
			return stage;
	}
	return -1;
}

/* policy_find_rcpt - is the recipient one that was asked about before */
static uint32_t
policy_find_rcpt(const struct message *m, weir_str address)
{
	for (uint32_t i = 0; m != NULL && i < m->nrcpts; i++) {
		if (m->rcpts[i].address.len == address.len &&
		    memcmp(m->rcpts[i].address.ptr, address.ptr,
			address.len) == 0)
			return i;
	}
	return WEIR_RCPT_NONE;
}

/* policy_prepare - fill what a stage is about; false: it is answered */
static bool
policy_prepare(struct policy_session *ps, int stage)
{
	struct session *s = ps->session;
	weir_str none = { "", 0 };
	weir_str sender = policy_value(ps, POLICY_SENDER),
		 rcpt = policy_value(ps, POLICY_RECIPIENT),
		 id = policy_value(ps, POLICY_QUEUE_ID);

	if (stage == WEIR_STAGE_HELO) {
		ps->helo_ran = true;
		session_set(s, &s->helo, policy_value(ps, POLICY_HELO_NAME));
	} else if (stage == WEIR_STAGE_MAIL) {
		if (sender.len > SESSION_ADDRESS_MAX) {
			policy_trouble(ps, "5.1.7", "Sender address too long");
			return false;
		}
		if (message_begin(s, sender, none) == NULL) {
			policy_trouble(ps, "4.3.1", "Out of memory");
			return false;
		}
		s->message->no_content = true;
	} else if (stage == WEIR_STAGE_RCPT) {
		if (rcpt.len > SESSION_ADDRESS_MAX) {
			policy_trouble(ps, "5.1.3",
			    "Recipient address too long");
			return false;
		}
		if (message_rcpt_add(s->message, rcpt, none, &ps->rcpt) < 0) {
			policy_trouble(ps, "4.5.3", "Too many recipients");
			return false;
		}
	}
	if (s->message != NULL) {
		s->message->declared_size = policy_number(ps, POLICY_SIZE);
		if (s->message->queue_id.len == 0 && id.len > 0)
			s->message->queue_id = pool_str(s->message->pool, id);
	}
	return true;
}

/* policy_is_refused - has something been said that ends the matter here */
static bool
policy_is_refused(const struct policy_session *ps)
{
	const struct opinion *o = run_answer(ps->session, ps->rcpt);

	return o != NULL && o->action >= WEIR_ACT_TEMPFAIL;
}

/* policy_keep - the request must outlive the buffer that it was read into */
static void
policy_keep(struct policy_session *ps)
{
	if (ps->kept.len > 0)
		return;
	for (int i = 0; i < POLICY_ATTR_COUNT; i++) {
		if (ps->request.v[i].ptr != NULL)
			buf_add(&ps->kept, ps->request.v[i].ptr,
			    ps->request.v[i].len + 1);
	}
	for (size_t i = 0, pos = 0; i < POLICY_ATTR_COUNT; i++) {
		if (ps->request.v[i].ptr != NULL) {
			ps->request.v[i].ptr = ps->kept.ptr + pos;
			pos += ps->request.v[i].len + 1;
		}
	}
}

/* policy_on_done - the stage is through, later */
static void
policy_on_done(struct session *s, enum weir_stage stage, uint32_t rcpt)
{
	struct policy_session *ps = s->owner;

	(void)rcpt;
	expect(ps->stage == (int)stage);
	conn_resume(&ps->conn);
}

/* policy_go - run what has to run, then answer */
static void
policy_go(struct policy_session *ps)
{
	int stage;

	while (!policy_is_refused(ps) && (stage = policy_next(ps)) >= 0) {
		uint32_t rcpt;

		if (!policy_prepare(ps, stage))
			return;
		ps->ran |= 1u << stage;
		ps->stage = stage;
		rcpt = stage == WEIR_STAGE_RCPT ? ps->rcpt : WEIR_RCPT_NONE;
		if (!run_stage(ps->session, (enum weir_stage)stage, rcpt,
			policy_on_done)) {
			policy_keep(ps);
			conn_pause(&ps->conn);
			return;
		}
	}
	policy_say(ps, ps->rcpt);
}

/* policy_target - up to which stage; -1: not our business */
static int
policy_target(const struct policy_session *ps)
{
	weir_str state = policy_value(ps, POLICY_PROTOCOL_STATE);

	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
		if (text_equals(state, targets[i].state))
			return targets[i].stage;
	}
	return -1;
}

/* policy_request - a complete one */
static void
policy_request(struct policy_session *ps)
{
	struct message *m;

	if (!text_equals(policy_value(ps, POLICY_REQUEST),
		"smtpd_access_policy") ||
	    policy_value(ps, POLICY_PROTOCOL_STATE).len == 0) {
		conn_log(&ps->conn, WEIR_LOG_WARN, LOG_FRONT_PROTOCOL, NULL,
		    "no request=smtpd_access_policy with a protocol_state");
		policy_put(ps, "DUNNO");
		return;
	}
	ps->target = policy_target(ps);
	if (ps->target < 0) {
		policy_put(ps, "DUNNO");
		return;
	}
	if (!policy_is_same(ps)) {
		policy_end(ps);
		policy_begin(ps);
	}
	ps->used_ms = ps->conn.active_ms;
	ps->helo_ran = false;
	policy_update(ps);
	m = ps->session->message;
	if (m != NULL && (ps->target < WEIR_STAGE_MAIL ||
		!text_equals(policy_value(ps, POLICY_SENDER),
		    m->sender.ptr))) {
		/* the next message of the same client */
		policy_message_end(ps);
		m = NULL;
	}
	ps->rcpt = ps->target < WEIR_STAGE_RCPT ? WEIR_RCPT_NONE :
	    policy_find_rcpt(m, policy_value(ps, POLICY_RECIPIENT));
	policy_go(ps);
}

/* policy_feed - take what is complete */
static size_t
policy_feed(struct conn *c, char *data, size_t len)
{
	struct policy_session *ps = policy_of(c);
	size_t pos = 0;

	while (!c->paused && !c->ending && !c->broken && pos < len) {
		int64_t n = policy_request_find(data + pos, len - pos,
		    &ps->scan, &ps->request);

		if (n == 0)
			break;
		if (n < 0) {
			conn_log(c, WEIR_LOG_WARN,
			    n == WEIR_E_LIMIT ? LOG_FRONT_LIMIT :
						LOG_FRONT_PROTOCOL,
			    NULL, "request %s, closed",
			    n == WEIR_E_LIMIT ? "too large" :
						"not well-formed");
			conn_break(c);
			break;
		}
		pos += (size_t)n;
		/* an empty line too much is nobody's question */
		if (ps->request.attrs > 0)
			policy_request(ps);
	}
	return pos;
}

/* policy_ahead - the next request waits its turn */
static void
policy_ahead(struct conn *c, char *data, size_t len)
{
	(void)c;
	(void)data;
	(void)len;
}

/* policy_resume - the stage that we waited for is through */
static void
policy_resume(struct conn *c)
{
	policy_go(policy_of(c));
}

/* policy_eof - answer what was asked, then close */
static void
policy_eof(struct conn *c)
{
	if (!c->paused)
		conn_end(c);
}

/* policy_patience - smtpd keeps its connection for the next client */
static int64_t
policy_patience(const struct conn *c, bool partial)
{
	(void)c;
	return partial ? front_limits()->command_ms : front_limits()->idle_ms;
}

/* policy_drain - smtpd connects again by itself */
static void
policy_drain(struct conn *c)
{
	if (!c->paused && c->in.len == 0)
		conn_end(c);
}

/* policy_release - the connection is closed */
static void
policy_release(struct conn *c)
{
	struct policy_session *ps = policy_of(c);

	loop_timer_stop(&ps->expiry);
	policy_end(ps);
	buf_fini(&ps->kept);
	free(ps);
}

static const struct conn_kind policy_kind = {
	.name = "policy",
	.feed = policy_feed,
	.ahead = policy_ahead,
	.resume = policy_resume,
	.eof = policy_eof,
	.patience = policy_patience,
	.drain = policy_drain,
	.release = policy_release
};

/* policy_session_open - serve a connection */
struct conn *
policy_session_open(int fd, const struct front_listener *l)
{
	struct policy_session *ps = xcalloc(1, sizeof(*ps));

	loop_timer_init(&ps->expiry, policy_on_expiry);
	conn_open(&ps->conn, &policy_kind, fd, l);
	return &ps->conn;
}

/* front_policy_accept - serve an accepted connection */
void
front_policy_accept(int fd, const struct front_listener *l)
{
	policy_session_open(fd, l);
}
