/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * coro - each call of a rule's function is a coroutine in a slot.
 *
 * A binding that waits starts its operation with coro_wait's handle and
 * yields; the completion finds the slot again by number and generation,
 * pushes the results and resumes.  A handle that outlived its call finds
 * nothing.  Loop thread.
 */
#ifndef WEIR_LUA_CORO_H
#define WEIR_LUA_CORO_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "lua/limit.h"

struct coro;
struct coros;
struct state;

/* The function returned or raised: error is NULL or its text (borrowed).
   The coroutine is not the caller's any more when it returns. */
typedef void coro_done_fn(struct coro *c, const char *error, void *arg);

struct coro {
	struct state *state;
	struct coros *owner;
	lua_State *L;
	int ref; /* keeps the thread from the collector */
	uint32_t slot;
	uint64_t generation;
	bool busy, waiting;
	struct limit limit;
	coro_done_fn *done;
	void *arg;
};

struct coros *coros_create(struct state *s);
/* None may be busy. */
void coros_destroy(struct coros **coros);
uint32_t coros_busy(const struct coros *coros);

/* Run the function on top of the state's main stack (popped) with the nargs
   values above it.  done may run before this returns; else it is the waiting
   coroutine that is returned. */
struct coro *coro_start(struct coros *coros, const struct limit_max *max, int nargs,
    coro_done_fn *done, void *arg);

/* In a binding: may this function wait here?  Raises if not. */
void coro_check(lua_State *L, const char *what);
/* The handle to give to the operation that is being started. */
void *coro_handle(lua_State *L);
/* Yield until it completes: `return coro_wait(L)`. */
int coro_wait(lua_State *L);
/* The same; k goes on with the results behind what is on the stack now. */
int coro_wait_k(lua_State *L, lua_KFunction k);

/* In a completion: the waiting coroutine, or NULL. */
struct coro *coro_find(struct coros *coros, void *handle);
/* Go on with the nresults values that were pushed on c->L. */
void coro_resume(struct coro *c, int nresults);
/* The call is gone: drop the coroutine; done does not run. */
void coro_cancel(struct coro *c);

#endif
