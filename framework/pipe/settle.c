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
	uint32_t unkept; /* of QUARANTINE: no durable copy */
	const struct opinion *first[WEIR_ACT_REJECT + 1];
};

/* What the answer is to be; nothing is changed by deciding it. */
struct decision {
	struct settle_count count;
	uint32_t all;	   /* one answer for everybody, or NONE */
	bool can_leave;	   /* recipients can be taken out of the envelope */
	bool gets_through; /* somebody gets it, or an edit adds somebody */
	bool keepable;	   /* durable copies would do instead of a hold */
	bool hold;	   /* somebody is quarantined whom no copy helps */
};

/* settle_action - by the strongest opinion */
static uint32_t
settle_action(const struct opinion *o)
{
	return o != NULL ? o->action : WEIR_ACT_NONE;
}

/* settle_each - count what is wanted for each recipient */
static void
settle_each(const struct message *m, struct settle_count *count)
{
	memset(count, 0, sizeof(*count));
	for (uint32_t i = 0; i < m->nrcpts; i++) {
		const struct opinion *o;
		uint32_t action;

		if (m->rcpts[i].refused)
			continue;
		o = run_answer(m->session, i);
		action = settle_action(o);
		if (count->n[action]++ == 0)
			count->first[action] = o;
		count->unkept += action == WEIR_ACT_QUARANTINE &&
		    m->rcpts[i].kept == NULL;
		count->total++;
	}
	if (count->total == 0) {
		/* the MTA did not tell us the recipients: one answer for all */
		const struct opinion *o = run_answer(m->session,
		    WEIR_RCPT_NONE);
		uint32_t action = settle_action(o);

		count->n[action] = count->total = 1;
		count->unkept = action == WEIR_ACT_QUARANTINE;
		count->first[action] = o;
	}
}

/* settle_leave - take the recipients with this verdict out of the envelope;
   kept_only: those of which there is a durable copy */
static void
settle_leave(struct message *m, uint32_t action, bool kept_only)
{
	struct edit e = { .kind = EDIT_RCPT_DELETE };

	for (uint32_t i = 0; i < m->nrcpts; i++) {
		if (m->rcpts[i].refused || m->rcpts[i].final != action ||
		    (kept_only && m->rcpts[i].kept == NULL))
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

/* settle_refusals - somebody refuses: what does that mean for all; NONE: the
   others get it */
static uint32_t
settle_refusals(const struct settle_count *count, bool can_leave)
{
	uint32_t refusing = count->n[WEIR_ACT_REJECT] +
	    count->n[WEIR_ACT_TEMPFAIL];
	bool leave = policy == SETTLE_DROP ||
	    (policy == SETTLE_MAJORITY && refusing * 2 < count->total);

	if (refusing == 0)
		return WEIR_ACT_NONE;
	if (refusing == count->total || !leave || !can_leave)
		return count->n[WEIR_ACT_REJECT] > 0 ? WEIR_ACT_REJECT :
						       WEIR_ACT_TEMPFAIL;
	/* who is taken out of the envelope is not tried again: the mail would
	   be lost */
	return count->n[WEIR_ACT_TEMPFAIL] > 0 ? WEIR_ACT_TEMPFAIL :
						 WEIR_ACT_NONE;
}

/* settle_adds - does an edit add a recipient */
static bool
settle_adds(const struct message *m)
{
	const struct edit *e = m->edits.first;

	while (e != NULL && (e->shadow || e->kind != EDIT_RCPT_ADD))
		e = e->next;
	return e != NULL;
}

/* settle_decide - the answer, by what is known now.  Refusals come first: a
   message that is refused as a whole stays with the sender, and no copy of it
   may stay behind in a quarantine as well.  So a keeper is told to keep
   (fate QUARANTINE) only where nothing refuses the message for all. */
static void
settle_decide(const struct message *m, uint32_t caps, struct decision *d)
{
	const uint32_t *n = d->count.n;

	settle_each(m, &d->count);
	d->can_leave = (caps & EDIT_CAP(EDIT_RCPT_DELETE)) != 0;
	d->gets_through = n[WEIR_ACT_NONE] + n[WEIR_ACT_ACCEPT] > 0 ||
	    settle_adds(m);
	d->keepable = d->can_leave || !d->gets_through;
	d->hold = d->count.unkept > 0 ||
	    (n[WEIR_ACT_QUARANTINE] > 0 && !d->keepable);
	d->all = settle_refusals(&d->count, d->can_leave);
	if (d->all != WEIR_ACT_NONE)
		return;
	if (n[WEIR_ACT_DISCARD] > 0 && n[WEIR_ACT_NONE] +
		n[WEIR_ACT_ACCEPT] + n[WEIR_ACT_QUARANTINE] == 0)
		d->all = WEIR_ACT_DISCARD;
	else if (d->hold && (caps & EDIT_CAP(EDIT_HOLD)) == 0)
		d->all = WEIR_ACT_TEMPFAIL; /* nobody can keep it: the sender
					       must */
}

/* settle_all - one answer for everybody */
static void
settle_all(struct message *m, const struct decision *d, struct settled *out)
{
	const struct opinion *first = d->count.first[d->all];

	out->action = d->all;
	settle_fill(out, d->all, first);
	settle_final(m, WEIR_ACT_NONE, d->all);
}

/* settle_kept - all that are quarantined have their copies; true: and nobody
   else is left */
static bool
settle_kept(struct message *m, const struct decision *d, struct settled *out)
{
	out->kept = true;
	for (uint32_t i = 0; i < m->nrcpts; i++) {
		const struct rcpt *r = &m->rcpts[i];

		if (r->kept != NULL && r->final == WEIR_ACT_QUARANTINE)
			out->text = out->text == NULL ?
			    pool_printf(m->pool, "kept %s", r->kept) :
			    strlen(out->text) < REPLY_LINE / 2 &&
				strstr(out->text, r->kept) == NULL ?
			    pool_printf(m->pool, "%s, %s", out->text,
				r->kept) :
			    out->text;
	}
	if (d->gets_through)
		return false;
	/* what each recipient is shown with stays: quarantine, discard */
	out->action = WEIR_ACT_DISCARD;
	return true;
}

/* settle_part - not all alike: who leaves, who is held */
static void
settle_part(struct message *m, const struct decision *d, struct settled *out)
{
	const uint32_t *n = d->count.n;

	if (n[WEIR_ACT_QUARANTINE] > 0 && !d->hold && settle_kept(m, d, out))
		return;
	if (n[WEIR_ACT_REJECT] > 0)
		settle_leave(m, WEIR_ACT_REJECT, false);
	if (n[WEIR_ACT_DISCARD] > 0 && d->can_leave) {
		settle_leave(m, WEIR_ACT_DISCARD, false);
	} else if (n[WEIR_ACT_DISCARD] > 0) {
		/* delivered once too often, never once too little */
		out->text = "discarded recipients get it all the same";
		settle_final(m, WEIR_ACT_DISCARD, WEIR_ACT_ACCEPT);
	}
	if (d->can_leave)
		settle_leave(m, WEIR_ACT_QUARANTINE, true);
	if (d->hold) {
		out->hold = true;
		out->text = d->count.first[WEIR_ACT_QUARANTINE]->text;
	}
	out->action = out->hold ? WEIR_ACT_QUARANTINE : WEIR_ACT_NONE;
	out->plan = edits_plan(&m->edits, m->pool, &out->nplan);
}

/* settle_message - one answer for the transaction */
void
settle_message(struct message *m, uint32_t caps, struct settled *out)
{
	struct decision d;

	memset(out, 0, sizeof(*out));
	settle_decide(m, caps, &d);
	for (uint32_t i = 0; i < m->nrcpts; i++) {
		if (!m->rcpts[i].refused)
			m->rcpts[i].final = settle_action(run_answer(
			    m->session, i));
	}
	m->settled = true;
	if (d.all != WEIR_ACT_NONE)
		settle_all(m, &d, out);
	else
		settle_part(m, &d, out);
}

/* settle_fate - what would become of a recipient */
int
settle_fate(const struct message *m, uint32_t caps, uint32_t rcpt)
{
	const struct rcpt *r = &m->rcpts[rcpt];
	struct decision d;
	uint32_t action;

	if (r->refused || m->settled)
		return (int)r->final;
	settle_decide(m, caps | EDIT_CAP(EDIT_HOLD), &d);
	action = settle_action(run_answer(m->session, rcpt));
	if (d.all != WEIR_ACT_NONE)
		return (int)d.all;
	if (action == WEIR_ACT_QUARANTINE && !d.keepable)
		return (caps & EDIT_CAP(EDIT_HOLD)) != 0 ?
		    WEIR_E_UNSUPPORTED : (int)WEIR_ACT_TEMPFAIL;
	if (action == WEIR_ACT_DISCARD && !d.can_leave && d.gets_through)
		return WEIR_ACT_ACCEPT;
	return (int)action;
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

/* settle_got - settled, or as things stand */
uint32_t
settle_got(const struct session *s, const struct message *m, uint32_t rcpt)
{
	const struct opinion *o = run_answer(s, rcpt);
	uint32_t action = m->rcpts[rcpt].final;

	if (action == WEIR_ACT_NONE && o != NULL)
		action = o->action;
	return action == WEIR_ACT_NONE ? WEIR_ACT_ACCEPT : action;
}
