/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * comeback - a released mail comes back through the MTA, with its token.
 *
 * The signature is checked at eoh: from then on no other module is shown the
 * mail.  At eom its octets are compared with what was kept and the token is
 * used up; if either fails the answer is "try again later".  The field is
 * taken out of every mail, whoever wrote it.
 */
#include "act.h"

#include <stdlib.h>
#include <string.h>

struct comeback {
	struct quarantine *q;
	struct token token;
	struct fault fault;
};

/* comeback_rcpt - the one recipient, in lower case; NULL: none, or several */
static char *
comeback_rcpt(const struct quarantine *q, weir_call *call, uint32_t *index)
{
	uint32_t n = q->host->rcpt_count(call), found = 0;
	weir_str address;
	char *rcpt = NULL;

	for (uint32_t i = 0; i < n; i++) {
		if (q->host->attr_get(call, WEIR_A_RCPT, i, &address) !=
		    WEIR_OK)
			continue;
		free(rcpt);
		rcpt = found++ == 0 ? quarantine_lower(address) : NULL;
		*index = i;
	}
	return rcpt;
}

/* comeback_eoh - is it one of ours */
int
comeback_eoh(void *state, weir_call *call)
{
	struct quarantine *q = state;
	unsigned char key[TOKEN_KEY_LEN];
	struct token t;
	struct fault f = { 0, "several recipients" };
	uint32_t index = WEIR_RCPT_NONE;
	weir_str value;
	char *rcpt;
	struct act *a;
	int status = WEIR_E_INVAL;

	if (q->host->header_at(call, TOKEN_FIELD, 0, NULL, &value) != WEIR_OK)
		return WEIR_OK;
	rcpt = comeback_rcpt(q, call, &index);
	if (rcpt != NULL)
		status = token_key(q->store, key, &f);
	if (status == WEIR_OK)
		status = token_read(key, value, rcpt,
		    q->host->wall_ms(q->self), &t, &f);
	free(rcpt);
	if (status < 0) {
		quarantine_log(q, call, WEIR_LOG_WARN, "%s: %s; it counts for "
		    "nothing", TOKEN_FIELD, f.text);
		return WEIR_OK;
	}
	a = act_slot(q, call, true);
	if (a == NULL)
		return WEIR_E_NOMEM;
	a->comes_back = true;
	a->rcpt = index;
	a->token = t;
	q->host->fact_set(call, WEIR_RCPT_NONE, "quarantine.released",
	    weir_str_of(t.id));
	return q->host->exempt(call, WEIR_STR("released from the quarantine"));
}

/* comeback_run - in a job: the octets, then the token */
static int
comeback_run(weir_jobctx *ctx, void *arg)
{
	struct comeback *c = arg;
	int fd = c->q->job->message_fd(ctx);
	int status;

	if (fd < 0)
		return fault_set(&c->fault, fd, "the message was not kept for "
		    "reading");
	status = release_is_same(c->q->store, fd, c->token.id, &c->fault);
	if (status == WEIR_OK)
		status = release_token_use(c->q->store, &c->token, &c->fault);
	return status;
}

/* comeback_strip - the field, all of them */
static void
comeback_strip(struct quarantine *q, weir_call *call)
{
	uint32_t n = q->host->header_count(call, TOKEN_FIELD);

	for (uint32_t i = 1; i <= n; i++)
		q->edit->header_delete(call, TOKEN_FIELD, i);
}

/* comeback_done - let it in, or not now */
static void
comeback_done(weir_call *call, int status, void *arg)
{
	struct comeback *c = arg;
	struct quarantine *q = c->q;
	struct weir_verdict v = { .size = sizeof(v),
		.action = WEIR_ACT_TEMPFAIL, .scope = WEIR_SCOPE_MESSAGE,
		.rcpt = WEIR_RCPT_NONE, .enhanced = "4.7.1",
		.text = "This is not a release of now" };
	struct act *a = act_slot(q, call, false);

	if (status == WEIR_OK && a != NULL) {
		a->token_used = true;
		comeback_strip(q, call);
		quarantine_log(q, call, WEIR_LOG_INFO, "%s comes back: let in",
		    c->token.id);
	} else if (status == WEIR_OK) {
		/* its message is gone */
		batch_note(q, KEEP_TOKEN_BACK, c->token.id, c->token.nonce);
	} else {
		quarantine_log(q, call, WEIR_LOG_WARN, "%s comes back, but: %s",
		    c->token.id, c->fault.text);
		q->host->verdict(call, &v);
	}
	free(c);
}

/* comeback_eom - in act */
bool
comeback_eom(struct quarantine *q, weir_call *call, int *status)
{
	struct act *a = act_slot(q, call, false);
	struct comeback *c;

	*status = WEIR_OK;
	if (a == NULL || !a->comes_back) {
		if (q->host->header_count(call, TOKEN_FIELD) > 0)
			comeback_strip(q, call);
		return false;
	}
	c = calloc(1, sizeof(*c));
	if (c == NULL) {
		*status = WEIR_E_NOMEM;
		return true;
	}
	c->q = q;
	c->token = a->token;
	*status = q->job->start(call, comeback_run, comeback_done, c);
	if (*status < 0)
		free(c);
	return true;
}

/* comeback_end - was it let in */
void
comeback_end(struct quarantine *q, weir_call *call)
{
	struct act *a = act_slot(q, call, false);
	int fate;

	if (a == NULL || !a->token_used)
		return;
	fate = q->host->fate(call, a->rcpt);
	batch_note(q, fate == WEIR_ACT_NONE || fate == WEIR_ACT_ACCEPT ?
		KEEP_TOKEN_IN : KEEP_TOKEN_BACK, a->token.id, a->token.nonce);
}
