/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plan - which modules are called for a stage and phase, in which order.
 *
 * Built once per worker from the loaded modules.  Modules of one wave are
 * called one after another and wait side by side; a module stands in a later
 * wave than those it names in `after`.
 */
#ifndef WEIR_PIPE_PLAN_H
#define WEIR_PIPE_PLAN_H

#include "base/err.h"
#include "mail/session.h"
#include "pipe/module.h"

struct plan_wave {
	struct module **modules;
	uint32_t n;
};

struct plan_phase {
	struct plan_wave *waves;
	uint32_t n;
};

/* Take over the modules (their `index` is set to their order of creation:
   a module comes after those it names). WEIR_E_INVAL names a circle. */
int plan_order(struct module **modules, uint32_t n, struct err *err);
void plan_build(struct module **modules, uint32_t n);
void plan_fini(void);

const struct plan_phase *plan_phase(int stage, int phase);
uint32_t plan_module_count(void);
struct module *plan_module(uint32_t index);
struct module *plan_module_find(const char *name);

/* Has the module a callback for this stage in this phase? */
bool plan_has(const struct module *m, int stage, int phase);

/* Arrays of slots, one per module; drop runs the modules' drop functions in
   reverse order. */
struct slot *plan_slots(struct pool *pool);
void plan_slots_drop(struct slot *slots);

#endif
