/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bind_session - what is known of the client and the envelope. */
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "lua/bind.h"

/* bind_attr - an attribute, or nil */
static int
bind_attr(lua_State *L, uint32_t attr, uint32_t rcpt)
{
	struct round *round = round_of(L);
	weir_str value;

	if (round->rules->host->attr_get(round->call, attr, rcpt, &value) ==
	    WEIR_OK)
		bind_push_str(L, value);
	else
		lua_pushnil(L);
	return 1;
}

#define BIND_ATTR(name, attr) \
	static int \
	bind_session_##name(lua_State *L) \
	{ \
		return bind_attr(L, attr, WEIR_RCPT_NONE); \
	}
BIND_ATTR(session_id, WEIR_A_SESSION_ID)
BIND_ATTR(client_addr, WEIR_A_CLIENT_ADDR)
BIND_ATTR(client_name, WEIR_A_CLIENT_NAME)
BIND_ATTR(client_rname, WEIR_A_CLIENT_RNAME)
BIND_ATTR(client_port, WEIR_A_CLIENT_PORT)
BIND_ATTR(listener, WEIR_A_LISTENER)
BIND_ATTR(frontend, WEIR_A_FRONTEND)
BIND_ATTR(direction, WEIR_A_DIRECTION)
BIND_ATTR(helo, WEIR_A_HELO)
BIND_ATTR(tls_version, WEIR_A_TLS_VERSION)
BIND_ATTR(auth_user, WEIR_A_AUTH_USER)
BIND_ATTR(server_name, WEIR_A_SERVER_NAME)
BIND_ATTR(id, WEIR_A_MESSAGE_ID)
BIND_ATTR(queue_id, WEIR_A_QUEUE_ID)
BIND_ATTR(sender, WEIR_A_SENDER)
BIND_ATTR(sender_params, WEIR_A_SENDER_PARAMS)

/* bind_session_sender_domain - behind the last @, in lower case */
static int
bind_session_sender_domain(lua_State *L)
{
	size_t len;
	const char *s, *at;
	char domain[256];

	bind_session_sender(L);
	s = lua_tolstring(L, -1, &len);
	at = s != NULL ? memrchr(s, '@', len) : NULL;
	if (at == NULL || len - (size_t)(at + 1 - s) >= sizeof(domain)) {
		lua_pushliteral(L, "");
		return 1;
	}
	len -= (size_t)(at + 1 - s);
	memcpy(domain, at + 1, len);
	text_lower_in_place(domain, len);
	lua_pushlstring(L, domain, len);
	return 1;
}

/* bind_session_size - a number */
static int
bind_session_size(lua_State *L)
{
	bind_attr(L, WEIR_A_SIZE, WEIR_RCPT_NONE);
	if (!lua_isnil(L, -1))
		lua_pushinteger(L, lua_tointeger(L, -1));
	return 1;
}

/* bind_session_stage - its name */
static int
bind_session_stage(lua_State *L)
{
	lua_pushstring(L, stage_name(round_of(L)->stage));
	return 1;
}

/* bind_session_rule - the name of the rule that runs */
static int
bind_session_rule(lua_State *L)
{
	lua_pushstring(L, round_of(L)->rule->name);
	return 1;
}

/* bind_session_rcpt - the recipient of stage rcpt */
static int
bind_session_rcpt(lua_State *L)
{
	return bind_attr(L, WEIR_A_RCPT, round_of(L)->rcpt);
}

/* bind_session_rcpt_params - its ESMTP parameters */
static int
bind_session_rcpt_params(lua_State *L)
{
	return bind_attr(L, WEIR_A_RCPT_PARAMS, round_of(L)->rcpt);
}

#define ROW(name, help) \
	{ #name, "mail." #name, help, bind_session_##name }
const struct bind_row bind_session_rows[] = {
	ROW(stage, "Name of the stage: \"connect\" to \"eom\"."),
	ROW(rule, "Name of the rule that runs."),
	ROW(session_id, "The session's id, as on every log line."),
	ROW(client_addr, "The client's IP address as text; \"\" if it has "
	    "none."),
	ROW(client_name, "Its forward-confirmed reverse name, or \"\"."),
	ROW(client_rname, "Its reverse name, not confirmed, or \"\"."),
	ROW(client_port, "Its port as text, or nil."),
	ROW(listener, "Name of the listener in weir.conf."),
	ROW(frontend, "\"milter\", \"policy\" or \"drive\"."),
	ROW(direction, "\"in\" or \"out\"."),
	ROW(helo, "The name given in HELO or EHLO, or nil."),
	ROW(tls_version, "Version of TLS, or nil."),
	ROW(auth_user, "SASL login name, or nil."),
	ROW(server_name, "The MTA's own host name."),
	ROW(id, "The decision id of the message, or nil before MAIL."),
	ROW(queue_id, "The MTA's queue id once it is known, or nil."),
	ROW(sender, "Envelope sender; \"\" for the null sender."),
	ROW(sender_domain, "What is behind its last @, in lower case, or "
	    "\"\"."),
	ROW(sender_params, "ESMTP parameters of MAIL, or nil."),
	ROW(size, "Octets of the message: measured at eom, declared before; "
	    "or nil."),
	ROW(rcpt, "The recipient of stage rcpt; nil in other stages."),
	ROW(rcpt_params, "Its ESMTP parameters, or nil."),
	{ NULL, NULL, NULL, NULL }
};
