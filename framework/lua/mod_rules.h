/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mod_rules - the site's rules as a module of the host's own.
 *
 * Built against the public contract like any other module, so it is ordered,
 * timed, explained and benched like them; host/load finds it by name.
 */
#ifndef WEIR_LUA_MOD_RULES_H
#define WEIR_LUA_MOD_RULES_H

#include <weir/module.h>

extern const struct weir_module mod_rules;

#endif
