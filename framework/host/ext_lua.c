/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/ext_lua.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/inline.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/pool.h"
#include "base/vec.h"
#include "host/table.h"
#include "pipe/guard.h"

#define LUA_NAME_MAX 40
#define LUA_FNS_MAX 1000
#define LUA_WHY_MAX 300

/* A function that runs, or whose answer waits for the rule. */
struct ext_lua {
	struct call_op op;	/* in the caller's call */
	struct call *callee;	/* NULL: not begun, or closed */
	const struct ext_lua_fn *fn;
	struct pool *pool;	/* arguments and answer */
	const struct weir_lua_value *argv, *values;
	uint32_t argc, n;
	bool cancelling;
	bool answered;
	int status;
	char why[LUA_WHY_MAX];
	struct loop_task task;	/* begins it, then ends it */
	ext_lua_done *done;
	void *arg;
};

/* What is left while values are copied. */
struct ext_lua_room {
	struct pool *pool;
	uint32_t values;
	size_t octets;
};

static VEC(struct ext_lua_fn) published;

/* ext_lua_at - one of them */
const struct ext_lua_fn *
ext_lua_at(size_t i)
{
	return i < published.n ? &published.v[i] : NULL;
}

/* ext_lua_fini - the modules are gone */
void
ext_lua_fini(void)
{
	vec_fini(&published);
}

/* ext_lua_publish - one more */
static int
ext_lua_publish(weir_self *self, const char *name, const char *signature,
    const char *help, weir_lua_fn *fn)
{
	struct ext_lua_fn *f;

	if (self == NULL || name == NULL || fn == NULL || signature == NULL ||
	    help == NULL)
		return WEIR_E_INVAL;
	if (!loop_is_thread() || table_module(self)->created)
		return WEIR_E_STATE;
	if (name[0] == '\0' || strlen(name) > LUA_NAME_MAX ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") !=
		strlen(name) || (name[0] >= '0' && name[0] <= '9'))
		return WEIR_E_INVAL;
	for (size_t i = 0; i < published.n; i++) {
		if (published.v[i].module == table_module(self) &&
		    strcmp(published.v[i].name, name) == 0)
			return WEIR_E_EXISTS;
	}
	if (published.n >= LUA_FNS_MAX)
		return WEIR_E_LIMIT;
	f = vec_push(&published);
	f->module = table_module(self);
	f->module_name = f->module->name;
	f->name = name;
	f->signature = signature;
	f->help = help;
	f->fn = fn;
	return WEIR_OK;
}

/* ext_lua_copy - n values and what they hold; NULL: too much */
static const struct weir_lua_value *
ext_lua_copy(struct ext_lua_room *room, uint32_t n,
    const struct weir_lua_value *in, unsigned depth)
{
	struct weir_lua_value *out;

	if (n > room->values || depth > WEIR_LUA_DEPTH_MAX)
		return NULL;
	room->values -= n;
	out = pool_array(room->pool, struct weir_lua_value, n + 1);
	for (uint32_t i = 0; i < n; i++) {
		out[i] = in[i];
		if (in[i].type == WEIR_LUA_STRING) {
			weir_str s = in[i].as.string;

			if (!table_is_str(s) || s.len > room->octets)
				return NULL;
			room->octets -= s.len;
			out[i].as.string.ptr = pool_strndup(room->pool,
			    s.len > 0 ? s.ptr : "", s.len);
		} else if (in[i].type == WEIR_LUA_LIST) {
			if (in[i].n > 0 && in[i].as.list == NULL)
				return NULL;
			out[i].as.list = ext_lua_copy(room, in[i].n,
			    in[i].as.list, depth + 1);
			if (out[i].as.list == NULL)
				return NULL;
		} else if (in[i].type > WEIR_LUA_LIST) {
			return NULL;
		}
	}
	return out;
}

/* ext_lua_values - copied into the call's memory */
static const struct weir_lua_value *
ext_lua_values(struct ext_lua *x, uint32_t n, const struct weir_lua_value *in)
{
	struct ext_lua_room room = { x->pool, WEIR_LUA_VALUES_MAX,
		WEIR_LUA_OCTETS_MAX };

	return n > WEIR_LUA_ARGS_MAX || (n > 0 && in == NULL) ? NULL :
	    ext_lua_copy(&room, n, in, 0);
}

static void ext_lua_on_closed(struct call *callee);

/* ext_lua_of - the function that this call is of, if it may answer */
static struct ext_lua *
ext_lua_of(weir_call *handle, int *status)
{
	struct call *c = table_call(handle, status);

	if (c == NULL)
		return NULL;
	if (c->closed != ext_lua_on_closed ||
	    ((struct ext_lua *)c->closed_arg)->answered) {
		*status = WEIR_E_STATE;
		return NULL;
	}
	return c->closed_arg;
}

/* ext_lua_give - the answer */
static int
ext_lua_give(weir_call *handle, uint32_t n,
    const struct weir_lua_value *values)
{
	int status;
	struct ext_lua *x = ext_lua_of(handle, &status);

	if (x == NULL)
		return status;
	x->values = ext_lua_values(x, n, values);
	if (x->values == NULL)
		return WEIR_E_LIMIT;
	x->n = n;
	x->answered = true;
	x->status = WEIR_OK;
	return WEIR_OK;
}

/* ext_lua_fail - remember what went wrong, the first thing */
static void
ext_lua_fail(struct ext_lua *x, int status, weir_str why)
{
	if (x->answered)
		return;
	x->answered = true;
	x->status = status < 0 ? status : WEIR_E_INTERNAL;
	snprintf(x->why, sizeof(x->why), "%.*s",
	    (int)(why.len < LUA_WHY_MAX ? why.len : LUA_WHY_MAX),
	    why.len > 0 ? why.ptr : "");
}

/* ext_lua_refuse - an error in the rule */
static int
ext_lua_refuse(weir_call *handle, weir_str why)
{
	int status;
	struct ext_lua *x = ext_lua_of(handle, &status);

	if (x == NULL)
		return status;
	if (!table_is_str(why))
		return WEIR_E_INVAL;
	ext_lua_fail(x, WEIR_E_INVAL, why);
	return WEIR_OK;
}

/* ext_lua_on_fail - host.fail, a negative status, the deadline */
static void
ext_lua_on_fail(struct call *callee, int status, weir_str reason)
{
	ext_lua_fail(callee->closed_arg, status, reason);
}

/* ext_lua_end - tell the rule */
static void
ext_lua_end(struct ext_lua *x, int status)
{
	struct call *c = x->op.call;
	bool ok = status == WEIR_OK;

	call_enter(c);
	x->done(call_handle(c), status, ok ? x->n : 0, ok ? x->values : NULL,
	    x->why, x->arg);
	call_op_end(&x->op);
	call_leave(c);
	pool_destroy(&x->pool);
	free(x);
}

/* ext_lua_on_end - soon after it has closed */
static void
ext_lua_on_end(struct loop_task *task)
{
	struct ext_lua *x = list_of(task, struct ext_lua, task);

	if (!x->answered)
		ext_lua_fail(x, WEIR_E_INTERNAL,
		    weir_str_of("it ended without an answer"));
	ext_lua_end(x, x->status);
}

/* ext_lua_on_closed - nothing of it is pending any more */
static void
ext_lua_on_closed(struct call *callee)
{
	struct ext_lua *x = callee->closed_arg;

	x->callee = NULL;
	loop_task_init(&x->task, ext_lua_on_end);
	if (!x->cancelling)
		loop_defer(&x->task);
}

/* ext_lua_on_begin - not inside the rule's own code: one call at a time is
   marked as the one that runs */
static void
ext_lua_on_begin(struct loop_task *task)
{
	struct ext_lua *x = list_of(task, struct ext_lua, task);
	struct call *c = x->op.call, *callee;
	struct module *m = x->fn->module;
	int status;

	if (guard_is_benched(m)) {
		ext_lua_fail(x, WEIR_E_TEMP,
		    weir_str_of("the module is benched after crashes"));
		ext_lua_end(x, x->status);
		return;
	}
	/* findings yes, verdicts and edits no */
	callee = x->callee = call_begin(m, c->session, c->message, c->stage,
	    WEIR_PHASE_COLLECT, c->rcpt);
	callee->closed = ext_lua_on_closed;
	callee->closed_arg = x;
	callee->on_fail = ext_lua_on_fail;
	call_enter(callee);
	status = x->fn->fn(m->state, call_handle(callee), x->argc, x->argv);
	if (status < 0)
		call_fail(callee, status,
		    weir_str_of(status_name(status)));
	if (status < 0 && callee->pending > 0)
		call_cancel(callee, WEIR_E_CANCELLED);
	call_leave(callee);
}

/* ext_lua_cancel - the rule's call is given up */
static bool
ext_lua_cancel(struct call_op *op, int status)
{
	struct ext_lua *x = list_of(op, struct ext_lua, op);

	loop_task_cancel(&x->task);
	x->answered = true;
	x->status = status;
	x->cancelling = true;
	if (x->callee != NULL)
		call_cancel(x->callee, status);
	x->cancelling = false;
	if (x->callee != NULL)
		return false; /* a job that runs */
	ext_lua_end(x, status);
	return true;
}

/* ext_lua_call - on behalf of a rule */
int
ext_lua_call(weir_call *caller, const struct ext_lua_fn *fn, uint32_t argc,
    const struct weir_lua_value *argv, ext_lua_done *done, void *arg)
{
	int status;
	struct call *c = table_starter(caller, &status);
	struct ext_lua *x;

	if (c == NULL)
		return status;
	x = xcalloc(1, sizeof(*x));
	x->pool = pool_create(1024, 0);
	x->fn = fn;
	x->done = done;
	x->arg = arg;
	x->argc = argc;
	x->argv = ext_lua_values(x, argc, argv);
	if (x->argv == NULL) {
		pool_destroy(&x->pool);
		free(x);
		return WEIR_E_LIMIT;
	}
	loop_task_init(&x->task, ext_lua_on_begin);
	call_op_begin(c, &x->op, ext_lua_cancel);
	loop_defer(&x->task);
	return WEIR_OK;
}

const struct weir_lua ext_lua_table = { .publish = ext_lua_publish,
	.give = ext_lua_give, .refuse = ext_lua_refuse };
