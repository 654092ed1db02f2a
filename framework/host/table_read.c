/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_read - where a call is and what is known of its mail. */
#include "host/table_int.h"

#include <string.h>

#include "base/pool.h"
#include "base/text.h"
#include "host/control.h"

static int (*networks_fn)(const char *, const struct ip *);

/* table_networks - who knows networks by name */
void
table_networks(int (*fn)(const char *, const struct ip *))
{
	networks_fn = fn;
}

int
table_stage(weir_call *handle)
{
	int status;
	struct call *c = table_call(handle, &status);

	return c == NULL ? status : c->session != NULL ? c->stage :
							 WEIR_E_STATE;
}

int
table_phase(weir_call *handle)
{
	int status;
	struct call *c = table_call(handle, &status);

	return c == NULL ? status : c->session != NULL ? c->phase :
							 WEIR_E_STATE;
}

/* table_number - a number as text in the call's memory */
static weir_str
table_number(struct call *c, uint64_t n)
{
	struct pool *pool = c->message != NULL ? c->message->pool :
						 c->session->pool;

	return text_slice(pool_printf(pool, "%llu", (unsigned long long)n));
}

/* table_session_attr - attributes of the session; ptr NULL: not known */
static weir_str
table_session_attr(struct call *c, uint32_t attr)
{
	struct session *s = c->session;
	weir_str none = { NULL, 0 }, out;
	const char *text = NULL;

	switch (attr) {
	case WEIR_A_SESSION_ID:
		text = s->id;
		break;
	case WEIR_A_CLIENT_ADDR:
		text = s->client_text;
		break;
	case WEIR_A_CLIENT_ADDR_BIN:
		out.ptr = (const char *)s->client.octets;
		out.len = s->client.len;
		return s->client.len != 0 ? out : none;
	case WEIR_A_CLIENT_NAME:
		text = s->client_name != NULL ? s->client_name : "";
		break;
	case WEIR_A_CLIENT_RNAME:
		text = s->client_rname != NULL ? s->client_rname : "";
		break;
	case WEIR_A_CLIENT_PORT:
		return s->client_port != 0 ? table_number(c, s->client_port) :
					     none;
	case WEIR_A_LISTENER:
		text = s->front->listener;
		break;
	case WEIR_A_FRONTEND:
		text = s->front->protocol;
		break;
	case WEIR_A_DIRECTION:
		text = s->is_out ? "out" : "in";
		break;
	case WEIR_A_HELO:
		text = s->helo;
		break;
	case WEIR_A_TLS_VERSION:
		text = s->tls_version;
		break;
	case WEIR_A_AUTH_USER:
		text = s->auth_user;
		break;
	case WEIR_A_SERVER_NAME:
		text = s->server_name;
		break;
	default:
		break;
	}
	return text != NULL ? text_slice(text) : none;
}

/* table_message_attr - attributes of message and recipient */
static weir_str
table_message_attr(struct call *c, uint32_t attr, uint32_t rcpt)
{
	struct message *m = c->message;
	weir_str none = { NULL, 0 };

	if (m == NULL)
		return none;
	switch (attr) {
	case WEIR_A_MESSAGE_ID:
		return text_slice(m->id);
	case WEIR_A_QUEUE_ID:
		return m->queue_id.len != 0 ? m->queue_id : none;
	case WEIR_A_SENDER:
		return m->sender;
	case WEIR_A_SENDER_PARAMS:
		return m->sender_params;
	case WEIR_A_SIZE:
		m->body_missed |= m->sizeless && c->stage == WEIR_STAGE_EOM;
		if (c->stage == WEIR_STAGE_EOM)
			return table_number(c,
			    m->header_octets + m->body_octets);
		return m->declared_size != 0 ?
		    table_number(c, m->declared_size) :
		    none;
	case WEIR_A_RCPT:
	case WEIR_A_RCPT_PARAMS:
		if (rcpt >= m->nrcpts || m->rcpts[rcpt].refused)
			return none;
		return attr == WEIR_A_RCPT ? m->rcpts[rcpt].address :
					     m->rcpts[rcpt].params;
	default:
		return none;
	}
}

int
table_attr_get(weir_call *handle, uint32_t attr, uint32_t rcpt, weir_str *out)
{
	int status;
	struct call *c = table_call(handle, &status);

	if (c == NULL)
		return status;
	if (out == NULL)
		return WEIR_E_INVAL;
	if (attr == WEIR_A_PEER_UID) {
		const char *uid = control_peer(c);

		*out = text_slice(uid != NULL ? uid : "");
		return uid != NULL ? WEIR_OK : WEIR_E_NOTFOUND;
	}
	if (c->session == NULL)
		return WEIR_E_STATE;
	*out = attr < WEIR_A_MESSAGE_ID ? table_session_attr(c, attr) :
					  table_message_attr(c, attr, rcpt);
	if (out->ptr != NULL)
		return WEIR_OK;
	*out = text_slice("");
	return WEIR_E_NOTFOUND;
}

int
table_macro_get(weir_call *handle, const char *name, weir_str *out)
{
	int status;
	struct call *c = table_call(handle, &status);

	if (c == NULL)
		return status;
	if (name == NULL || out == NULL)
		return WEIR_E_INVAL;
	if (c->session == NULL)
		return WEIR_E_STATE;
	*out = session_macro(c->session, name);
	if (out->ptr != NULL)
		return WEIR_OK;
	*out = text_slice("");
	return WEIR_E_NOTFOUND;
}

uint32_t
table_rcpt_count(weir_call *handle)
{
	int status;
	struct call *c = table_call(handle, &status);

	return c != NULL && c->message != NULL ? c->message->nrcpts : 0;
}

uint32_t
table_header_count(weir_call *handle, const char *name)
{
	int status;
	struct call *c = table_call(handle, &status);

	return c != NULL && c->message != NULL ?
	    message_header_count(c->message, name) :
	    0;
}

int
table_header_at(weir_call *handle, const char *name, uint32_t index,
    weir_str *name_out, weir_str *value_out)
{
	int status;
	struct call *c = table_call(handle, &status);
	const struct header *h;

	if (c == NULL)
		return status;
	h = c->message != NULL ? message_header(c->message, name, index) :
				 NULL;
	if (h == NULL)
		return WEIR_E_NOTFOUND;
	if (name_out != NULL)
		*name_out = h->name;
	if (value_out != NULL)
		*value_out = h->value;
	return WEIR_OK;
}

int
table_in_networks(weir_call *handle, const char *name, const char *addr)
{
	int status;
	struct call *c = table_call(handle, &status);
	struct ip ip;

	if (c == NULL)
		return status;
	if (addr != NULL) {
		if (!ip_parse(addr, &ip))
			return WEIR_E_INVAL;
	} else if (c->session != NULL) {
		ip = c->session->client;
	} else {
		return WEIR_E_STATE;
	}
	return networks_fn != NULL && name != NULL ? networks_fn(name, &ip) :
						     WEIR_E_NOTFOUND;
}
