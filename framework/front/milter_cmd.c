/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of the milter protocol, one function each. */
#include "front/milter_int.h"

#include <string.h>

#include "base/pool.h"
#include "base/text.h"
#include "front/milter_reply.h"
#include "pipe/run.h"

#define CMD_ADDRESS_MAX 1024 /* RFC 5321 4.5.3.1.3: 256 */
#define CMD_PARAMS_MAX 4096
#define CMD_HELOS_MAX 1000 /* in one SMTP session */

/* Our own reasons to refuse. */
static const struct opinion too_large = { .action = WEIR_ACT_REJECT,
	.scope = WEIR_SCOPE_MESSAGE, .rcpt = WEIR_RCPT_NONE, .smtp_code = 552,
	.enhanced = "5.3.4", .text = "Message too large" };
static const struct opinion header_large = { .action = WEIR_ACT_REJECT,
	.scope = WEIR_SCOPE_MESSAGE, .rcpt = WEIR_RCPT_NONE, .smtp_code = 552,
	.enhanced = "5.3.4", .text = "Message header too large" };
/* the next attempt would bring the same */
static const struct opinion bad_sender = { .action = WEIR_ACT_REJECT,
	.scope = WEIR_SCOPE_MESSAGE, .rcpt = WEIR_RCPT_NONE, .smtp_code = 553,
	.enhanced = "5.1.7", .text = "Sender address or parameters too long" };
static const struct opinion bad_rcpt = { .action = WEIR_ACT_REJECT,
	.scope = WEIR_SCOPE_MESSAGE, .rcpt = WEIR_RCPT_NONE, .smtp_code = 553,
	.enhanced = "5.1.3",
	.text = "Recipient address or parameters too long" };
static const struct opinion too_many = { .action = WEIR_ACT_TEMPFAIL,
	.scope = WEIR_SCOPE_MESSAGE, .rcpt = WEIR_RCPT_NONE, .smtp_code = 452,
	.enhanced = "4.5.3", .text = "Too many recipients" };

/* The stage that a command's macros belong to; -1: none. */
static const int8_t command_stage[MILTER_CMD_COUNT] = {
	[MILTER_CMD_ABORT] = -1,
	[MILTER_CMD_BODY] = WEIR_STAGE_BODY,
	[MILTER_CMD_CONNECT] = WEIR_STAGE_CONNECT,
	[MILTER_CMD_MACRO] = -1,
	[MILTER_CMD_EOM] = WEIR_STAGE_EOM,
	[MILTER_CMD_HELO] = WEIR_STAGE_HELO,
	[MILTER_CMD_QUIT_NC] = -1,
	[MILTER_CMD_HEADER] = WEIR_STAGE_HEADER,
	[MILTER_CMD_MAIL] = WEIR_STAGE_MAIL,
	[MILTER_CMD_EOH] = WEIR_STAGE_EOH,
	[MILTER_CMD_OPTNEG] = -1,
	[MILTER_CMD_QUIT] = -1,
	[MILTER_CMD_RCPT] = WEIR_STAGE_RCPT,
	[MILTER_CMD_DATA] = WEIR_STAGE_DATA,
	[MILTER_CMD_UNKNOWN] = -1
};

/* A value without the blank that the MTA took away; used within one packet. */
static struct buf scratch = BUF_INIT;

/* milter_cmd_begins - compare the beginning, whatever the case */
static bool
milter_cmd_begins(weir_str s, const char *with)
{
	weir_str head = { s.ptr, strlen(with) };

	return s.len >= head.len && text_case_equals(head, with);
}

/* milter_on_optneg - agree on terms */
static int
milter_on_optneg(struct milter_session *ms, struct milter_packet *p)
{
	const struct front_listener *l = ms->conn.listener;
	struct milter_wish wish = { .no_reply = l->no_reply,
		.all_events = l->all_events };
	struct milter_options offer;

	if (milter_get_options(p, &offer) < 0 ||
	    milter_negotiate(&offer, run_wants(), &wish, &ms->terms) < 0)
		return WEIR_E_INVAL;
	milter_put_terms(conn_out(&ms->conn), &ms->terms);
	milter_session_enter(ms, MILTER_START);
	return WEIR_OK;
}

/* milter_on_macro - values for a command that follows */
static int
milter_on_macro(struct milter_session *ms, struct milter_packet *p)
{
	static struct milter_pair pairs[MILTER_MAX_MACROS];
	struct session *s = milter_session_need(ms);
	char octet;
	int n = milter_get_macros(p, &octet, pairs);
	int stage;

	if (n < 0)
		return n;
	stage = command_stage[milter_command_of(octet)];
	if (stage < 0)
		return WEIR_OK;
	/* of the next message: the one that is open ends here, and takes its
	   own macros with it, not these */
	if (stage == WEIR_STAGE_MAIL && s->message != NULL)
		milter_session_over(ms, MESSAGE_ABORTED);
	for (int i = 0; i < n; i++) {
		if (session_macro_set(s, stage, pairs[i].name,
			pairs[i].value) < 0)
			conn_log(&ms->conn, WEIR_LOG_WARN, LOG_FRONT_LIMIT, s,
			    "a macro of %zu octets is not kept",
			    pairs[i].value.len);
	}
	milter_session_queue_id(s);
	return WEIR_OK;
}

/* milter_cmd_fill - an attribute from a macro, if there is one */
static void
milter_cmd_fill(struct session *s, const char **attr, const char *macro)
{
	weir_str v = session_macro(s, macro);

	if (v.len > 0 && (*attr == NULL || !text_equals(v, *attr)))
		session_set(s, attr, v);
}

/* milter_cmd_names - what the client is called; only a name that was
   resolved forth and back counts as its name */
static void
milter_cmd_names(struct session *s, weir_str name)
{
	weir_str ptr = session_macro(s, "client_ptr");
	weir_str resolved = session_macro(s, "client_resolve");
	bool known = name.len > 0 && name.ptr[0] != '[' &&
	    !text_case_equals(name, "unknown");

	if (known && (resolved.len == 0 || text_equals(resolved, "OK")))
		session_set(s, &s->client_name, name);
	if (ptr.len > 0 && ptr.ptr[0] != '[' &&
	    !text_case_equals(ptr, "unknown"))
		session_set(s, &s->client_rname, ptr);
	else if (known)
		session_set(s, &s->client_rname, name);
}

/* milter_on_connect - an SMTP client */
static int
milter_on_connect(struct milter_session *ms, struct milter_packet *p)
{
	struct session *s = milter_session_need(ms);
	struct milter_connect in;
	char text[IP_TEXT_MAX];
	struct ip ip;

	if (milter_get_connect(p, &in) < 0)
		return WEIR_E_INVAL;
	if (in.family == '4' || in.family == '6') {
		if (in.family == '6' &&
		    milter_cmd_begins(in.address, "IPv6:")) {
			in.address.ptr += 5;
			in.address.len -= 5;
		}
		if (in.address.len >= sizeof(text))
			return WEIR_E_INVAL;
		memcpy(text, in.address.ptr, in.address.len + 1);
		if (!ip_parse(text, &ip))
			return WEIR_E_INVAL;
		session_set_client(s, &ip, in.port);
	}
	milter_cmd_names(s, in.name);
	milter_cmd_fill(s, &s->server_name, "j");
	milter_session_enter(ms, MILTER_CONNECTED);
	conn_log(&ms->conn, WEIR_LOG_DEBUG, LOG_SESSION_OPEN, s, "client %s",
	    s->client_text);
	milter_session_stage(ms, WEIR_STAGE_CONNECT, WEIR_RCPT_NONE);
	return WEIR_OK;
}

/* milter_on_helo - HELO or EHLO, perhaps once more after STARTTLS; it ends a
   message as RSET does */
static int
milter_on_helo(struct milter_session *ms, struct milter_packet *p)
{
	struct session *s = milter_session_need(ms);
	weir_str helo;

	if (milter_get_string(p, &helo) < 0)
		return WEIR_E_INVAL;
	if (++ms->helos > CMD_HELOS_MAX)
		return WEIR_E_LIMIT;
	milter_session_over(ms, MESSAGE_ABORTED);
	if (s->helo == NULL || !text_equals(helo, s->helo))
		session_set(s, &s->helo, helo);
	milter_cmd_fill(s, &s->tls_version, "tls_version");
	milter_session_enter(ms, MILTER_READY);
	milter_session_stage(ms, WEIR_STAGE_HELO, WEIR_RCPT_NONE);
	return WEIR_OK;
}

/* milter_cmd_address - without <> */
static weir_str
milter_cmd_address(weir_str a)
{
	if (a.len >= 2 && a.ptr[0] == '<' && a.ptr[a.len - 1] == '>') {
		a.ptr++;
		a.len -= 2;
	}
	return a;
}

/* milter_cmd_size - the SIZE parameter of MAIL FROM */
static uint64_t
milter_cmd_size(weir_str params)
{
	while (params.len > 0) {
		const char *blank = memchr(params.ptr, ' ', params.len);
		size_t len = blank != NULL ? (size_t)(blank - params.ptr) + 1 :
					     params.len;
		uint64_t n = 0;

		if (!milter_cmd_begins(params, "SIZE=")) {
			params.ptr += len;
			params.len -= len;
			continue;
		}
		for (size_t i = 5; i < len && text_is_digit(params.ptr[i]) &&
		     n < UINT64_MAX / 100;
		     i++)
			n = n * 10 + (uint64_t)(params.ptr[i] - '0');
		return n;
	}
	return 0;
}

/* milter_on_mail - a message begins; one that is open is given up */
static int
milter_on_mail(struct milter_session *ms, struct milter_packet *p)
{
	struct session *s = milter_session_need(ms);
	weir_str sender, params;

	if (milter_get_address(p, &sender, &params) < 0)
		return WEIR_E_INVAL;
	ms->refusal = NULL;
	if (s->message != NULL)
		milter_session_over(ms, MESSAGE_ABORTED);
	milter_cmd_fill(s, &s->tls_version, "tls_version");
	if (session_macro(s, "auth_authen").len > 0 && s->auth_user == NULL)
		session_set_auth(s, session_macro(s, "auth_authen"));
	milter_session_enter(ms, MILTER_MAIL);
	sender = milter_cmd_address(sender);
	if (sender.len > CMD_ADDRESS_MAX ||
	    params.len > CMD_PARAMS_MAX)
		ms->refusal = &bad_sender;
	else if (milter_session_begin(ms, sender, params) != NULL)
		s->message->declared_size = milter_cmd_size(params);
	if (ms->refusal != NULL)
		milter_session_refuse(ms, WEIR_STAGE_MAIL);
	else
		milter_session_stage(ms, WEIR_STAGE_MAIL, WEIR_RCPT_NONE);
	return WEIR_OK;
}

/* milter_cmd_rcpt_refuse - not by a module: this recipient if the MTA
   listens, else the message */
static void
milter_cmd_rcpt_refuse(struct milter_session *ms, const struct opinion *o)
{
	struct message *m = ms->session->message;

	conn_log(&ms->conn, WEIR_LOG_WARN, LOG_FRONT_LIMIT, ms->session, "%s",
	    o->text);
	if (milter_session_answers(ms, WEIR_STAGE_RCPT))
		milter_reply_refuse(conn_out(&ms->conn), ms->session, o);
	else
		milter_session_host_says(m, o, WEIR_STAGE_RCPT);
}

/* milter_on_rcpt - one more recipient */
static int
milter_on_rcpt(struct milter_session *ms, struct milter_packet *p)
{
	struct message *m;
	weir_str address, params;
	uint32_t rcpt;
	int status;

	if (milter_get_address(p, &address, &params) < 0)
		return WEIR_E_INVAL;
	m = milter_session_message(ms);
	milter_session_enter(ms, MILTER_RCPT);
	if (m == NULL) {
		milter_session_refuse(ms, WEIR_STAGE_RCPT);
		return WEIR_OK;
	}
	address = milter_cmd_address(address);
	if (address.len > CMD_ADDRESS_MAX ||
	    params.len > CMD_PARAMS_MAX)
		milter_cmd_rcpt_refuse(ms, &bad_rcpt);
	else if ((status = message_rcpt_add(m, address, params, &rcpt)) < 0)
		milter_cmd_rcpt_refuse(ms, status == WEIR_E_LIMIT ?
			&too_many : &milter_no_memory);
	else
		milter_session_stage(ms, WEIR_STAGE_RCPT, rcpt);
	return WEIR_OK;
}

/* milter_cmd_content - a stage of the content that carries nothing */
static int
milter_cmd_content(struct milter_session *ms, struct milter_packet *p,
    enum milter_state state, enum weir_stage stage)
{
	if (milter_get_nothing(p) < 0)
		return WEIR_E_INVAL;
	milter_session_enter(ms, state);
	if (milter_session_message(ms) == NULL)
		milter_session_refuse(ms, stage);
	else
		milter_session_stage(ms, stage, WEIR_RCPT_NONE);
	return WEIR_OK;
}

/* milter_on_data - the envelope is complete */
static int
milter_on_data(struct milter_session *ms, struct milter_packet *p)
{
	return milter_cmd_content(ms, p, MILTER_DATA, WEIR_STAGE_DATA);
}

/* milter_on_eoh - the header is complete */
static int
milter_on_eoh(struct milter_session *ms, struct milter_packet *p)
{
	return milter_cmd_content(ms, p, MILTER_EOH, WEIR_STAGE_EOH);
}

/* milter_on_header - one field */
static int
milter_on_header(struct milter_session *ms, struct milter_packet *p)
{
	weir_str name, value;

	if (milter_get_header(p, &name, &value) < 0)
		return WEIR_E_INVAL;
	if ((ms->terms.o.protocol & MILTER_P_HDR_LEADSPC) == 0) {
		/* the MTA took the blank behind the colon away */
		buf_clear(&scratch);
		buf_add_char(&scratch, ' ');
		buf_add(&scratch, value.ptr, value.len);
		value = buf_str(&scratch);
	}
	milter_session_enter(ms, MILTER_HEADER);
	if (milter_session_message(ms) != NULL)
		run_header(ms->session, name, value);
	if (milter_session_answers(ms, WEIR_STAGE_HEADER))
		milter_put(conn_out(&ms->conn), MILTER_R_CONTINUE, NULL, 0);
	return WEIR_OK;
}

/* milter_cmd_chunk - a piece of body; false: no more of it is wanted */
static bool
milter_cmd_chunk(struct milter_session *ms, struct milter_packet *p)
{
	struct message *m = milter_session_message(ms);
	weir_str chunk = { p->data, p->len };

	if (m == NULL)
		return false;
	run_body(ms->session, chunk);
	return run_wants()->stage[WEIR_STAGE_BODY] &&
	    m->spool_status == WEIR_OK;
}

/* milter_on_body - a chunk */
static int
milter_on_body(struct milter_session *ms, struct milter_packet *p)
{
	bool more;

	milter_session_enter(ms, MILTER_BODY);
	more = milter_cmd_chunk(ms, p);
	if (!milter_session_answers(ms, WEIR_STAGE_BODY))
		return WEIR_OK;
	milter_put(conn_out(&ms->conn),
	    !more && (ms->terms.o.protocol & MILTER_P_SKIP) != 0 ?
		MILTER_R_SKIP : MILTER_R_CONTINUE,
	    NULL, 0);
	return WEIR_OK;
}

/* milter_on_eom - the message is complete; the packet may carry its last
   chunk */
static int
milter_on_eom(struct milter_session *ms, struct milter_packet *p)
{
	struct message *m = milter_session_message(ms);

	milter_session_enter(ms, MILTER_EOM);
	if (m == NULL) {
		milter_session_refuse(ms, WEIR_STAGE_EOM);
		return WEIR_OK;
	}
	if (p->len > 0)
		milter_cmd_chunk(ms, p);
	if (m->spool_status != WEIR_OK || m->headers_cut) {
		/* what is not there can't be judged, nor taken out */
		milter_session_host_says(m,
		    m->headers_cut		    ? &header_large :
		    m->spool_status == WEIR_E_LIMIT ? &too_large :
						      &milter_no_memory,
		    WEIR_STAGE_EOM);
		milter_session_said(ms, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
		return WEIR_OK;
	}
	milter_session_stage(ms, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
	return WEIR_OK;
}

/* milter_on_abort - the message is given up, the session goes on; no answer */
static int
milter_on_abort(struct milter_session *ms, struct milter_packet *p)
{
	if (milter_get_nothing(p) < 0)
		return WEIR_E_INVAL;
	milter_session_over(ms, MESSAGE_ABORTED);
	return WEIR_OK;
}

/* milter_on_quit - and so is the connection */
static int
milter_on_quit(struct milter_session *ms, struct milter_packet *p)
{
	if (milter_get_nothing(p) < 0)
		return WEIR_E_INVAL;
	milter_session_finish(ms);
	conn_end(&ms->conn);
	return WEIR_OK;
}

/* milter_on_quit_nc - another one follows on the same terms */
static int
milter_on_quit_nc(struct milter_session *ms, struct milter_packet *p)
{
	if (milter_get_nothing(p) < 0)
		return WEIR_E_INVAL;
	milter_session_finish(ms);
	milter_session_enter(ms, MILTER_START);
	return WEIR_OK;
}

/* milter_on_unknown - an SMTP command that the MTA does not know */
static int
milter_on_unknown(struct milter_session *ms, struct milter_packet *p)
{
	(void)p;
	if ((ms->terms.o.protocol & MILTER_P_NR_UNKN) == 0)
		milter_put(conn_out(&ms->conn), MILTER_R_CONTINUE, NULL, 0);
	return WEIR_OK;
}

milter_on_fn *const milter_commands[MILTER_CMD_COUNT] = {
	[MILTER_CMD_ABORT] = milter_on_abort,
	[MILTER_CMD_BODY] = milter_on_body,
	[MILTER_CMD_CONNECT] = milter_on_connect,
	[MILTER_CMD_MACRO] = milter_on_macro,
	[MILTER_CMD_EOM] = milter_on_eom,
	[MILTER_CMD_HELO] = milter_on_helo,
	[MILTER_CMD_QUIT_NC] = milter_on_quit_nc,
	[MILTER_CMD_HEADER] = milter_on_header,
	[MILTER_CMD_MAIL] = milter_on_mail,
	[MILTER_CMD_EOH] = milter_on_eoh,
	[MILTER_CMD_OPTNEG] = milter_on_optneg,
	[MILTER_CMD_QUIT] = milter_on_quit,
	[MILTER_CMD_RCPT] = milter_on_rcpt,
	[MILTER_CMD_DATA] = milter_on_data,
	[MILTER_CMD_UNKNOWN] = milter_on_unknown
};

