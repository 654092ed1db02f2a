/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ext_store - weir.store/1 on store/store, one name space a module. */
#include <stdlib.h>

#include <weir/ext/store.h>

#include "base/alloc.h"
#include "host/table.h"
#include "host/trial.h"
#include "store/store.h"

struct ext_store_op {
	struct call_op op;
	struct store_op *store; /* NULL once it has completed */
	weir_store_fn *fn;
	weir_store_row_fn *row;
	void *arg;
};

/* ext_store_end - hand the result over */
static void
ext_store_end(struct ext_store_op *o, int status, weir_str value)
{
	struct call *c = o->op.call;

	call_enter(c);
	o->fn(call_handle(c), status, value, o->arg);
	call_op_end(&o->op);
	call_leave(c);
	free(o);
}

/* ext_store_done - from the store */
static void
ext_store_done(int status, weir_str value, void *arg)
{
	weir_str none = { "", 0 };

	if (trial_faults.stores)
		ext_store_end(arg, WEIR_E_TEMP, none);
	else
		ext_store_end(arg, status, value);
}

/* ext_store_cancel - the call is given up; a write still happens */
static bool
ext_store_cancel(struct call_op *op, int status)
{
	struct ext_store_op *o = list_of(op, struct ext_store_op, op);
	weir_str none = { "", 0 };

	store_cancel(&o->store);
	ext_store_end(o, status, none);
	return true;
}

/* ext_store_row - one row of a walk */
static bool
ext_store_row(weir_str key, weir_str value, int64_t expires_ms, void *arg)
{
	struct ext_store_op *o = arg;
	struct call *c = o->op.call;
	bool more;

	call_enter(c);
	more = o->row(call_handle(c), key, value, expires_ms, o->arg);
	call_leave(c);
	return more;
}

/* ext_store_begin - check the call; *out stays NULL when nobody waits */
static int
ext_store_begin(weir_call *handle, weir_str key, weir_str value,
    weir_store_fn *fn, void *arg, struct call **call,
    struct ext_store_op **out)
{
	int status;
	struct call *c = table_starter(handle, &status);
	struct ext_store_op *o;

	*out = NULL;
	*call = c;
	if (c == NULL)
		return status;
	if (!table_is_str(key) || !table_is_str(value))
		return WEIR_E_INVAL;
	trial_counts.stores++;
	if (fn == NULL)
		return WEIR_OK;
	o = xcalloc(1, sizeof(*o));
	o->fn = fn;
	o->arg = arg;
	*out = o;
	return WEIR_OK;
}

/* ext_store_started - the store took it, or not */
static int
ext_store_started(struct call *c, struct ext_store_op *o, int status)
{
	if (o == NULL)
		return status;
	if (status < 0)
		free(o);
	else
		call_op_begin(c, &o->op, ext_store_cancel);
	return status;
}

static int
ext_store_get(weir_call *handle, weir_str key, weir_store_fn *fn, void *arg)
{
	struct ext_store_op *o;
	struct call *c;
	int status;

	if (fn == NULL)
		return WEIR_E_INVAL;
	status = ext_store_begin(handle, key, key, fn, arg, &c, &o);
	if (status < 0)
		return status;
	status = store_get(c->module->name, key, ext_store_done, o, &o->store);
	return ext_store_started(c, o, status);
}

static int
ext_store_put(weir_call *handle, weir_str key, weir_str value, int64_t ttl_ms,
    weir_store_fn *fn, void *arg)
{
	struct ext_store_op *o;
	struct call *c;
	int status = ext_store_begin(handle, key, value, fn, arg, &c, &o);

	if (status < 0)
		return status;
	status = store_put(c->module->name, key, value, ttl_ms,
	    o != NULL ? ext_store_done : NULL, o,
	    o != NULL ? &o->store : NULL);
	return ext_store_started(c, o, status);
}

static int
ext_store_add(weir_call *handle, weir_str key, weir_str value, int64_t ttl_ms,
    weir_store_fn *fn, void *arg)
{
	struct ext_store_op *o;
	struct call *c;
	int status = ext_store_begin(handle, key, value, fn, arg, &c, &o);

	if (status < 0)
		return status;
	status = store_add(c->module->name, key, value, ttl_ms,
	    o != NULL ? ext_store_done : NULL, o,
	    o != NULL ? &o->store : NULL);
	return ext_store_started(c, o, status);
}

static int
ext_store_del(weir_call *handle, weir_str key, weir_store_fn *fn, void *arg)
{
	struct ext_store_op *o;
	struct call *c;
	int status = ext_store_begin(handle, key, key, fn, arg, &c, &o);

	if (status < 0)
		return status;
	status = store_del(c->module->name, key,
	    o != NULL ? ext_store_done : NULL, o,
	    o != NULL ? &o->store : NULL);
	return ext_store_started(c, o, status);
}

static int
ext_store_walk(weir_call *handle, weir_str prefix, weir_str from,
    uint32_t limit, weir_store_row_fn *row, weir_store_fn *done, void *arg)
{
	struct ext_store_op *o;
	struct call *c;
	int status;

	if (row == NULL || done == NULL)
		return WEIR_E_INVAL;
	status = ext_store_begin(handle, prefix, from, done, arg, &c, &o);
	if (status < 0)
		return status;
	o->row = row;
	status = store_walk(c->module->name, prefix, from, limit,
	    ext_store_row, ext_store_done, o, &o->store);
	return ext_store_started(c, o, status);
}

const struct weir_store ext_store_table = {
	.get = ext_store_get,
	.put = ext_store_put,
	.add = ext_store_add,
	.del = ext_store_del,
	.walk = ext_store_walk,
};
