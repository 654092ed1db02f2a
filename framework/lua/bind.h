/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bind - what rules can call, as tables: name, signature, help, function.
 *
 * The reference manual is printed from these rows, so nothing can be called
 * that it does not show.  `mail` is what a rule's function gets: one object
 * that speaks of whatever mail its rule runs for.  Everything that comes out
 * of mail is a string or a plain table of strings, without metatables.
 */
#ifndef WEIR_LUA_BIND_H
#define WEIR_LUA_BIND_H

#include <lauxlib.h>
#include <lua.h>
#include <weir/weir.h>

#include "base/buf.h"
#include "lua/round.h"

struct bind_row {
	const char *name;
	const char *signature; /* "mail:header(name [, n])" */
	const char *help;      /* sentences */
	lua_CFunction fn;
};

enum bind_kind {
	BIND_PROPERTY, /* mail.NAME: fn gives the value */
	BIND_METHOD,   /* mail:NAME(...) */
	BIND_WEIR,     /* weir.NAME, or weir.TABLE.NAME with a dot */
	BIND_GLOBAL
};

struct bind_group {
	const char *title;
	enum bind_kind kind;
	const struct bind_row *rows; /* ends with name NULL */
};

/* Ends with title NULL. */
extern const struct bind_group bind_groups[];

/* One array a file: bind_session.c and so on. */
extern const struct bind_row bind_session_rows[], bind_message_rows[],
    bind_part_rows[], bind_rcpt_rows[], bind_fact_rows[],
    bind_verdict_rows[], bind_edit_rows[], bind_dns_rows[],
    bind_store_rows[], bind_log_rows[], bind_map_rows[], bind_util_rows[],
    bind_metric_rows[], bind_post_rows[],
    bind_regex_rows[], bind_rule_rows[], bind_object_rows[],
    bind_action_rows[];

/* Prepare a new state, and add the globals to the table on top. */
void bind_init(lua_State *L);
void bind_push_globals(lua_State *L);
/* bind_call.c: push the table weir.call. */
void bind_push_call(lua_State *L);
/* Push the object `mail`. */
void bind_push_mail(lua_State *L);

/* For the files of bindings. */
struct rules *bind_rules(lua_State *L);
void bind_push_str(lua_State *L, weir_str s);
/* The same, and free the buffer: raises nothing. */
void bind_push_buf(lua_State *L, struct buf *b);
/* An optional recipient at argument i: index, or WEIR_RCPT_NONE. */
uint32_t bind_rcpt(lua_State *L, int i);
/* Raise if status is an error: "what: why". */
void bind_check(lua_State *L, const char *what, int status);
/* The rule's content must be at least this. */
struct round *bind_content(lua_State *L, const char *what,
    enum rule_content content);
/* Log the text on top (popped). */
void bind_log(lua_State *L, int level);
int64_t bind_wall_ms(lua_State *L);

/* Start of an operation: its handle; raises where waiting is impossible. */
void *bind_begin(lua_State *L, const char *what);
/* `return bind_wait(L, what, status)`: status is what the start answered. */
int bind_wait(lua_State *L, const char *what, int status);
int bind_wait_k(lua_State *L, const char *what, int status, lua_KFunction k);
/* In a completion: the coroutine to push results for, or NULL when there is
   nothing to do (any more). */
struct coro *bind_end(void *handle, weir_call *call, int status);
void bind_resume(struct coro *c, int nresults);

#endif
