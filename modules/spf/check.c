/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check - the stages: evaluate once at MAIL, say what was found, and refuse at
 * RCPT what the site wants refused.
 *
 * What a trusted forwarder passes on keeps its result as a fact, but nothing
 * follows from it: SPF_OVERRIDE and the fact spf.override say why.
 */
#include "spf.h"

#include <idn2.h>
#include <stdio.h>
#include <string.h>

#define REASON_MAX 1000
#define EVIDENCE_MAX 4000
#define SENDER_MAX 1024 /* longer ones are of no use to anybody */

/* check_skip - why nothing is checked, or NULL */
static const char *
check_skip(const struct spf *m, weir_call *call)
{
	weir_str bin = spf_attr(m, call, WEIR_A_CLIENT_ADDR_BIN,
	    WEIR_RCPT_NONE);
	weir_str addr = spf_attr(m, call, WEIR_A_CLIENT_ADDR, WEIR_RCPT_NONE);

	if (weir_str_eq(spf_attr(m, call, WEIR_A_DIRECTION, WEIR_RCPT_NONE),
	    "out"))
		return "outbound";
	if (spf_attr(m, call, WEIR_A_AUTH_USER, WEIR_RCPT_NONE).len > 0)
		return "authenticated";
	if (bin.len != 4 && bin.len != 16)
		return "no-address";
	if (m->host->in_networks(call, "internal", NULL) == 1)
		return "internal";
	if (m->host->conf_net(m->conf, OPT_EXCLUDE_CLIENTS, addr.ptr) == 1 ||
	    spf_match_name(m->host, m->conf, OPT_EXCLUDE_NAMES, spf_attr(m,
		call, WEIR_A_CLIENT_NAME, WEIR_RCPT_NONE)) ||
	    spf_match_address(m->host, m->conf, OPT_EXCLUDE_SENDERS,
		spf_attr(m, call, WEIR_A_SENDER, WEIR_RCPT_NONE)))
		return "excluded";
	return NULL;
}

/* check_forwarder - the trusted forwarder that the client is, or NULL */
static const struct spf_forwarder *
check_forwarder(const struct spf *m, weir_call *call)
{
	const struct weir_host *host = m->host;
	weir_str addr = spf_attr(m, call, WEIR_A_CLIENT_ADDR, WEIR_RCPT_NONE);
	weir_str name = spf_attr(m, call, WEIR_A_CLIENT_NAME, WEIR_RCPT_NONE);
	weir_str sender = spf_attr(m, call, WEIR_A_SENDER, WEIR_RCPT_NONE);
	const weir_str *items;

	for (uint32_t i = 0; i < m->nforwarders; i++) {
		const weir_conf *c = m->forwarders[i].conf;

		if (host->conf_net(c, FORWARDER_OPT_CLIENTS, addr.ptr) != 1 &&
		    !spf_match_name(host, c, FORWARDER_OPT_NAMES, name))
			continue;
		if (host->conf_list(c, FORWARDER_OPT_SENDERS, &items) == 0 ||
		    spf_match_address(host, c, FORWARDER_OPT_SENDERS, sender))
			return &m->forwarders[i];
	}
	return NULL;
}

/* check_ascii - the address with its domain as the DNS has it (RFC 7208 4.3);
   as it is where there is nothing to do or no such form */
static weir_str
check_ascii(weir_str address, char *out, size_t size)
{
	const char *at = memrchr(address.ptr, '@', address.len);
	const char *end = address.ptr + address.len;
	bool plain = true;
	char *ascii;
	int n;

	if (at == NULL || address.len >= size ||
	    memchr(at, '\0', (size_t)(end - at)) != NULL)
		return address;
	for (const char *p = at; p < end; p++)
		plain = plain && (unsigned char)*p < 0x80;
	if (plain)
		return address;
	memcpy(out, at + 1, (size_t)(end - at) - 1);
	out[end - at - 1] = '\0';
	if (idn2_to_ascii_8z(out, &ascii, IDN2_NONTRANSITIONAL) != IDN2_OK)
		return address;
	n = snprintf(out, size, "%.*s@%s", (int)(at - address.ptr),
	    address.ptr, ascii);
	idn2_free(ascii);
	return n > 0 && (size_t)n < size ? (weir_str){ out, (size_t)n }
					 : address;
}

/* check_input - who sends; sender: room for an address in ASCII */
static void
check_input(const struct spf *m, weir_call *call, struct spf_input *in,
    char *sender, size_t size)
{
	weir_str bin = spf_attr(m, call, WEIR_A_CLIENT_ADDR_BIN,
	    WEIR_RCPT_NONE);

	memset(in, 0, sizeof(*in));
	in->ip_len = bin.len;
	memcpy(in->ip, bin.ptr, bin.len);
	in->helo = spf_attr(m, call, WEIR_A_HELO, WEIR_RCPT_NONE);
	in->receiver = spf_attr(m, call, WEIR_A_SERVER_NAME, WEIR_RCPT_NONE);
	in->sender = check_ascii(spf_attr(m, call, WEIR_A_SENDER,
	    WEIR_RCPT_NONE), sender, size);
	in->now_ms = m->host->wall_ms(m->self);
}

/* check_copy - a string in the message's memory */
static const char *
check_copy(const struct spf *m, weir_call *call, const char *s)
{
	size_t len = strlen(s);
	char *copy = len > 0 ? m->host->alloc(call, WEIR_SCOPE_MESSAGE,
	    len + 1) : NULL;

	if (copy == NULL)
		return "";
	memcpy(copy, s, len + 1);
	return copy;
}

/* check_fact - a fact, if there is something to say */
static void
check_fact(const struct spf *m, weir_call *call, const char *key,
    const char *value)
{
	if (value[0] != '\0')
		m->host->fact_set(call, WEIR_RCPT_NONE, key,
		    weir_str_of(value));
}

/* check_reason - the evidence in one sentence */
static const char *
check_reason(const struct spf *m, weir_call *call,
    const struct spf_outcome *o)
{
	weir_str addr = spf_attr(m, call, WEIR_A_CLIENT_ADDR, WEIR_RCPT_NONE);
	char text[REASON_MAX];
	bool inner = o->inner[0] != '\0';

	if (o->mechanism[0] == '\0')
		snprintf(text, sizeof(text), "%s", o->problem);
	else
		snprintf(text, sizeof(text), "%s %s: %s for %s%s%s%s%s",
		    o->helo ? "HELO" : "MAIL FROM", o->domain, o->mechanism,
		    addr.ptr, inner ? ", by " : "", inner ? o->inner : "",
		    inner ? " of " : "", inner ? o->inner_domain : "");
	return check_copy(m, call, text);
}

/* check_evidence - every lookup with its answer, as far as there is room */
static void
check_evidence(const struct spf *m, weir_call *call,
    const struct spf_outcome *o)
{
	char text[EVIDENCE_MAX];
	size_t n = 0;

	for (const struct spf_lookup *l = o->lookups; l != NULL &&
	     n < sizeof(text); l = l->next) {
		int put = snprintf(text + n, sizeof(text) - n, "%s%s %s: %s",
		    n > 0 ? "; " : "", spf_type_name(l->type), l->name,
		    spf_lookup_text(l));

		n += put > 0 ? (size_t)put : 0;
	}
	if (n == 0)
		return;
	for (char *p = text; (p = strchr(p, '\n')) != NULL;)
		*p = ',';
	check_fact(m, call, "spf.lookups", text);
}

/* spf_check_override - nothing follows, and why */
void
spf_check_override(struct spf_check *c, weir_call *call, uint32_t rcpt,
    const char *why, weir_str who)
{
	const struct weir_host *host = c->m->host;
	char text[REASON_MAX + 300];

	snprintf(text, sizeof(text), "%s %.*s", why, (int)(who.len < 200
	    ? who.len : 200), who.ptr);
	host->fact_set(call, rcpt, "spf.override", weir_str_of(text));
	snprintf(text, sizeof(text), "%s does not count: %s %.*s; %s",
	    spf_result_name(c->result), why, (int)(who.len < 200 ? who.len
	    : 200), who.ptr, c->reason);
	host->finding(call, SYMBOL_OVERRIDE, rcpt, 1.0, weir_str_of(text));
	c->m->metric->add(c->m->self, c->m->metric_override, 1);
}

/* check_is_bad - would a forwarder's mail suffer from this result? */
static bool
check_is_bad(const struct spf_check *c)
{
	return c->result != SPF_RESULT_PASS && c->result != SPF_RESULT_NONE;
}

/* check_find - the findings, for all or for one recipient */
static void
check_find(struct spf_check *c, weir_call *call, uint32_t rcpt)
{
	const struct spf *m = c->m;

	if (m->actions[c->result] != SPF_ACTION_NONE)
		m->host->finding(call, (uint32_t)c->result, rcpt, 1.0,
		    weir_str_of(c->reason));
}

/* check_done - the result of the message */
static void
check_done(weir_call *call, const struct spf_outcome *o, void *arg)
{
	struct spf_check *c = arg;
	struct spf *m = c->m;

	if (o == NULL) {
		/* says nothing if it is the call that was given up */
		m->host->fail(call, WEIR_E_TEMP,
		    WEIR_STR("the DNS could not be asked"));
		return;
	}
	c->done = true;
	c->result = o->result;
	c->helo_identity = o->helo;
	c->domain = check_copy(m, call, o->domain);
	c->explanation = check_copy(m, call, o->explanation);
	c->mechanism = check_copy(m, call, o->mechanism);
	c->problem = check_copy(m, call, o->problem);
	c->reason = check_reason(m, call, o);
	check_fact(m, call, "spf.result", spf_result_name(o->result));
	check_fact(m, call, "spf.identity", o->helo ? "helo" : "mailfrom");
	check_fact(m, call, "spf.domain", c->domain);
	check_fact(m, call, "spf.explanation", c->explanation);
	check_fact(m, call, "spf.mechanism", c->mechanism);
	check_fact(m, call, "spf.problem", c->problem);
	check_fact(m, call, "spf.record", o->record);
	check_evidence(m, call, o);
	c->overridden = c->forwarder != NULL && check_is_bad(c);
	if (!c->overridden)
		check_find(c, call, WEIR_RCPT_NONE);
	else if (!c->forwarder->by_recipient)
		spf_check_override(c, call, WEIR_RCPT_NONE,
		    "trusted forwarder", c->forwarder->title);
}

/* check_helo_done - the result of HELO for itself */
static void
check_helo_done(weir_call *call, const struct spf_outcome *o, void *arg)
{
	struct spf_check *c = arg;
	struct spf *m = c->m;

	if (o == NULL)
		return;
	check_fact(m, call, "spf.helo", spf_result_name(o->result));
	if (o->result != SPF_RESULT_FAIL || c->forwarder != NULL)
		return;
	c->helo_failed = true;
	c->helo_reason = check_reason(m, call, o);
	if (m->helo_fail != SPF_ACTION_NONE)
		m->host->finding(call, SYMBOL_HELO_FAIL, WEIR_RCPT_NONE, 1.0,
		    weir_str_of(c->helo_reason));
}

/* spf_check_get - what is known of this message */
struct spf_check *
spf_check_get(const struct spf *m, weir_call *call)
{
	return m->host->data_get(call, WEIR_SCOPE_MESSAGE, WEIR_RCPT_NONE);
}

/* spf_check_mail - collect.mail: evaluate */
int
spf_check_mail(void *state, weir_call *call)
{
	struct spf *m = state;
	const char *skip = check_skip(m, call);
	char sender[SENDER_MAX + 300];
	struct spf_input in;
	struct spf_check *c;
	int status;

	if (skip != NULL) {
		check_fact(m, call, "spf.skipped", skip);
		return WEIR_OK;
	}
	c = m->host->alloc(call, WEIR_SCOPE_MESSAGE, sizeof(*c));
	if (c == NULL || m->host->data_set(call, WEIR_SCOPE_MESSAGE,
	    WEIR_RCPT_NONE, c, NULL) != WEIR_OK)
		return WEIR_E_NOMEM;
	c->m = m;
	c->forwarder = check_forwarder(m, call);
	check_input(m, call, &in, sender, sizeof(sender));
	status = spf_query_start(m, call, &in, check_done, c);
	if (status != WEIR_OK || !m->check_helo || in.sender.len == 0)
		return status;
	in.sender = WEIR_STR("");
	return spf_query_start(m, call, &in, check_helo_done, c);
}

/* check_rcpt_forwarder - does the forwarder count for this recipient? */
static bool
check_rcpt_forwarder(const struct spf_check *c, weir_call *call,
    uint32_t rcpt)
{
	return !c->forwarder->by_recipient || spf_match_address(c->m->host,
	    c->forwarder->conf, FORWARDER_OPT_RECIPIENTS, spf_attr(c->m, call,
	    WEIR_A_RCPT, rcpt));
}

/* spf_check_rcpt - collect.rcpt: findings that depend on the recipient */
int
spf_check_rcpt(void *state, weir_call *call, uint32_t rcpt)
{
	struct spf_check *c = spf_check_get(state, call);

	if (c == NULL || !c->overridden || !c->forwarder->by_recipient)
		return WEIR_OK;
	if (check_rcpt_forwarder(c, call, rcpt))
		spf_check_override(c, call, rcpt, "trusted forwarder",
		    c->forwarder->title);
	else
		check_find(c, call, rcpt);
	return WEIR_OK;
}

/* check_action - the stronger of what both results entail */
static enum spf_action
check_action(const struct spf_check *c, bool *helo)
{
	enum spf_action action = c->done ? c->m->actions[c->result]
					 : SPF_ACTION_NONE;

	*helo = c->helo_failed && c->m->helo_fail > action;
	return *helo ? c->m->helo_fail : action;
}

/* check_text - what the client is told (RFC 7208 8.4) */
static void
check_text(const struct spf_check *c, weir_call *call, bool helo, char *out,
    size_t size)
{
	weir_str addr = spf_attr(c->m, call, WEIR_A_CLIENT_ADDR,
	    WEIR_RCPT_NONE);
	weir_str name = spf_attr(c->m, call, WEIR_A_HELO, WEIR_RCPT_NONE);
	bool identity = helo || c->helo_identity;
	int n;

	if (c->result == SPF_RESULT_TEMPERROR && !helo)
		n = snprintf(out, size, "SPF check not possible now: %s",
		    c->problem);
	else if (c->result == SPF_RESULT_PERMERROR && !helo)
		n = snprintf(out, size, "SPF record in error: %s",
		    c->problem);
	else if (c->result == SPF_RESULT_NONE && !helo)
		n = snprintf(out, size, "SPF record required: %s",
		    c->problem);
	else
		n = snprintf(out, size, "SPF %s check failed: %s is not "
		    "permitted to send mail for %.*s", identity ? "HELO"
		    : "MAIL FROM", addr.ptr, helo ? (int)(name.len < 253
		    ? name.len : 253) : 253, helo ? name.ptr : c->domain);
	if (n < 0 || (size_t)n >= size || helo || c->explanation[0] == '\0')
		return;
	snprintf(out + n, size - (size_t)n, "\nThe domain %s explains: %s",
	    c->domain, c->explanation);
}

/* spf_check_refuse - the verdict */
void
spf_check_refuse(struct spf_check *c, weir_call *call, uint32_t rcpt,
    bool unsure)
{
	char text[REASON_MAX + SPF_EXPLANATION_SIZE];
	struct weir_verdict v = { .size = sizeof(v),
		.scope = WEIR_SCOPE_RCPT, .rcpt = rcpt, .text = text };
	bool helo, error;

	v.action = check_action(c, &helo) == SPF_ACTION_REJECT && !unsure
	    ? WEIR_ACT_REJECT : WEIR_ACT_TEMPFAIL;
	error = !helo && (c->result == SPF_RESULT_TEMPERROR ||
	    c->result == SPF_RESULT_PERMERROR);
	/* RFC 7372 */
	if (v.action == WEIR_ACT_REJECT) {
		v.smtp_code = 550;
		v.enhanced = error ? "5.7.24" : "5.7.23";
	} else {
		v.smtp_code = 451;
		v.enhanced = error ? "4.7.24" : "4.7.23";
	}
	check_text(c, call, helo, text, sizeof(text));
	c->m->host->verdict(call, &v);
}

/* spf_decide_rcpt - decide.rcpt: refuse, unless there are reasons not to */
int
spf_decide_rcpt(void *state, weir_call *call, uint32_t rcpt)
{
	struct spf *m = state;
	struct spf_check *c = spf_check_get(m, call);
	weir_str to = spf_attr(m, call, WEIR_A_RCPT, rcpt);
	bool helo;

	if (c == NULL || check_action(c, &helo) < SPF_ACTION_TEMPFAIL)
		return WEIR_OK;
	if (spf_match_address(m->host, m->conf, OPT_EXCLUDE_RECIPIENTS, to)) {
		spf_check_override(c, call, rcpt, "excluded recipient", to);
		return WEIR_OK;
	}
	if (c->overridden && check_rcpt_forwarder(c, call, rcpt))
		return WEIR_OK;
	if (m->exempt_mx && spf_mx_start(c, call, rcpt) == WEIR_OK)
		return WEIR_OK;
	spf_check_refuse(c, call, rcpt, false);
	return WEIR_OK;
}
