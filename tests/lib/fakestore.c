/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fakestore - weir.store/1 of the fake host: a sorted array. */
#include "lib/fakehost_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* fake_store_find - index of a live entry, or where it belongs */
static bool
fake_store_find(struct fakehost *f, weir_str key, uint32_t *index)
{
	uint32_t i;
	int order = 1;

	for (i = 0; i < f->store.n; i++) {
		struct fake_entry *x = &f->store.at[i];
		size_t n = strlen(x->key);

		order = memcmp(x->key, key.ptr, n < key.len ? n : key.len);
		if (order == 0)
			order = n < key.len ? -1 : n > key.len;
		if (order >= 0)
			break;
	}
	*index = i;
	return i < f->store.n && order == 0;
}

/* fake_store_remove - forget an entry */
static void
fake_store_remove(struct fakehost *f, uint32_t i)
{
	free(f->store.at[i].key);
	free(f->store.at[i].value);
	memmove(&f->store.at[i], &f->store.at[i + 1],
	    (f->store.n - i - 1) * sizeof(f->store.at[0]));
	f->store.n--;
}

/* fake_store_expire - forget what is too old */
static void
fake_store_expire(struct fakehost *f)
{
	for (uint32_t i = f->store.n; i-- > 0;)
		if (f->store.at[i].expires <= fakehost_now(f))
			fake_store_remove(f, i);
}

/* fake_store_write - insert or replace */
static void
fake_store_write(struct fakehost *f, weir_str key, weir_str value,
    int64_t ttl_ms)
{
	struct fake_entry *x;
	uint32_t i;

	if (fake_store_find(f, key, &i)) {
		free(f->store.at[i].value);
	} else {
		(void)FAKE_PUSH(&f->store);
		memmove(&f->store.at[i + 1], &f->store.at[i],
		    (f->store.n - 1 - i) * sizeof(f->store.at[0]));
		f->store.at[i].key = fake_dup(key.ptr, key.len);
	}
	x = &f->store.at[i];
	x->value = fake_dup(value.ptr, value.len);
	x->value_len = value.len;
	x->expires = fakehost_now(f) + ttl_ms;
}

/* fake_store_start - checks and the event that all operations share */
static int
fake_store_start(weir_call *call, weir_str key, weir_store_fn *fn, void *arg,
    struct fake_event **e)
{
	int status = fake_call_check(call, -1);

	*e = NULL;
	if (status != 0)
		return status;
	if (key.len < 1 || key.len > WEIR_STORE_KEY_MAX)
		return WEIR_E_INVAL;
	fake_store_expire(call->f);
	if (fn == NULL)
		return WEIR_OK;
	*e = fake_event_new(call->f, call, FAKE_STORE);
	(*e)->fn.store = fn;
	(*e)->arg = arg;
	(*e)->status = call->f->store_status;
	return WEIR_OK;
}

/* fake_event_value - an event that carries the present value */
static void
fake_event_value(struct fakehost *f, struct fake_event *e, uint32_t index,
    int status)
{
	if (e == NULL)
		return;
	e->status = status;
	e->value = fake_dup(f->store.at[index].value,
	    f->store.at[index].value_len);
	e->value_len = f->store.at[index].value_len;
}

/* fake_store_get - read */
static int
fake_store_get(weir_call *call, weir_str key, weir_store_fn *fn, void *arg)
{
	struct fake_event *e;
	uint32_t i;
	int status = fake_store_start(call, key, fn, arg, &e);

	if (status != 0 || call->f->store_status != 0)
		return status;
	if (fake_store_find(call->f, key, &i))
		fake_event_value(call->f, e, i, WEIR_OK);
	else
		e->status = WEIR_E_NOTFOUND;
	return WEIR_OK;
}

/* fake_store_put - write */
static int
fake_store_put(weir_call *call, weir_str key, weir_str value, int64_t ttl_ms,
    weir_store_fn *fn, void *arg)
{
	struct fake_event *e;
	int status;

	if (ttl_ms <= 0 || value.len > WEIR_STORE_VALUE_MAX)
		return WEIR_E_INVAL;
	status = fake_store_start(call, key, fn, arg, &e);
	if (status == 0 && call->f->store_status == 0)
		fake_store_write(call->f, key, value, ttl_ms);
	return status;
}

/* fake_store_add - write if absent */
static int
fake_store_add(weir_call *call, weir_str key, weir_str value, int64_t ttl_ms,
    weir_store_fn *fn, void *arg)
{
	struct fake_event *e;
	uint32_t i;
	int status;

	if (ttl_ms <= 0 || value.len > WEIR_STORE_VALUE_MAX)
		return WEIR_E_INVAL;
	status = fake_store_start(call, key, fn, arg, &e);
	if (status != 0 || call->f->store_status != 0)
		return status;
	if (call->f->race != NULL)
		fake_store_write(call->f, key, weir_str_of(call->f->race),
		    ttl_ms);
	free(call->f->race);
	call->f->race = NULL;
	if (fake_store_find(call->f, key, &i))
		fake_event_value(call->f, e, i, WEIR_E_EXISTS);
	else
		fake_store_write(call->f, key, value, ttl_ms);
	return WEIR_OK;
}

/* fake_store_del - forget */
static int
fake_store_del(weir_call *call, weir_str key, weir_store_fn *fn, void *arg)
{
	struct fake_event *e;
	uint32_t i;
	int status = fake_store_start(call, key, fn, arg, &e);

	if (status != 0 || call->f->store_status != 0)
		return status;
	if (fake_store_find(call->f, key, &i))
		fake_store_remove(call->f, i);
	else if (e != NULL)
		e->status = WEIR_E_NOTFOUND;
	return WEIR_OK;
}

/* fake_store_walk - visit entries when the event is delivered */
static int
fake_store_walk(weir_call *call, weir_str prefix, weir_str from,
    uint32_t limit, weir_store_row_fn *row, weir_store_fn *done, void *arg)
{
	struct fake_event *e;
	int status = fake_call_check(call, -1);

	if (status != 0)
		return status;
	e = fake_event_new(call->f, call, FAKE_WALK);
	e->fn.store = done;
	e->row = row;
	e->arg = arg;
	e->limit = limit;
	e->status = call->f->store_status;
	e->prefix = fake_dup(prefix.ptr, prefix.len);
	e->from = fake_dup(from.ptr, from.len);
	return WEIR_OK;
}

/* fake_walk_deliver - rows, then done */
void
fake_walk_deliver(struct fakehost *f, struct fake_event *e, bool cancelled)
{
	uint32_t seen = 0;

	if (cancelled)
		e->status = WEIR_E_CANCELLED;
	fake_store_expire(f);
	for (uint32_t i = 0; e->status == 0 && i < f->store.n; i++) {
		struct fake_entry x = f->store.at[i];

		if (strncmp(x.key, e->prefix, strlen(e->prefix)) != 0 ||
		    strcmp(x.key, e->from) <= 0)
			continue;
		if (seen++ == e->limit) {
			e->status = WEIR_E_LIMIT;
			break;
		}
		if (!e->row(e->call, weir_str_of(x.key),
		    (weir_str){ x.value, x.value_len }, x.expires, e->arg))
			break;
	}
	e->fn.store(e->call, e->status, WEIR_STR(""), e->arg);
}

/* fakehost_store_status - break or mend the store */
void
fakehost_store_status(struct fakehost *f, int status)
{
	f->store_status = status;
}

/* fakehost_store_count - live entries */
uint32_t
fakehost_store_count(struct fakehost *f)
{
	fake_store_expire(f);
	return f->store.n;
}

/* fakehost_store_get - one live entry */
const char *
fakehost_store_get(struct fakehost *f, const char *key, int64_t *ttl_ms)
{
	uint32_t i;

	fake_store_expire(f);
	if (!fake_store_find(f, weir_str_of(key), &i))
		return NULL;
	if (ttl_ms != NULL)
		*ttl_ms = f->store.at[i].expires - fakehost_now(f);
	return f->store.at[i].value;
}

/* fakehost_store_put - as another worker would */
void
fakehost_store_put(struct fakehost *f, const char *key, const char *value,
    int64_t ttl_ms)
{
	fake_store_write(f, weir_str_of(key), weir_str_of(value), ttl_ms);
}

/* fakehost_store_race - another worker is faster */
void
fakehost_store_race(struct fakehost *f, const char *value)
{
	free(f->race);
	f->race = strdup(value);
}

/* fake_store_free - forget everything */
void
fake_store_free(struct fakehost *f)
{
	while (f->store.n > 0)
		fake_store_remove(f, f->store.n - 1);
	free(f->store.at);
	free(f->race);
}

const struct weir_store fake_store_table = { .get = fake_store_get,
	.put = fake_store_put, .add = fake_store_add, .del = fake_store_del,
	.walk = fake_store_walk };
