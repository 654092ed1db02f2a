/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * act - remove, replace, rename: the original is kept first.
 *
 * Every part whose own rule or that of a file inside wants it is changed where
 * it stands; all other octets stay.  Where that is not possible (the mail is
 * one part, or readers disagree where the part is) the whole content gives way
 * to the text: never is something left in that a rule wants out.
 */
#include "attachment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "splice.h"

#define ACT_NOTICE 4000u

static const char act_default[] = "The attachment %n was removed by the mail "
    "filter (%c).";
static const char act_signed[] = "\nThis part of the message was signed. By the "
    "removal its signature is no longer\nvalid; that does not mean that "
    "somebody else has changed it.\n";

/* What is to be done with a part of it. */
struct act_part {
	uint32_t action;		   /* an edit, or RULE_NONE */
	uint32_t stay;			   /* parts directly in it that stay */
	const struct attachment_item *why; /* whose rule wants it */
};

/* What is to be done with one mail. */
struct act {
	struct attachment_mail *a;
	weir_str raw;
	size_t body;	      /* where it begins */
	struct act_part *parts;
	struct splice *v;
	size_t n;
	bool whole;	      /* no single part can be changed */
	char notice[ACT_NOTICE];
};

/* act_action - the edit that an item's rule wants, or RULE_NONE; stronger ones
   have been a verdict already */
static uint32_t
act_action(const struct attachment_mail *a, const struct attachment_item *item)
{
	enum rule_action action;

	if (item->rule == RULE_NONE)
		return RULE_NONE;
	action = a->m->rules.v[item->rule].action;
	return action < RULE_REMOVE || action > RULE_RENAME ? RULE_NONE :
							      action;
}

/* act_plan - for each part the strongest edit, by the rule of its own or of a
   file inside; then how many parts stay in each.  Once: there may be thousands
   of both. */
static int
act_plan(struct act *t, weir_call *call)
{
	const struct attachment_mail *a = t->a;

	t->parts = calloc(a->n_parts + 1, sizeof(*t->parts));
	if (t->parts == NULL)
		return WEIR_E_NOMEM;
	for (uint32_t i = 0; i < a->n_parts; i++)
		t->parts[i].action = RULE_NONE;
	for (uint32_t i = 0; i < a->n_items; i++) {
		const struct attachment_item *item = &a->items[i];
		uint32_t action = act_action(a, item);

		if (item->part < a->n_parts &&
		    action < t->parts[item->part].action) {
			t->parts[item->part].action = action;
			t->parts[item->part].why = item;
		}
	}
	for (uint32_t i = 0; i < a->n_parts; i++) {
		struct weir_mime_part p = { .size = sizeof(p) };

		if (a->m->mime->part(call, i, &p) == WEIR_OK &&
		    p.parent < a->n_parts &&
		    (p.flags & WEIR_MIME_ALTERNATE) == 0 &&
		    t->parts[i].action != RULE_REMOVE)
			t->parts[p.parent].stay++;
	}
	return WEIR_OK;
}

/* act_text - what is said in place of a part */
static void
act_text(struct act *t, const struct attachment_item *item, char *buf,
    size_t cap)
{
	const struct rule *r = &t->a->m->rules.v[item->rule];
	weir_str own = t->a->m->host->conf_str(t->a->m->conf, OPT_NOTICE);
	const char *text = r->text[0] != '\0' ? r->text :
	    own.len > 0 ? own.ptr : act_default;
	size_t n;

	attachment_fill(t->a, item, text, buf, cap);
	n = strlen(buf);
	if ((t->a->categories & CAT(SIGNED)) != 0 &&
	    n + sizeof(act_signed) < cap)
		memcpy(buf + n, act_signed, sizeof(act_signed));
}

/* act_put - one splice; text is owned by it from now on */
static int
act_put(struct act *t, size_t from, size_t to, char *text, size_t len)
{
	t->v[t->n++] = (struct splice) { from, to, text, len };
	return text != NULL ? WEIR_OK : WEIR_E_NOMEM;
}

/* act_replace - the part gives way to the text */
static int
act_replace(struct act *t, const struct weir_mime_part *p,
    const struct attachment_item *why)
{
	size_t to = (size_t)(p->raw_offset + p->raw_length), len = 0;
	const char *encoding;
	char *notice;

	act_text(t, why, t->notice, sizeof(t->notice));
	notice = splice_notice(t->notice, false, &encoding, &len);
	/* the line end before a delimiter belongs to the delimiter */
	if (notice != NULL && to < t->raw.len && t->raw.ptr[to] != '-')
		len -= 2;
	return act_put(t, (size_t)p->raw_head, to, notice, len);
}

/* act_remove - with the line that announces it, if something stays beside */
static int
act_remove(struct act *t, const struct weir_mime_part *p,
    const struct attachment_item *why)
{
	size_t from = splice_delimiter(t->raw, (size_t)p->raw_head);
	size_t to = (size_t)(p->raw_offset + p->raw_length);

	if (t->parts[p->parent].stay == 0)
		return act_replace(t, p, why);
	if (to + 1 < t->raw.len && t->raw.ptr[to] == '\r' &&
	    t->raw.ptr[to + 1] == '\n')
		to += 2;
	return act_put(t, from, to, strdup(""), 0);
}

/* act_rename - another header, the content stays */
static int
act_rename(struct act *t, const struct weir_mime_part *p, uint32_t part)
{
	const struct attachment_item *item = &t->a->items[part];
	weir_str header = { t->raw.ptr + p->raw_head,
		(size_t)(p->raw_offset - p->raw_head) };
	weir_str name = item->n_names > 0 ? item->names[0] :
	    WEIR_STR("attachment");
	char safe[200], *text;
	size_t len = 0;

	splice_safe_name(name, t->a->m->host->conf_str(t->a->m->conf,
	    OPT_RENAME_SUFFIX).ptr, safe, sizeof(safe));
	text = splice_renamed(header, safe, &len);
	return act_put(t, (size_t)p->raw_head, (size_t)p->raw_offset, text,
	    len);
}

/* act_part - what its rules want */
static int
act_part(struct act *t, weir_call *call, uint32_t part)
{
	struct weir_mime_part p = { .size = sizeof(p) };
	const struct attachment_item *why = t->parts[part].why;
	uint32_t action = t->parts[part].action;
	int status;

	if (action == RULE_NONE)
		return WEIR_OK;
	status = t->a->m->mime->part(call, part, &p);
	if (status != WEIR_OK)
		return status;
	if (p.parent >= t->a->n_parts ||
	    (p.flags & (WEIR_MIME_ALTERNATE | WEIR_MIME_TRUNCATED)) != 0 ||
	    p.encoding >= 3 || p.raw_head < t->body ||
	    p.raw_offset < p.raw_head ||
	    p.raw_offset + p.raw_length > t->raw.len ||
	    splice_delimiter(t->raw, (size_t)p.raw_head) == SIZE_MAX) {
		t->whole = true;
		act_text(t, why, t->notice, sizeof(t->notice));
		return WEIR_OK;
	}
	if (action == RULE_REMOVE)
		return act_remove(t, &p, why);
	if (action == RULE_REPLACE)
		return act_replace(t, &p, why);
	return act_rename(t, &p, part);
}

/* act_field - the only one of that name with this value */
static int
act_field(const struct attachment *m, weir_call *call, const char *name,
    const char *value)
{
	uint32_t n = m->host->header_count(call, name);
	int status = WEIR_OK;

	for (uint32_t i = n; i > 0 && status == WEIR_OK; i--) {
		if (i == 1 && value != NULL)
			status = m->edit->header_change(call, name, 1,
			    weir_str_of(value));
		else
			status = m->edit->header_delete(call, name, i);
	}
	if (n == 0 && value != NULL)
		status = m->edit->header_add(call, name, weir_str_of(value));
	return status;
}

/* act_whole - the text is all that is left */
static int
act_whole(struct act *t, weir_call *call)
{
	const struct attachment *m = t->a->m;
	const char *encoding;
	size_t len = 0;
	char *body = splice_notice(t->notice, true, &encoding, &len);
	int status = WEIR_E_NOMEM;

	if (body == NULL)
		return status;
	status = m->edit->body_replace(call, (weir_str){ body, len });
	free(body);
	if (status == WEIR_OK)
		status = act_field(m, call, "Content-Type",
		    "text/plain; charset=utf-8");
	if (status == WEIR_OK)
		status = act_field(m, call, "Content-Transfer-Encoding",
		    encoding);
	if (status == WEIR_OK)
		status = act_field(m, call, "Content-Disposition", NULL);
	if (status == WEIR_OK)
		status = act_field(m, call, "MIME-Version", "1.0");
	return status;
}

/* act_splice - the new body */
static int
act_splice(struct act *t, weir_call *call)
{
	size_t len = 0;
	char *body = splice_make(t->raw, t->body, t->v, t->n, &len);
	int status = WEIR_E_NOMEM;

	if (body != NULL)
		status = t->a->m->edit->body_replace(call,
		    (weir_str){ body, len });
	free(body);
	return status;
}

/* act_run - all parts, then one request */
static int
act_run(struct attachment_mail *a, weir_call *call)
{
	struct act *t = calloc(1, sizeof(*t));
	const char *end;
	int status;

	if (t == NULL)
		return WEIR_E_NOMEM;
	t->a = a;
	t->v = calloc(a->n_parts + 1, sizeof(*t->v));
	status = t->v != NULL ? act_plan(t, call) : WEIR_E_NOMEM;
	if (status == WEIR_OK)
		status = a->m->mime->raw(call, &t->raw);
	if (status == WEIR_OK) {
		end = memmem(t->raw.ptr, t->raw.len, "\r\n\r\n", 4);
		t->body = end != NULL ? (size_t)(end - t->raw.ptr) + 4 :
					t->raw.len;
	}
	for (uint32_t i = 0; i < a->n_parts && status == WEIR_OK; i++)
		status = act_part(t, call, i);
	if (status == WEIR_OK && t->whole)
		status = act_whole(t, call);
	else if (status == WEIR_OK && t->n > 0)
		status = act_splice(t, call);
	for (size_t i = 0; i < t->n; i++)
		free(t->v[i].text);
	free(t->parts);
	free(t->v);
	free(t);
	return status;
}

/* act_refuse - what was promised can't be done: the sender must try again */
static void
act_refuse(const struct attachment *m, weir_call *call, const char *text)
{
	struct weir_verdict v = { .size = sizeof(v),
		.action = WEIR_ACT_TEMPFAIL, .scope = WEIR_SCOPE_MESSAGE,
		.rcpt = WEIR_RCPT_NONE, .smtp_code = 451,
		.enhanced = "4.3.0", .text = text };

	m->host->log(m->self, call, WEIR_LOG_WARN, weir_str_of(text));
	m->host->verdict(call, &v);
}

/* act_kept - the original is safe, or it is not */
static void
act_kept(weir_call *call, int status, weir_str id, void *arg)
{
	struct attachment_mail *a = arg;
	struct attachment *m = a->m;

	if (status == WEIR_E_CANCELLED)
		return;
	if (status != WEIR_OK) {
		act_refuse(m, call, "The original can't be kept now");
		return;
	}
	m->metric->add(m->self, m->metric_kept, 1);
	m->host->fact_set(call, WEIR_RCPT_NONE, "attachment.kept", id);
	if (act_run(a, call) != WEIR_OK)
		act_refuse(m, call, "The attachment can't be removed here");
}

/* attachment_act - is there anything to change, and may it be? */
int
attachment_act(void *state, weir_call *call)
{
	struct attachment *m = state;
	struct attachment_mail *a = attachment_get(m, call);
	struct weir_verdict v = { .size = sizeof(v) };
	const struct attachment_item *why = NULL;
	char text[300];

	for (uint32_t i = 0; a != NULL && i < a->n_items && why == NULL; i++)
		if (act_action(a, &a->items[i]) != RULE_NONE)
			why = &a->items[i];
	if (why == NULL)
		return WEIR_OK;
	/* what nobody gets need not be changed, what is kept must not */
	if (m->host->verdict_get(call, WEIR_RCPT_NONE, &v) == WEIR_OK &&
	    v.action >= WEIR_ACT_QUARANTINE)
		return WEIR_OK;
	if (!m->keep_original) {
		if (act_run(a, call) != WEIR_OK)
			act_refuse(m, call,
			    "The attachment can't be removed here");
		return WEIR_OK;
	}
	attachment_fill(a, why, "%n (%c), rule %r", text, sizeof(text));
	if (m->quarantine == NULL ||
	    m->quarantine->keep(m->quarantine_state, call,
		WEIR_QUARANTINE_ATTACHMENT, WEIR_RCPT_NONE, weir_str_of(text),
		act_kept, a) != WEIR_OK)
		act_refuse(m, call, "The original can't be kept now");
	return WEIR_OK;
}
