/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "front/milter_reply.h"

#include <string.h>

#include "base/check.h"
#include "base/pool.h"
#include "base/text.h"
#include "mail/session.h"
#include "pipe/explain.h"
#include "pipe/run.h"
#include "pipe/settle.h"

/* Taking recipients out and holding are the host's own, not a module's. */
#define REPLY_HOST_EDITS (EDIT_CAP(EDIT_RCPT_DELETE) | EDIT_CAP(EDIT_HOLD))

/* reply_refuse - the SMTP reply with the decision id */
static void
reply_refuse(struct buf *out, struct session *s, const struct settled *st)
{
	struct message *m = s->message;
	struct buf text = BUF_INIT;
	size_t begun;

	settle_reply(st, m != NULL ? m->id : s->id, &text);
	if (m != NULL)
		m->reply = pool_strndup(m->pool, text.ptr, text.len);
	else
		s->reply = pool_strndup(s->pool, text.ptr, text.len);
	begun = milter_put_begin(out, MILTER_R_REPLYCODE);
	/* the MTA takes it for a printf format, so '%' is doubled */
	for (const char *p = text.ptr; *p != '\0'; p++) {
		if (*p == '%')
			buf_add_char(out, '%');
		buf_add_char(out, *p);
	}
	buf_add_char(out, '\0');
	milter_put_end(out, begun);
	buf_fini(&text);
}

/* milter_reply_refuse - no module was asked */
void
milter_reply_refuse(struct buf *out, struct session *s,
    const struct opinion *o)
{
	struct settled st;

	settle_early(o, &st);
	reply_refuse(out, s, &st);
	explain_host_refused(s, o);
}

/* reply_has_others - is something to be done for a recipient at the end */
static bool
reply_has_others(const struct session *s)
{
	const struct message *m = s->message;

	for (const struct opinion *o = m != NULL ? m->notes.opinions : NULL;
	     o != NULL; o = o->next) {
		if (o->scope == WEIR_SCOPE_RCPT && !o->shadow &&
		    o->action > WEIR_ACT_ACCEPT)
			return true;
	}
	return false;
}

/* reply_may_accept - may "ask no more" be said already */
static bool
reply_may_accept(const struct session *s, const struct opinion *o,
    enum weir_stage stage)
{
	/* later checks are skipped anyhow; but the MTA must not end our part
	   before a module had its chance to edit */
	if ((run_wants()->edits & ~REPLY_HOST_EDITS) != 0)
		return false;
	if (o->scope == WEIR_SCOPE_SESSION)
		return true;
	return o->scope == WEIR_SCOPE_MESSAGE && stage >= WEIR_STAGE_MAIL &&
	    !reply_has_others(s);
}

/* milter_reply_stage - what applies so far */
enum milter_said
milter_reply_stage(struct buf *out, struct session *s, enum weir_stage stage,
    uint32_t rcpt)
{
	const struct opinion *o = run_answer(s, rcpt);
	struct settled st;

	settle_early(o, &st);
	switch (st.action) {
	case WEIR_ACT_REJECT:
	case WEIR_ACT_TEMPFAIL:
		if (stage == WEIR_STAGE_RCPT && rcpt != WEIR_RCPT_NONE) {
			s->message->rcpts[rcpt].refused = true;
			s->message->rcpts[rcpt].final = st.action;
		}
		reply_refuse(out, s, &st);
		if (s->message == NULL)
			explain_refused(s);
		return MILTER_SAID_REFUSED;
	case WEIR_ACT_DISCARD:
		/* MTAs know it only within a message, and about all of it */
		if (stage < WEIR_STAGE_MAIL || o->scope == WEIR_SCOPE_RCPT)
			break;
		milter_put(out, MILTER_R_DISCARD, NULL, 0);
		return MILTER_SAID_DISCARDED;
	case WEIR_ACT_ACCEPT:
		if (!reply_may_accept(s, o, stage))
			break;
		milter_put(out, MILTER_R_ACCEPT, NULL, 0);
		return MILTER_SAID_ACCEPTED;
	default:
		break;
	}
	milter_put(out, MILTER_R_CONTINUE, NULL, 0);
	return MILTER_SAID_CONTINUE;
}

/* reply_value - a header value with exactly the blank that the MTA expects */
static weir_str
reply_value(const struct milter_terms *terms, struct pool *pool,
    weir_str value)
{
	bool blank = value.len > 0 &&
	    (value.ptr[0] == ' ' || value.ptr[0] == '\t');

	if ((terms->o.protocol & MILTER_P_HDR_LEADSPC) != 0) {
		/* as it is to stand behind the colon */
		if (!blank)
			value = text_slice(pool_printf(pool, " %.*s",
			    (int)value.len, value.ptr));
	} else if (blank) {
		/* the MTA adds one */
		value.ptr++;
		value.len--;
	}
	return value;
}

/* reply_edit - one change */
static int
reply_edit(struct buf *out, const struct milter_terms *terms,
    const struct message *m, const struct edit *e)
{
	weir_str none = { "", 0 }, value;

	if ((terms->edit_caps & EDIT_CAP(e->kind)) == 0)
		return WEIR_E_UNSUPPORTED;
	switch ((enum edit_kind)e->kind) {
	case EDIT_HEADER_DELETE:
		return milter_put_header_change(out, e->n, e->name, none);
	case EDIT_HEADER_CHANGE:
		/* no value at all would delete the field */
		value = reply_value(terms, m->pool, e->value);
		return milter_put_header_change(out, e->n, e->name,
		    value.len > 0 ? value : text_slice(" "));
	case EDIT_HEADER_INSERT:
		return milter_put_header_insert(out, e->n, e->name,
		    reply_value(terms, m->pool, e->value));
	case EDIT_HEADER_ADD:
		return milter_put_header_add(out, e->name,
		    reply_value(terms, m->pool, e->value));
	case EDIT_BODY:
		milter_put_body(out, e->value);
		return WEIR_OK;
	case EDIT_SENDER:
		return milter_put_address(out, MILTER_R_CHGFROM, e->name,
		    e->value);
	case EDIT_RCPT_DELETE:
		if (e->n >= m->nrcpts)
			return WEIR_E_INVAL;
		return milter_put_address(out, MILTER_R_DELRCPT,
		    m->rcpts[e->n].address, none);
	case EDIT_RCPT_ADD:
		if (e->value.len == 0)
			return milter_put_address(out, MILTER_R_ADDRCPT,
			    e->name, none);
		if ((terms->o.actions & MILTER_F_ADDRCPT_PAR) == 0)
			return WEIR_E_UNSUPPORTED;
		return milter_put_address(out, MILTER_R_ADDRCPT_PAR, e->name,
		    e->value);
	case EDIT_HOLD:
		return milter_put_quarantine(out, e->name);
	}
	return WEIR_E_INVAL;
}

/* reply_hold - into the MTA's own quarantine */
static void
reply_hold(struct buf *out, const struct message *m, const struct settled *st)
{
	const char *why = st->text != NULL && st->text[0] != '\0' ?
	    st->text : "held";
	char clean[256];

	text_escape(clean, sizeof(clean), text_slice(why));
	milter_put_quarantine(out, text_slice(pool_printf(m->pool, "%s [%s]",
	    clean, m->id)));
}

/* milter_reply_eom - the verdict */
unsigned
milter_reply_eom(struct buf *out, const struct milter_terms *terms,
    struct message *m)
{
	struct settled st;
	unsigned failed = 0;

	settle_message(m, terms->edit_caps, &st);
	switch (st.action) {
	case WEIR_ACT_REJECT:
	case WEIR_ACT_TEMPFAIL:
		reply_refuse(out, m->session, &st);
		return 0;
	case WEIR_ACT_DISCARD:
		m->reply = st.kept ? st.text : "discarded";
		milter_put(out, MILTER_R_DISCARD, NULL, 0);
		return 0;
	default:
		break;
	}
	for (uint32_t i = 0; i < st.nplan; i++) {
		if (reply_edit(out, terms, m, st.plan[i]) < 0)
			failed++;
	}
	if (st.hold)
		reply_hold(out, m, &st);
	else if (st.kept)
		m->reply = st.text;
	milter_put(out, MILTER_R_CONTINUE, NULL, 0);
	return failed;
}
