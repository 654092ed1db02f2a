/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir/ext/lua.h - weir.lua/1: functions for the site's rules.
 *
 * A module publishes functions in create(); a rule calls them as
 * weir.call.MODULE.NAME(...) and reads on when the answer is there:
 *
 *	local result, why = weir.call.spf.check(ip, helo, sender)
 *
 * A call of a function is a weir_call of the publishing module about the
 * rule's mail: attributes, facts, findings (as in decide), DNS, timers, jobs
 * and the store work in it.  Verdicts and edits are the rule's: WEIR_E_STATE.
 * It answers once, with give() or refuse(), at once or in a completion; the
 * rule goes on when the call has closed.  A call that closes without an
 * answer, fails (host.fail, a negative status) or passes the module's timeout
 * is an error in the rule, which pcall can catch and whose on_failure else
 * decides; it says nothing of the module's own check.
 */
#ifndef WEIR_EXT_LUA_H
#define WEIR_EXT_LUA_H

#include <weir/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_EXT_LUA "weir.lua/1"

/* Limits of the arguments and of the answer. */
#define WEIR_LUA_ARGS_MAX 16u	   /* values side by side */
#define WEIR_LUA_DEPTH_MAX 8u	   /* lists in lists */
#define WEIR_LUA_VALUES_MAX 10000u /* in all */
#define WEIR_LUA_OCTETS_MAX (1024u * 1024u)

enum weir_lua_type {
	WEIR_LUA_NIL = 0,
	WEIR_LUA_BOOL = 1,
	WEIR_LUA_INTEGER = 2,
	WEIR_LUA_NUMBER = 3,
	WEIR_LUA_STRING = 4, /* octets */
	WEIR_LUA_LIST = 5    /* a table 1, 2, 3 ... */
};

/* One value.  Frozen. */
struct weir_lua_value {
	uint32_t type; /* enum weir_lua_type: which member of `as` counts */
	uint32_t n;    /* LIST: values at as.list */
	union {
		uint32_t boolean; /* 0: false */
		int64_t integer;
		double number;
		weir_str string;
		const struct weir_lua_value *list;
	} as; /* borrowed as long as the value is */
};

/* Work on one call of the function: argv is borrowed until the weir_call
   closes.  A negative status refuses. state: as create() set it. [loop] */
typedef int weir_lua_fn(void *state, weir_call *, uint32_t argc,
    const struct weir_lua_value *argv);

/* Frozen: what comes later is weir.lua/2. */
struct weir_lua {
	/* Publish a function. name: a-z 0-9 _; signature: its arguments and
	   results for the reader, "(ip, helo) -> result"; help: a sentence or
	   two.  Texts are not copied: they must live as long as the module.
	   WEIR_E_EXISTS: published before; WEIR_E_STATE: not in create;
	   WEIR_E_LIMIT: too many. [main] */
	int (*publish)(weir_self *, const char *name, const char *signature,
	    const char *help, weir_lua_fn *fn);
	/* The answer: n results, copied. WEIR_E_STATE: answered before, or not
	   in a call of such a function; WEIR_E_LIMIT: over the limits above, a
	   type that does not exist, a string or list without an address. [loop] */
	int (*give)(weir_call *, uint32_t n,
	    const struct weir_lua_value *values);
	/* An error in the rule: why is a sentence without the function's
	   name, cut at 300 octets.  Errors as give(). [loop] */
	int (*refuse)(weir_call *, weir_str why);
};

#ifdef __cplusplus
}
#endif
#endif
