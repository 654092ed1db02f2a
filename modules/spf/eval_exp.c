/* SPDX-License-Identifier: GPL-2.0-or-later */
/* eval_exp - the explanation of a fail (RFC 7208 6.2).  Any trouble on the way
   means that there is none; the result stands. */
#include "eval_int.h"

#include <string.h>

/* spf_exp_start - ask for it */
void
spf_exp_start(struct spf_eval *e)
{
	const struct spf_term *t = e->frames[0].record->exp;
	char target[SPF_NAME_SIZE];

	if (t->uses_name && !e->ptr_known)
		spf_ptr_start(e, false, SPF_STATE_EXP);
	else if (spf_eval_expand(e, t, target))
		spf_eval_ask(e, SPF_STATE_EXP_TEXT, WEIR_DNS_TXT, target);
	else
		e->state = SPF_STATE_DONE;
}

/* spf_exp_text - exactly one text, and well-formed */
void
spf_exp_text(struct spf_eval *e, const struct weir_dns_answer *a)
{
	bool uses_name;
	weir_str text;

	e->state = SPF_STATE_DONE;
	if (a->status != WEIR_OK || a->count != 1)
		return;
	text = weir_dns_rr_at(a, 0)->data;
	if (text.len > SPF_RECORD_MAX ||
	    !spf_macro_check(text, SPF_MACRO_TEXT, &uses_name))
		return;
	e->exp = strndup(text.ptr, text.len);
	if (e->exp == NULL)
		return;
	if (uses_name && !e->ptr_known)
		spf_ptr_start(e, false, SPF_STATE_EXP_READY);
	else
		e->state = SPF_STATE_EXP_READY;
}

/* spf_exp_expand - expand it */
void
spf_exp_expand(struct spf_eval *e)
{
	const struct spf_frame *f = &e->frames[0];

	e->values.domain = weir_str_of(f->domain);
	e->values.name = spf_ptr_best(e, f->domain);
	spf_macro_text(weir_str_of(e->exp), &e->values, e->explanation,
	    sizeof(e->explanation));
	e->state = SPF_STATE_DONE;
}
