/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ext_lua - weir.lua/1 from the other side: what modules have published, and
 * how a rule calls it.
 */
#ifndef WEIR_HOST_EXT_LUA_H
#define WEIR_HOST_EXT_LUA_H

#include <weir/ext/lua.h>

struct module;

struct ext_lua_fn {
	struct module *module;
	const char *module_name;
	const char *name, *signature, *help;
	weir_lua_fn *fn;
};

/* In the order in which they were published; NULL behind the last one. */
const struct ext_lua_fn *ext_lua_at(size_t i);

/* values and why are borrowed until done returns; status is WEIR_OK, or why
   says what is wrong, or the caller's call is given up (WEIR_E_CANCELLED,
   WEIR_E_TIMEOUT). */
typedef void ext_lua_done(weir_call *caller, int status, uint32_t n,
    const struct weir_lua_value *values, const char *why, void *arg);

/* Call one on behalf of `caller`, which stays open until done; done runs
   exactly once, never in here.  Arguments are copied: WEIR_E_LIMIT. [loop] */
int ext_lua_call(weir_call *caller, const struct ext_lua_fn *fn,
    uint32_t argc, const struct weir_lua_value *argv, ext_lua_done *done,
    void *arg);

/* Forget what was published. [main] */
void ext_lua_fini(void);

#endif
