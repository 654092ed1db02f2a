/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pipe/plan.h"

#include <string.h>

#include "base/pool.h"
#include "pipe/guard.h"

static struct pool *pool;
static struct module **all;
static uint32_t nall;
static struct plan_phase plan[WEIR_STAGE_COUNT][WEIR_PHASE_COUNT];

/* plan_has - does the module want this stage in this phase */
bool
plan_has(const struct module *m, int stage, int phase)
{
	const struct weir_stages *t;

	t = phase == WEIR_PHASE_COLLECT ? m->descriptor->collect :
	    phase == WEIR_PHASE_DECIDE	? m->descriptor->decide :
					  m->descriptor->act;
	if (t == NULL || (m->skips[phase] & 1u << stage) != 0)
		return false;
	switch (stage) {
	case WEIR_STAGE_CONNECT:
		return t->connect != NULL;
	case WEIR_STAGE_HELO:
		return t->helo != NULL;
	case WEIR_STAGE_MAIL:
		return t->mail != NULL;
	case WEIR_STAGE_RCPT:
		return t->rcpt != NULL;
	case WEIR_STAGE_DATA:
		return t->data != NULL;
	case WEIR_STAGE_HEADER:
		return t->header != NULL;
	case WEIR_STAGE_EOH:
		return t->eoh != NULL;
	case WEIR_STAGE_BODY:
		return t->body != NULL;
	case WEIR_STAGE_EOM:
		return t->eom != NULL;
	default:
		return false;
	}
}

/* plan_names - does a have this word in `after` */
static bool
plan_names(const struct module *a, const char *word)
{
	const char *const *after = a->descriptor->after;

	for (; after != NULL && *after != NULL; after++) {
		if (strcmp(*after, word) == 0)
			return true;
	}
	return false;
}

/* plan_leads - do the names in `after` lead from a to b, over others or not */
static bool
plan_leads(struct module *const *modules, uint32_t n, const struct module *a,
    const struct module *b, uint32_t depth)
{
	if (plan_names(a, b->name))
		return true;
	for (uint32_t i = 0; i < n && depth > 0; i++) {
		if (plan_names(a, modules[i]->name) &&
		    plan_leads(modules, n, modules[i], b, depth - 1))
			return true;
	}
	return false;
}

/* plan_is_after - does a come after b: it says so, or it comes after all */
static bool
plan_is_after(struct module *const *modules, uint32_t n,
    const struct module *a, const struct module *b)
{
	if (plan_names(a, b->name))
		return true;
	return plan_names(a, "*") && !plan_names(b, "*") &&
	    !plan_leads(modules, n, b, a, 8);
}

/* plan_order - sort so that a module comes after those it names */
int
plan_order(struct module **modules, uint32_t n, struct err *err)
{
	for (uint32_t done = 0; done < n; done++) {
		uint32_t pick = n;

		for (uint32_t i = done; i < n && pick == n; i++) {
			bool ready = true;

			for (uint32_t k = done; k < n && ready; k++)
				ready = k == i ||
				    !plan_is_after(modules, n, modules[i],
					modules[k]);
			if (ready)
				pick = i;
		}
		if (pick == n)
			return err_set(err, WEIR_E_INVAL,
			    "modules wait for each other in a circle: %s is "
			    "part of it", modules[done]->name);
		/* keep the file's order among equals: rotate, don't swap */
		for (struct module *m = modules[pick]; pick > done; pick--) {
			modules[pick] = modules[pick - 1];
			modules[pick - 1] = m;
		}
	}
	for (uint32_t i = 0; i < n; i++)
		modules[i]->index = i;
	return WEIR_OK;
}

/* plan_is_last - a keeper acts when everybody else has */
static bool
plan_is_last(const struct module *m, int phase)
{
	return phase == WEIR_PHASE_ACT &&
	    (m->descriptor->flags & WEIR_F_KEEPER) != 0;
}

/* plan_build_phase - put the modules of one stage and phase into waves */
static void
plan_build_phase(struct plan_phase *out, int stage, int phase)
{
	uint32_t *level = pool_array(pool, uint32_t, nall + 1);
	uint32_t top = 0, others;

	for (uint32_t i = 0; i < nall; i++) {
		if (!plan_has(all[i], stage, phase) ||
		    plan_is_last(all[i], phase))
			continue;
		level[i] = 1;
		for (uint32_t k = 0; k < i; k++) {
			if (level[k] >= level[i] &&
			    plan_is_after(all, nall, all[i], all[k]))
				level[i] = level[k] + 1;
		}
		top = level[i] > top ? level[i] : top;
	}
	others = top;
	for (uint32_t i = 0; i < nall; i++) {
		if (plan_has(all[i], stage, phase) &&
		    plan_is_last(all[i], phase))
			level[i] = top = others + 1;
	}
	out->n = top;
	out->waves = pool_array(pool, struct plan_wave, top + 1);
	for (uint32_t w = 0; w < top; w++) {
		struct plan_wave *wave = &out->waves[w];

		wave->modules = pool_array(pool, struct module *, nall);
		for (uint32_t i = 0; i < nall; i++) {
			if (level[i] == w + 1)
				wave->modules[wave->n++] = all[i];
		}
	}
}

/* plan_build - the worker's plan */
void
plan_build(struct module **modules, uint32_t n)
{
	plan_fini();
	pool = pool_create(4096, 0);
	all = pool_array(pool, struct module *, n + 1);
	for (uint32_t i = 0; i < n; i++)
		all[i] = modules[i];
	nall = n;
	for (int s = 0; s < WEIR_STAGE_COUNT; s++) {
		for (int p = 0; p < WEIR_PHASE_COUNT; p++)
			plan_build_phase(&plan[s][p], s, p);
	}
}

/* plan_fini - forget it */
void
plan_fini(void)
{
	pool_destroy(&pool);
	memset(plan, 0, sizeof(plan));
	all = NULL;
	nall = 0;
}

/* plan_phase - the waves of one stage and phase */
const struct plan_phase *
plan_phase(int stage, int phase)
{
	return &plan[stage][phase];
}

/* plan_module_count - loaded modules */
uint32_t
plan_module_count(void)
{
	return nall;
}

/* plan_module - by index */
struct module *
plan_module(uint32_t index)
{
	return all[index];
}

/* plan_module_find - by name, or NULL */
struct module *
plan_module_find(const char *name)
{
	for (uint32_t i = 0; i < nall; i++) {
		if (strcmp(all[i]->name, name) == 0)
			return all[i];
	}
	return NULL;
}

/* plan_slots - one slot per module */
struct slot *
plan_slots(struct pool *p)
{
	return pool_array(p, struct slot, nall + 1);
}

/* plan_slots_drop - let modules free what they kept */
void
plan_slots_drop(struct slot *slots)
{
	if (slots == NULL)
		return;
	for (uint32_t i = nall; i-- > 0;) {
		void *data = slots[i].data;

		slots[i].data = NULL;
		if (data == NULL || slots[i].drop == NULL)
			continue;
		guard_drop_enter(all[i]);
		slots[i].drop(data);
		guard_drop_leave();
	}
}
