/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mail/edit.h"

#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "base/text.h"

/* edits_init - no request yet */
void
edits_init(struct edits *j)
{
	j->first = NULL;
	j->end = &j->first;
	j->count = 0;
}

/* edits_add - one more request */
int
edits_add(struct edits *j, struct pool *pool, const struct edit *in)
{
	struct edit *e;

	/* the host's own follow from verdicts: they can't be refused */
	if (j->count >= EDIT_MAX && in->module != NULL)
		return WEIR_E_LIMIT;
	e = pool_new(pool, struct edit);
	*e = *in;
	e->next = NULL;
	e->name = pool_str(pool, in->name);
	e->value = pool_str(pool, in->value);
	*j->end = e;
	j->end = &e->next;
	j->count++;
	return WEIR_OK;
}

/* edits_drop - forget one module's requests */
void
edits_drop(struct edits *j, const struct module *module)
{
	struct edit **link = &j->first;

	while (*link != NULL) {
		if ((*link)->module == module) {
			*link = (*link)->next;
			j->count--;
		} else {
			link = &(*link)->next;
		}
	}
	j->end = link;
}

/* edit_is_positional - does it name a field that others may shift */
static bool
edit_is_positional(const struct edit *e)
{
	return e->kind == EDIT_HEADER_DELETE || e->kind == EDIT_HEADER_CHANGE;
}

struct edit_order {
	struct edit *e;
	uint32_t seq;
};

/* edit_compare - positional ones first, from the last occurrence down; then by
   kind; then as asked */
static int
edit_compare(const void *pa, const void *pb)
{
	const struct edit_order *a = pa, *b = pb;
	bool ap = edit_is_positional(a->e), bp = edit_is_positional(b->e);

	if (ap != bp)
		return ap ? -1 : 1;
	if (ap && a->e->n != b->e->n)
		return a->e->n > b->e->n ? -1 : 1;
	if (!ap && a->e->kind != b->e->kind)
		return a->e->kind < b->e->kind ? -1 : 1;
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}

/* edit_same_target - would the second be about what the first took away */
static bool
edit_same_target(const struct edit *a, const struct edit *b)
{
	if (edit_is_positional(a) && edit_is_positional(b))
		return a->n == b->n && text_case_equal(a->name, b->name);
	if (a->kind != b->kind)
		return false;
	return (a->kind == EDIT_RCPT_DELETE && a->n == b->n) ||
	    a->kind == EDIT_BODY || a->kind == EDIT_SENDER ||
	    a->kind == EDIT_HOLD;
}

/* edits_plan - in the order to carry out */
struct edit **
edits_plan(const struct edits *j, struct pool *pool, uint32_t *n_out)
{
	struct edit_order *order = pool_array(pool, struct edit_order,
	    j->count + 1);
	struct edit **plan = pool_array(pool, struct edit *, j->count + 1);
	uint32_t n = 0, m = 0;

	for (struct edit *e = j->first; e != NULL; e = e->next) {
		if (e->shadow)
			continue;
		order[n].e = e;
		order[n].seq = n;
		n++;
	}
	qsort(order, n, sizeof(*order), edit_compare);
	for (uint32_t i = 0; i < n; i++) {
		bool twice = false;

		/* equal targets are neighbours but for other names with the
		   same number, or of the same kind */
		for (uint32_t k = m; k > 0 && !twice; k--) {
			const struct edit *p = plan[k - 1];

			if (edit_is_positional(p) ?
				p->n != order[i].e->n :
				p->kind != order[i].e->kind)
				break;
			twice = edit_same_target(p, order[i].e);
		}
		if (!twice)
			plan[m++] = order[i].e;
	}
	*n_out = m;
	return plan;
}

/* edit_kind_name - for the record */
const char *
edit_kind_name(int kind)
{
	static const char *const names[EDIT_KINDS] = { "header-delete",
		"header-change", "header-insert", "header-add", "body",
		"sender", "rcpt-delete", "rcpt-add", "hold" };

	return kind >= 0 && kind < EDIT_KINDS ? names[kind] : "unknown";
}
