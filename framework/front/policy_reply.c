/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "front/policy_reply.h"

#include <string.h>

#include "base/text.h"
#include "mail/session.h"
#include "pipe/run.h"
#include "pipe/settle.h"

#define REPLY_TEXT_MAX 400
#define REPLY_VALUE_MAX 2000

/* reply_line - text as one clean line */
static void
reply_line(struct buf *out, const char *text, const char *otherwise)
{
	char clean[REPLY_TEXT_MAX];

	if (text == NULL || text[0] == '\0')
		text = otherwise;
	for (;;) {
		const char *lf = strchr(text, '\n');
		weir_str line = { text,
			lf != NULL ? (size_t)(lf - text) : strlen(text) };

		text_escape(clean, sizeof(clean), line);
		buf_add_str(out, clean);
		if (lf == NULL || out->len > REPLY_TEXT_MAX)
			return;
		buf_add_str(out, " / ");
		text = lf + 1;
	}
}

/* reply_id - of the message, or of the session before there is one */
static const char *
reply_id(const struct session *s)
{
	return s->message != NULL ? s->message->id : s->id;
}

/* reply_settled - one action */
static enum policy_said
reply_settled(struct buf *out, const struct session *s,
    const struct settled *st)
{
	enum policy_said said = POLICY_SAID_ACTION;

	switch (st->action) {
	case WEIR_ACT_REJECT:
		if (st->smtp_code == 550)
			buf_add_str(out, "REJECT ");
		else
			buf_printf(out, "%u ", st->smtp_code);
		buf_printf(out, "%s ", st->enhanced);
		said = POLICY_SAID_REFUSED;
		break;
	case WEIR_ACT_TEMPFAIL:
		if (st->smtp_code == 421)
			buf_add_str(out, "421 ");
		else
			buf_add_str(out, "DEFER_IF_PERMIT ");
		buf_printf(out, "%s ", st->enhanced);
		said = POLICY_SAID_REFUSED;
		break;
	case WEIR_ACT_DISCARD:
		buf_add_str(out, "DISCARD ");
		break;
	case WEIR_ACT_QUARANTINE:
		buf_add_str(out, "HOLD ");
		break;
	default:
		buf_add_str(out, "DUNNO");
		return POLICY_SAID_NOTHING;
	}
	reply_line(out, st->text,
	    st->action == WEIR_ACT_DISCARD ? "discarded" : "held");
	buf_printf(out, " [%s]", reply_id(s));
	return said;
}

/* policy_reply_stage - what applies so far */
enum policy_said
policy_reply_stage(struct buf *out, struct session *s, uint32_t rcpt,
    bool accept_ok)
{
	const struct opinion *o = run_answer(s, rcpt);
	struct settled st;

	settle_early(o, &st);
	if (o != NULL && (st.action == WEIR_ACT_DISCARD ||
		st.action == WEIR_ACT_QUARANTINE))
		st.text = o->text;
	if (st.action == WEIR_ACT_DISCARD && o->scope == WEIR_SCOPE_RCPT) {
		buf_add_str(out, "DUNNO");
		return POLICY_SAID_UNABLE;
	}
	if (st.action == WEIR_ACT_ACCEPT && accept_ok) {
		buf_add_str(out, "OK");
		return POLICY_SAID_ACTION;
	}
	if (rcpt != WEIR_RCPT_NONE && st.action >= WEIR_ACT_TEMPFAIL) {
		s->message->rcpts[rcpt].refused = true;
		s->message->rcpts[rcpt].final = st.action;
	}
	return reply_settled(out, s, &st);
}

/* policy_reply_eom - the verdict on the message */
enum policy_said
policy_reply_eom(struct buf *out, struct message *m)
{
	struct settled st;

	settle_message(m, POLICY_EDIT_CAPS, &st);
	return reply_settled(out, m->session, &st);
}

/* policy_reply_prepend - a header for the top of the message */
void
policy_reply_prepend(struct buf *out, const struct message *m,
    const struct edit **said)
{
	const struct edit *e = *said != NULL ? (*said)->next : m->edits.first;
	char clean[REPLY_VALUE_MAX];
	weir_str value;

	while (e != NULL && (e->shadow || (e->kind != EDIT_HEADER_ADD &&
			e->kind != EDIT_HEADER_INSERT)))
		e = e->next;
	if (e == NULL)
		return;
	*said = e;
	buf_clear(out);
	buf_add_str(out, "PREPEND ");
	buf_add(out, e->name.ptr, e->name.len);
	buf_add_str(out, ": ");
	value = text_trim(e->value);
	for (;;) {
		const char *lf = memchr(value.ptr, '\n', value.len);
		weir_str line = { value.ptr,
			lf != NULL ? (size_t)(lf - value.ptr) : value.len };

		text_escape(clean, sizeof(clean), text_trim(line));
		buf_add_str(out, clean);
		if (lf == NULL)
			return;
		/* a fold is a blank on one line */
		buf_add_char(out, ' ');
		value.len -= line.len + 1;
		value.ptr = lf + 1;
	}
}
