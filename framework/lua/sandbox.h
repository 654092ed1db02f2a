/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sandbox - the part of Lua that rules see.
 *
 * No io, debug, package, coroutine, load, dofile, collectgarbage; of os only
 * time, date and clock; string.find and its kin with our own bounded
 * matcher; every function that works longer on larger arguments charges the
 * call.  Finalizers are refused: they would run in anybody's call.
 * Each file gets copies of the libraries; globals are frozen once all files
 * have run.
 */
#ifndef WEIR_LUA_SANDBOX_H
#define WEIR_LUA_SANDBOX_H

#include <lua.h>
#include <lauxlib.h>
#include <stddef.h>

#define SANDBOX_STRING_MAX 1048576 /* octets that string.rep may make */
#define SANDBOX_TEXT_(n) #n
#define SANDBOX_TEXT(n) SANDBOX_TEXT_(n)

/* Prepare the state: string methods, registry. */
void sandbox_init(lua_State *L);
/* Push a new environment for a file. */
void sandbox_push_env(lua_State *L);
/* From now on assignments to globals are errors. */
void sandbox_freeze(lua_State *L);
/* Load a text chunk with that environment on the stack (popped); pushes the
   function or an error text. LUA_OK or not. */
int sandbox_load(lua_State *L, const char *text, size_t len,
    const char *name);

/* sandbox_string.c, sandbox_table.c: push a fresh library table */
void sandbox_push_string(lua_State *L);
void sandbox_push_table(lua_State *L);
void sandbox_push_utf8(lua_State *L);
/* Wrap the library function on the stack: it charges the octets of its first
   argument, or of its first result. */
void sandbox_charge_in(lua_State *L);
void sandbox_charge_out(lua_State *L);

#endif
