/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "front/milter_neg.h"

#include <string.h>

#include "mail/edit.h"

/* What each stage costs on the wire. */
struct neg_event {
	uint8_t stage;	   /* enum weir_stage */
	uint32_t skip;	   /* the MTA need not send it */
	uint32_t no_reply; /* the MTA need not wait for an answer */
};

/* EOM can't be switched off and always has an answer. */
static const struct neg_event events[] = {
	{ WEIR_STAGE_CONNECT, MILTER_P_NOCONNECT, MILTER_P_NR_CONN },
	{ WEIR_STAGE_HELO, MILTER_P_NOHELO, MILTER_P_NR_HELO },
	{ WEIR_STAGE_MAIL, MILTER_P_NOMAIL, MILTER_P_NR_MAIL },
	{ WEIR_STAGE_RCPT, MILTER_P_NORCPT, MILTER_P_NR_RCPT },
	{ WEIR_STAGE_DATA, MILTER_P_NODATA, MILTER_P_NR_DATA },
	{ WEIR_STAGE_HEADER, MILTER_P_NOHDRS, MILTER_P_NR_HDR },
	{ WEIR_STAGE_EOH, MILTER_P_NOEOH, MILTER_P_NR_EOH },
	{ WEIR_STAGE_BODY, MILTER_P_NOBODY, MILTER_P_NR_BODY }
};

/* Which action a kind of edit needs. */
static const uint32_t edit_actions[EDIT_KINDS] = {
	[EDIT_HEADER_DELETE] = MILTER_F_CHGHDRS,
	[EDIT_HEADER_CHANGE] = MILTER_F_CHGHDRS,
	[EDIT_HEADER_INSERT] = MILTER_F_ADDHDRS,
	[EDIT_HEADER_ADD] = MILTER_F_ADDHDRS,
	[EDIT_BODY] = MILTER_F_CHGBODY,
	[EDIT_SENDER] = MILTER_F_CHGFROM,
	[EDIT_RCPT_DELETE] = MILTER_F_DELRCPT,
	[EDIT_RCPT_ADD] = MILTER_F_ADDRCPT,
	[EDIT_HOLD] = MILTER_F_QUARANTINE
};

/* What we ask the MTA to send with a command: number on the wire, names. */
static const struct neg_symbols {
	uint32_t stage;
	const char *names;
} symbols[] = {
	{ 0, "j {daemon_name} {if_name} {if_addr} {client_port} "
	     "{client_name} {client_ptr} {client_resolve} v" },
	{ 1, "{tls_version}" },
	{ 2, "i {tls_version} {auth_authen} {auth_type} {mail_addr}" },
	{ 3, "i {rcpt_addr}" },
	{ 4, "i" },
	{ 5, "i" },
	{ 6, "i" }
};

/* neg_protocol - events and replies that are not needed */
static uint32_t
neg_protocol(uint32_t offer, const struct run_wants *wants,
    const struct milter_wish *wish)
{
	uint32_t p = MILTER_P_NOUNKNOWN | MILTER_P_SKIP | MILTER_P_HDR_LEADSPC;

	if (wish->all_events)
		p &= ~MILTER_P_NOUNKNOWN;
	if (wish->no_reply)
		p |= MILTER_P_NR_UNKN;
	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++) {
		const struct neg_event *e = &events[i];

		if (!wants->stage[e->stage] && !wish->all_events)
			p |= e->skip;
		if (wish->no_reply && !wants->answer[e->stage])
			p |= e->no_reply;
	}
	/* no reply means that "enough of the body" can't be said either, but
	   nobody who wants the body ever has enough */
	return p & offer;
}

/* neg_actions - what modules may need, and the two that settling needs */
static uint32_t
neg_actions(uint32_t offer, const struct run_wants *wants)
{
	uint32_t a = MILTER_F_DELRCPT | MILTER_F_QUARANTINE;

	for (int kind = 0; kind < EDIT_KINDS; kind++) {
		if ((wants->edits & EDIT_CAP(kind)) != 0)
			a |= edit_actions[kind];
	}
	if ((wants->edits & EDIT_CAP(EDIT_RCPT_ADD)) != 0)
		a |= MILTER_F_ADDRCPT_PAR;
	return a & offer;
}

/* milter_negotiate - terms that both can keep */
int
milter_negotiate(const struct milter_options *offer,
    const struct run_wants *wants, const struct milter_wish *wish,
    struct milter_terms *out)
{
	memset(out, 0, sizeof(*out));
	if (offer->version < MILTER_VERSION_MIN)
		return WEIR_E_UNSUPPORTED;
	out->o.version = offer->version;
	if (out->o.version > MILTER_VERSION_MAX)
		out->o.version = MILTER_VERSION_MAX;
	out->o.protocol = neg_protocol(offer->protocol, wants, wish);
	out->o.actions = neg_actions(offer->actions, wants);
	out->symbols = out->o.version >= 6 &&
	    (offer->actions & MILTER_F_SETSYMLIST) != 0;
	if (out->symbols)
		out->o.actions |= MILTER_F_SETSYMLIST;
	for (int kind = 0; kind < EDIT_KINDS; kind++) {
		if ((out->o.actions & edit_actions[kind]) != 0)
			out->edit_caps |= EDIT_CAP(kind);
	}
	return WEIR_OK;
}

/* milter_put_terms - say them */
void
milter_put_terms(struct buf *out, const struct milter_terms *terms)
{
	size_t begun = milter_put_begin(out, MILTER_R_OPTNEG);

	milter_put_options(out, &terms->o);
	for (size_t i = 0;
	     terms->symbols && i < sizeof(symbols) / sizeof(*symbols); i++) {
		char stage[4] = { 0, 0, 0, (char)symbols[i].stage };

		buf_add(out, stage, sizeof(stage));
		buf_add(out, symbols[i].names, strlen(symbols[i].names) + 1);
	}
	milter_put_end(out, begun);
}
