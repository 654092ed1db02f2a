/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pipe/settle.h"

#include <stdio.h>
#include <string.h>

#include "base/pool.h"
#include "base/text.h"
#include "pipe/run.h"

#define REPLY_MAX 900
#define REPLY_LINE 400 /* RFC 5321 4.5.3.1.5: 512 with code and CRLF */

static enum settle_disagree policy = SETTLE_WORST;

/* settle_policy - the site's `disagree` */
void
settle_policy(enum settle_disagree disagree)
{
	policy = disagree;
}

/* settle_policy_get - read it */
enum settle_disagree
settle_policy_get(void)
{
	return policy;
}

/* settle_fill - code and text of a refusal, with defaults */
static void
settle_fill(struct settled *out, uint32_t action, const struct opinion *o)
{
	bool reject = action == WEIR_ACT_REJECT;
	uint32_t code = o != NULL ? o->smtp_code : 0;
	const char *e = o != NULL ? o->enhanced : NULL;

	if (action != WEIR_ACT_REJECT && action != WEIR_ACT_TEMPFAIL)
		return;
	/* a code of the wrong class would turn a refusal into its opposite */
	out->smtp_code = code / 100 == (reject ? 5u : 4u) ? code :
	    reject					   ? 550 :
							     451;
	out->enhanced = e != NULL && e[0] == (reject ? '5' : '4') &&
		e[1] == '.' ? e :
	    reject ? "5.7.1" :
		     "4.7.1";
	out->text = o != NULL && o->text != NULL && o->text[0] != '\0' ?
	    o->text :
	    reject ? "Message refused" :
		     "Please try again later";
}

/* settle_early - answer to a stage before eom */
void
settle_early(const struct opinion *o, struct settled *out)
{
	memset(out, 0, sizeof(*out));
	if (o == NULL)
		return;
	out->action = o->action;
	settle_fill(out, o->action, o);
}

struct settle_count {
	uint32_t n[WEIR_ACT_REJECT + 1];
	uint32_t total;
	const struct opinion *first[WEIR_ACT_REJECT + 1];
};

/* settle_each - decide each recipient for good and count */
static void
settle_each(struct message *m, struct settle_count *count)
{
	memset(count, 0, sizeof(*count));
	for (uint32_t i = 0; i < m->nrcpts; i++) {
		const struct opinion *o;
		uint32_t action;

		if (m->rcpts[i].refused)
			continue;
		o = run_answer(m->session, i);
		action = o != NULL ? o->action : WEIR_ACT_NONE;
		m->rcpts[i].final = action;
		if (count->n[action]++ == 0)
			count->first[action] = o;
		count->total++;
	}
	if (count->total == 0) {
		/* the MTA did not tell us the recipients: one answer for all */
		const struct opinion *o = run_answer(m->session,
		    WEIR_RCPT_NONE);
		uint32_t action = o != NULL ? o->action : WEIR_ACT_NONE;

		count->n[action] = count->total = 1;
		count->first[action] = o;
	}
}

/* settle_leave - take the recipients with this verdict out of the envelope */
static void
settle_leave(struct message *m, uint32_t action)
{
	struct edit e = { .kind = EDIT_RCPT_DELETE };

	for (uint32_t i = 0; i < m->nrcpts; i++) {
		if (m->rcpts[i].refused || m->rcpts[i].final != action)
			continue;
		e.n = i;
		e.name = m->rcpts[i].address;
		edits_add(&m->edits, m->pool, &e);
	}
}

/* settle_final - all recipients, or those with this verdict (not NONE), get
   another */
static void
settle_final(struct message *m, uint32_t from, uint32_t to)
{
	for (uint32_t i = 0; i < m->nrcpts; i++) {
		if (!m->rcpts[i].refused &&
		    (from == WEIR_ACT_NONE || m->rcpts[i].final == from))
			m->rcpts[i].final = to;
	}
}

/* settle_all - one answer for everybody */
static void
settle_all(struct message *m, const struct settle_count *count,
    uint32_t action, struct settled *out)
{
	out->action = action;
	settle_fill(out, action, count->first[action]);
	settle_final(m, WEIR_ACT_NONE, action);
}

/* settle_refusals - somebody refuses, others do not; true: all refuse now */
static bool
settle_refusals(struct message *m, const struct settle_count *count,
    uint32_t caps, struct settled *out)
{
	uint32_t refusing = count->n[WEIR_ACT_REJECT] +
	    count->n[WEIR_ACT_TEMPFAIL];
	uint32_t worst = count->n[WEIR_ACT_REJECT] > 0 ? WEIR_ACT_REJECT :
							 WEIR_ACT_TEMPFAIL;
	bool can_leave = (caps & EDIT_CAP(EDIT_RCPT_DELETE)) != 0;
	bool leave = policy == SETTLE_DROP ||
	    (policy == SETTLE_MAJORITY && refusing * 2 < count->total);

	if (refusing == 0)
		return false;
	if (refusing == count->total || !leave || !can_leave) {
		settle_all(m, count, worst, out);
		return true;
	}
	if (count->n[WEIR_ACT_TEMPFAIL] > 0) {
		/* who is taken out of the envelope is not tried again: the
		   mail would be lost */
		settle_all(m, count, WEIR_ACT_TEMPFAIL, out);
		return true;
	}
	settle_leave(m, WEIR_ACT_REJECT);
	return false;
}

/* settle_message - one answer for the transaction */
void
settle_message(struct message *m, uint32_t caps, struct settled *out)
{
	struct settle_count count;
	bool can_leave = (caps & EDIT_CAP(EDIT_RCPT_DELETE)) != 0;
	uint32_t staying;

	memset(out, 0, sizeof(*out));
	settle_each(m, &count);
	if (settle_refusals(m, &count, caps, out))
		return;
	staying = count.n[WEIR_ACT_NONE] + count.n[WEIR_ACT_ACCEPT] +
	    count.n[WEIR_ACT_QUARANTINE];
	if (count.n[WEIR_ACT_DISCARD] > 0) {
		if (staying == 0) {
			settle_all(m, &count, WEIR_ACT_DISCARD, out);
			return;
		}
		if (!can_leave) {
			/* delivered once too often, never once too little */
			out->text = "discarded recipients get it all the same";
			settle_final(m, WEIR_ACT_DISCARD, WEIR_ACT_ACCEPT);
		} else {
			settle_leave(m, WEIR_ACT_DISCARD);
		}
	}
	if (count.n[WEIR_ACT_QUARANTINE] > 0) {
		if ((caps & EDIT_CAP(EDIT_HOLD)) == 0) {
			/* nobody can keep it: the sender must */
			out->action = WEIR_ACT_TEMPFAIL;
			settle_fill(out, WEIR_ACT_TEMPFAIL, NULL);
			settle_final(m, WEIR_ACT_NONE, WEIR_ACT_TEMPFAIL);
			return;
		}
		out->hold = true;
		out->text = count.first[WEIR_ACT_QUARANTINE]->text;
	}
	out->action = out->hold ? WEIR_ACT_QUARANTINE : WEIR_ACT_NONE;
	out->plan = edits_plan(&m->edits, m->pool, &out->nplan);
}

/* settle_line - one line of a reply */
static void
settle_line(const struct settled *s, bool last, weir_str text, const char *id,
    struct buf *out)
{
	char clean[REPLY_LINE + 1];

	text_escape(clean, sizeof(clean), text);
	buf_printf(out, "%u%c%s %s", s->smtp_code, last ? ' ' : '-',
	    s->enhanced, clean);
	if (last)
		buf_printf(out, " [%s]", id);
	else
		buf_add_str(out, "\r\n");
}

/* settle_reply - the SMTP reply with the decision id */
void
settle_reply(const struct settled *s, const char *id, struct buf *out)
{
	const char *p = s->text;
	size_t begin = out->len;

	for (;;) {
		const char *lf = strchr(p, '\n');
		weir_str line;
		bool last = lf == NULL || out->len - begin > REPLY_MAX;

		line.ptr = p;
		line.len = lf != NULL ? (size_t)(lf - p) : strlen(p);
		settle_line(s, last, line, id, out);
		if (last)
			return;
		p = lf + 1;
	}
}
