/* SPDX-License-Identifier: GPL-2.0-or-later */
/* effect_post - disclaimers, notifications and copies: what is built from the
   whole mail, in act. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "lua/effect_int.h"
#include "lua/trace.h"

#define EFFECT_POSTS_MAX 100

/* effect_post_new - room for one more in the message's memory */
static void *
effect_post_new(struct round *round, size_t size, struct effect_mail **m,
    int *status)
{
	struct rules *r = round->rules;
	void *p;

	*m = effect_mail(r, round->call, true);
	*status = WEIR_E_NOMEM;
	if (*m == NULL)
		return NULL;
	*status = WEIR_E_LIMIT;
	if ((*m)->posts >= EFFECT_POSTS_MAX)
		return NULL;
	p = r->host->alloc(round->call, WEIR_SCOPE_MESSAGE, size);
	*status = p != NULL ? WEIR_OK : WEIR_E_NOMEM;
	return p;
}

/* effect_disclaimer - remember it for act, or say why not */
int
effect_disclaimer(struct round *round, const struct disclaimer *d)
{
	struct rules *r = round->rules;
	struct effect_disclaimer *one;
	struct effect_mail *m;
	const char *why;
	char text[120];
	int status;

	if (round->stage != WEIR_STAGE_EOM)
		return WEIR_E_STATE;
	if (d->text.len > DISCLAIMER_TEXT_MAX ||
	    d->html.len > DISCLAIMER_TEXT_MAX)
		return WEIR_E_LIMIT;
	trace_did(round, "disclaimer", WEIR_RCPT_NONE, "%.*s",
	    (int)(d->text.len < 300 ? d->text.len : 300), d->text.ptr);
	if (effect_in_shadow(round, EFFECT_EDIT))
		return WEIR_OK;
	why = disclaimer_refusal(r->mime, round->call);
	snprintf(text, sizeof(text), "%s%s", why != NULL ? "left alone: " :
	    "added", why != NULL ? why : "");
	r->host->fact_set(round->call, WEIR_RCPT_NONE, "rules.disclaimer",
	    weir_str_of(text));
	if (why != NULL) {
		rules_log(r, round->call, WEIR_LOG_INFO, "rule \"%s\": no "
		    "disclaimer, the mail is left alone: %s",
		    round->rule->name, why);
		return WEIR_OK;
	}
	one = effect_post_new(round, sizeof(*one), &m, &status);
	if (one == NULL)
		return status;
	one->d.top = d->top;
	if (!effect_copy(round, d->text, &one->d.text) ||
	    !effect_copy(round, d->html, &one->d.html) ||
	    !effect_copy(round, d->separator, &one->d.separator))
		return WEIR_E_NOMEM;
	m->posts++;
	*m->disclaimers_tail = one;
	m->disclaimers_tail = &one->next;
	return WEIR_OK;
}

/* effect_notice - remember it for act */
int
effect_notice(struct round *round, const struct notice *x)
{
	struct rules *r = round->rules;
	struct effect_notice *one;
	struct effect_mail *m;
	int status;

	if (round->stage != WEIR_STAGE_EOM)
		return WEIR_E_STATE;
	trace_did(round, x->copy ? "copy" : "notify", WEIR_RCPT_NONE, "%.*s",
	    (int)(x->to.len < 300 ? x->to.len : 300), x->to.ptr);
	if (effect_in_shadow(round, EFFECT_NOTIFY))
		return WEIR_OK;
	if (notify_is_own(r->notify, round->call)) {
		rules_log(r, round->call, WEIR_LOG_INFO, "rule \"%s\": this is "
		    "a mail that a rule has sent: no other is sent about it",
		    round->rule->name);
		return WEIR_OK;
	}
	one = effect_post_new(round, sizeof(*one), &m, &status);
	if (one == NULL)
		return status;
	one->x = *x;
	one->x.rule = round->rule->name;
	if (!effect_copy(round, x->to, &one->x.to) ||
	    !effect_copy(round, x->subject, &one->x.subject) ||
	    !effect_copy(round, x->body, &one->x.body))
		return WEIR_E_NOMEM;
	m->posts++;
	*m->notices_tail = one;
	m->notices_tail = &one->next;
	return WEIR_OK;
}

/* effect_post_fields - changes of the header that belong to a new body */
static int
effect_post_fields(struct rules *r, weir_call *call,
    const struct disclaimer_result *out)
{
	const struct weir_edit *e = r->edit;
	int status = WEIR_OK;

	for (size_t i = 0; i < out->fields.n && status == WEIR_OK; i++) {
		const struct disclaimer_field *f = &out->fields.v[i];

		if (f->value == NULL)
			status = e->header_delete(call, f->name, f->n);
		else if (f->n == 0)
			status = e->header_add(call, f->name,
			    weir_str_of(f->value));
		else
			status = e->header_change(call, f->name, f->n,
			    weir_str_of(f->value));
	}
	return status;
}

/* effect_post_disclaimers - all of them in one new body */
static int
effect_post_disclaimers(struct rules *r, weir_call *call,
    const struct effect_mail *m)
{
	struct disclaimer_result out = { .body = BUF_INIT };
	struct disclaimer *list;
	size_t n = 0;
	int status;

	list = xcalloc(m->posts, sizeof(*list));
	for (const struct effect_disclaimer *d = m->disclaimers; d != NULL;
	     d = d->next)
		list[n++] = d->d;
	status = disclaimer_build(r->host, r->mime, call, list, n, &out);
	if (status == WEIR_OK)
		status = r->edit->body_replace(call, buf_str(&out.body));
	if (status == WEIR_OK)
		status = effect_post_fields(r, call, &out);
	disclaimer_result_fini(&out);
	free(list);
	return status;
}

/* effect_post - disclaimers, then what is sent */
int
effect_post(struct rules *r, weir_call *call, struct effect_mail *m, bool body)
{
	char text[120];
	int status = WEIR_OK;

	if (m->disclaimers != NULL && body)
		rules_log(r, call, WEIR_LOG_WARN, "no disclaimer: a rule has "
		    "replaced the whole body");
	else if (m->disclaimers != NULL)
		status = effect_post_disclaimers(r, call, m);
	if (status != WEIR_OK) {
		snprintf(text, sizeof(text), "the disclaimer can't be added: "
		    "%s", status_name(status));
		rules_log(r, call, WEIR_LOG_WARN, "%s", text);
		r->host->fail(call, status, weir_str_of(text));
		return WEIR_OK;
	}
	for (const struct effect_notice *x = m->notices; x != NULL;
	     x = x->next)
		notify_put(r->notify, call, &x->x);
	return WEIR_OK;
}
