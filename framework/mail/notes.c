/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mail/notes.h"

#include <string.h>

#include "base/pool.h"

/* notes_init - nothing said yet */
void
notes_init(struct notes *n)
{
	memset(n, 0, sizeof(*n));
	n->findings_end = &n->findings;
	n->opinions_end = &n->opinions;
	n->unscanned_end = &n->unscanned;
}

/* notes_finding_merge - add the score to an earlier finding of the kind */
static bool
notes_finding_merge(struct notes *n, const struct finding *in)
{
	for (struct finding *f = n->findings; f != NULL; f = f->next) {
		if (f->module == in->module && f->symbol == in->symbol &&
		    f->rcpt == in->rcpt && f->shadow == in->shadow &&
		    f->stage == in->stage) {
			f->score += in->score;
			return true;
		}
	}
	return false;
}

/* notes_finding - one more observation */
int
notes_finding(struct notes *n, struct pool *pool, const struct finding *in)
{
	struct finding *f;

	/* a mail must not be able to hide one finding behind many */
	if (n->nfindings >= NOTES_MAX && notes_finding_merge(n, in))
		return WEIR_OK;
	f = pool_new(pool, struct finding);
	*f = *in;
	f->next = NULL;
	f->reason = pool_str(pool, in->reason);
	*n->findings_end = f;
	n->findings_end = &f->next;
	n->nfindings++;
	return WEIR_OK;
}

/* notes_fact - set a fact; the same module, recipient and key is replaced */
int
notes_fact(struct notes *n, struct pool *pool, const struct fact *in)
{
	bool one = in->rcpt != WEIR_RCPT_NONE;
	uint32_t *count = one ? &n->nrcpt_facts : &n->nfacts;
	struct fact *f;

	for (f = n->facts; f != NULL; f = f->next) {
		if (f->module == in->module && f->rcpt == in->rcpt &&
		    strcmp(f->key, in->key) == 0) {
			f->value = pool_str(pool, in->value);
			return WEIR_OK;
		}
	}
	if (*count >= (one ? NOTES_RCPT_FACTS : NOTES_MAX))
		return WEIR_E_LIMIT;
	f = pool_new(pool, struct fact);
	*f = *in;
	f->key = pool_strdup(pool, in->key);
	f->value = pool_str(pool, in->value);
	f->next = n->facts;
	n->facts = f;
	(*count)++;
	return WEIR_OK;
}

/* notes_opinion_same - what the module said of the same thing before */
static struct opinion *
notes_opinion_same(struct notes *n, const struct opinion *in)
{
	struct opinion *o = n->opinions;

	while (o != NULL && (o->module != in->module ||
				o->scope != in->scope || o->rcpt != in->rcpt ||
				o->shadow != in->shadow))
		o = o->next;
	return o;
}

/* notes_opinion - one more verdict */
int
notes_opinion(struct notes *n, struct pool *pool, const struct opinion *in)
{
	struct opinion *o = NULL, *next = NULL;

	/* a mail must not be able to hide one verdict behind many */
	if (n->nopinions >= NOTES_MAX)
		o = notes_opinion_same(n, in);
	if (o != NULL) {
		if (in->action <= o->action)
			return WEIR_OK;
		next = o->next;
	} else {
		o = pool_new(pool, struct opinion);
		*n->opinions_end = o;
		n->opinions_end = &o->next;
		n->nopinions++;
	}
	*o = *in;
	o->next = next;
	if (in->enhanced != NULL)
		o->enhanced = pool_strdup(pool, in->enhanced);
	if (in->text != NULL)
		o->text = pool_strdup(pool, in->text);
	if (o->action == WEIR_ACT_ACCEPT && !o->shadow &&
	    o->scope != WEIR_SCOPE_RCPT)
		n->accepted = true;
	return WEIR_OK;
}

/* notes_unscanned - a check that did not run */
int
notes_unscanned(struct notes *n, struct pool *pool,
    const struct unscanned *in)
{
	struct unscanned *u;

	if (n->nunscanned >= NOTES_MAX)
		return WEIR_E_LIMIT;
	u = pool_new(pool, struct unscanned);
	*u = *in;
	u->next = NULL;
	u->reason = pool_str(pool, in->reason);
	*n->unscanned_end = u;
	n->unscanned_end = &u->next;
	n->nunscanned++;
	return WEIR_OK;
}

/* notes_forget - the event comes again: what was said at it is void */
void
notes_forget(struct notes *n, int stage)
{
	struct finding **f = &n->findings;
	struct opinion **o = &n->opinions;
	struct unscanned **u = &n->unscanned;

	n->accepted = false;
	while (*f != NULL) {
		if ((*f)->stage == stage) {
			*f = (*f)->next;
			n->nfindings--;
		} else {
			f = &(*f)->next;
		}
	}
	n->findings_end = f;
	while (*o != NULL) {
		if ((*o)->stage == stage) {
			*o = (*o)->next;
			n->nopinions--;
			continue;
		}
		n->accepted |= (*o)->action == WEIR_ACT_ACCEPT &&
		    !(*o)->shadow && (*o)->scope != WEIR_SCOPE_RCPT;
		o = &(*o)->next;
	}
	n->opinions_end = o;
	while (*u != NULL) {
		if ((*u)->stage == stage) {
			*u = (*u)->next;
			n->nunscanned--;
		} else {
			u = &(*u)->next;
		}
	}
	n->unscanned_end = u;
}

/* notes_fact_find - the newest fact of that name that the reader may see */
const struct fact *
notes_fact_find(const struct notes *n, const struct module *reader,
    uint32_t rcpt, const char *key)
{
	for (const struct fact *f = n->facts; f != NULL; f = f->next) {
		if (f->rcpt == rcpt && (!f->shadow || f->module == reader) &&
		    strcmp(f->key, key) == 0)
			return f;
	}
	return NULL;
}
