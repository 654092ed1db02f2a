/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fakehost - the core table, the session and what it records. */
#include "lib/fakehost_int.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The one host of the test: weir_self is a fakehost in disguise. */
#define SELF(self) ((struct fakehost *)(void *)(self))

/* fake_grow - room for one more, zeroed */
void *
fake_grow(void *at, uint32_t n, size_t size)
{
	at = reallocarray(at, n + 1, size);
	if (at == NULL)
		abort();
	memset((char *)at + n * size, 0, size);
	return at;
}

/* fake_dup - a C string from octets */
char *
fake_dup(const char *s, size_t len)
{
	char *copy = malloc(len + 1);

	if (copy == NULL)
		abort();
	if (len > 0)
		memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

/* fake_call_check - may this call do that in its phase? */
int
fake_call_check(weir_call *call, int phases)
{
	if (call == NULL)
		return WEIR_E_INVAL;
	if (call->closed)
		return WEIR_E_STALE;
	if (phases != FAKE_PHASE_ANY &&
	    (call->phase < 0 || (phases & FAKE_PHASE(call->phase)) == 0))
		return WEIR_E_STATE;
	return WEIR_OK;
}

/* fake_call_new - a call; its handle stays known until the end */
weir_call *
fake_call_new(struct fakehost *f, int phase, int stage)
{
	weir_call *call = calloc(1, sizeof(*call));

	call->f = f;
	call->phase = phase;
	call->stage = stage;
	call->entered = true;
	*FAKE_PUSH(&f->calls) = call;
	return call;
}

/* fake_call_leave - its callback returned: closed if nothing is pending */
void
fake_call_leave(weir_call *call)
{
	call->entered = false;
	if (call->pending == 0)
		call->closed = true;
}

/* fake_event_new - queue a completion */
struct fake_event *
fake_event_new(struct fakehost *f, weir_call *call, int kind)
{
	struct fake_event *e = calloc(1, sizeof(*e));

	e->kind = kind;
	e->call = call;
	e->due = f->mono;
	if (call != NULL)
		call->pending++;
	*f->tail = e;
	f->tail = &e->next;
	return e;
}

/* fake_deliver - complete one event */
static void
fake_deliver(struct fakehost *f, struct fake_event *e, bool cancelled)
{
	weir_call *call = e->call;

	if (e->kind != FAKE_TASK) {
		fake_ext_deliver(f, e, cancelled);
	} else if (call != NULL) {
		e->fn.task(call, cancelled ? WEIR_E_CANCELLED : e->status,
		    e->arg);
	} else if (!cancelled) {
		weir_call *own = fake_call_new(f, -1, -1);

		e->fn.task(own, WEIR_OK, e->arg);
		fake_call_leave(own);
	}
	if (call != NULL && --call->pending == 0 && !call->entered)
		call->closed = true;
	free(e->value);
	free(e->prefix);
	free(e->from);
	free(e);
}

/* fake_due - unlink the next event that is due by then */
static struct fake_event *
fake_due(struct fakehost *f, int64_t by)
{
	struct fake_event **p, *e;

	for (p = &f->queue; (e = *p) != NULL; p = &e->next)
		if (e->due <= by)
			break;
	if (e == NULL)
		return NULL;
	*p = e->next;
	if (e->next == NULL)
		f->tail = p;
	return e;
}

/* fakehost_run - deliver what is due */
void
fakehost_run(struct fakehost *f)
{
	struct fake_event *e;

	while ((e = fake_due(f, f->mono)) != NULL)
		fake_deliver(f, e, false);
}

/* fakehost_cancel - close the calls, complete everything as cancelled */
void
fakehost_cancel(struct fakehost *f)
{
	struct fake_event *e;

	for (uint32_t i = 0; i < f->calls.n; i++)
		f->calls.at[i]->closed = true;
	while ((e = fake_due(f, INT64_MAX)) != NULL)
		fake_deliver(f, e, true);
}

/* fakehost_now - wall time */
int64_t
fakehost_now(const struct fakehost *f)
{
	return f->mono + f->wall_off;
}

/* fakehost_clock_set - step the wall clock */
void
fakehost_clock_set(struct fakehost *f, int64_t wall_ms)
{
	f->wall_off = wall_ms - f->mono;
}

/* fakehost_advance - let time pass, with everything due on the way */
void
fakehost_advance(struct fakehost *f, int64_t ms)
{
	int64_t end = f->mono + ms, next;

	for (;;) {
		fakehost_run(f);
		next = end;
		for (struct fake_event *e = f->queue; e != NULL; e = e->next)
			if (e->due < next)
				next = e->due;
		for (uint32_t i = 0; i < f->every.n; i++)
			if (f->every.at[i].next < next)
				next = f->every.at[i].next;
		f->mono = next;
		for (uint32_t i = 0; i < f->every.n; i++) {
			struct fake_event *e;

			if (f->every.at[i].next > next)
				continue;
			f->every.at[i].next += f->every.at[i].ms;
			e = fake_event_new(f, NULL, FAKE_TASK);
			e->fn.task = f->every.at[i].fn;
			e->arg = f->every.at[i].arg;
		}
		if (next == end && f->queue == NULL)
			return;
		if (next == end) {
			fakehost_run(f);
			return;
		}
	}
}

/* fake_log - keep a line */
static void
fake_log(weir_self *self, weir_call *call, int level, weir_str line)
{
	struct fake_log *l = FAKE_PUSH(&SELF(self)->logs);

	(void)call;
	l->level = level;
	l->text = fake_dup(line.ptr, line.len);
	if (getenv("FAKEHOST_LOG") != NULL)
		fprintf(stderr, "log %d: %s\n", level, l->text);
}

/* fake_wall - the wall clock */
static int64_t
fake_wall(weir_self *self)
{
	return fakehost_now(SELF(self));
}

/* fake_mono - the steady clock */
static int64_t
fake_mono(weir_self *self)
{
	return SELF(self)->mono;
}

/* fake_alloc - memory of a scope */
static void *
fake_alloc(weir_call *call, uint32_t scope, size_t size)
{
	struct fake_block *b;

	if (fake_call_check(call, FAKE_PHASE_ANY) != 0 || call->phase < 0)
		return NULL;
	b = FAKE_PUSH(&call->f->blocks);
	b->scope = scope;
	b->data = calloc(1, size > 0 ? size : 1);
	return b->data;
}

/* fake_data_set - fill a slot, dropping what it held */
static int
fake_data_set(weir_call *call, uint32_t scope, uint32_t rcpt, void *data,
    void (*drop)(void *))
{
	struct fake_slot *s = NULL;
	int status = fake_call_check(call, FAKE_PHASE_ANY);

	if (status != 0)
		return status;
	for (uint32_t i = 0; i < call->f->slots.n; i++)
		if (call->f->slots.at[i].scope == scope &&
		    call->f->slots.at[i].rcpt == rcpt)
			s = &call->f->slots.at[i];
	if (s == NULL)
		s = FAKE_PUSH(&call->f->slots);
	else if (s->drop != NULL && s->data != NULL)
		s->drop(s->data);
	*s = (struct fake_slot){ scope, rcpt, data, drop };
	return WEIR_OK;
}

/* fake_data_get - what a slot holds */
static void *
fake_data_get(weir_call *call, uint32_t scope, uint32_t rcpt)
{
	if (fake_call_check(call, FAKE_PHASE_ANY) != 0)
		return NULL;
	for (uint32_t i = 0; i < call->f->slots.n; i++)
		if (call->f->slots.at[i].scope == scope &&
		    call->f->slots.at[i].rcpt == rcpt)
			return call->f->slots.at[i].data;
	return NULL;
}

/* fake_stage - where a call is */
static int
fake_stage(weir_call *call)
{
	int status = fake_call_check(call, FAKE_PHASE_ANY);

	return status != 0 ? status : call->stage < 0 ? WEIR_E_STATE
						      : call->stage;
}

/* fake_phase - and in which phase */
static int
fake_phase(weir_call *call)
{
	int status = fake_call_check(call, FAKE_PHASE_ANY);

	return status != 0 ? status : call->phase < 0 ? WEIR_E_STATE
						      : call->phase;
}

/* fake_attr_find - an attribute's cell, or NULL */
static struct fake_attr *
fake_attr_find(struct fakehost *f, uint32_t attr, uint32_t rcpt)
{
	for (uint32_t i = 0; i < f->attrs.n; i++)
		if (f->attrs.at[i].attr == attr && f->attrs.at[i].rcpt == rcpt)
			return &f->attrs.at[i];
	return NULL;
}

/* fake_attr_get - attributes; the binary address comes from the text */
static int
fake_attr_get(weir_call *call, uint32_t attr, uint32_t rcpt, weir_str *out)
{
	struct fake_attr *a;
	int status = fake_call_check(call, FAKE_PHASE_ANY);

	if (status != 0)
		return status;
	a = fake_attr_find(call->f, attr, rcpt);
	if (a == NULL || a->value == NULL)
		return WEIR_E_NOTFOUND;
	if (attr == WEIR_A_CLIENT_ADDR_BIN) {
		*out = (weir_str){ a->value,
			strchr(fake_attr_find(call->f, WEIR_A_CLIENT_ADDR,
			    rcpt)->value, ':') != NULL ? 16 : 4 };
		return WEIR_OK;
	}
	*out = weir_str_of(a->value);
	return WEIR_OK;
}

/* fake_macro_get - no MTA stands behind this host */
static int
fake_macro_get(weir_call *call, const char *name, weir_str *out)
{
	(void)call, (void)name, (void)out;
	return WEIR_E_NOTFOUND;
}

/* fake_rcpt_count - recipients so far */
static uint32_t
fake_rcpt_count(weir_call *call)
{
	return fake_call_check(call, FAKE_PHASE_ANY) == 0 ? call->f->rcpts : 0;
}

/* fake_header_at - the index-th field of that name */
static int
fake_header_at(weir_call *call, const char *name, uint32_t index,
    weir_str *name_out, weir_str *value_out)
{
	struct fakehost *f;

	if (fake_call_check(call, FAKE_PHASE_ANY) != 0)
		return WEIR_E_STALE;
	f = call->f;
	if ((f->wanted & (WEIR_F_WANT_HEADERS | WEIR_F_WANT_BODY)) == 0)
		return WEIR_E_STATE;
	for (uint32_t i = 0; i < f->headers.n; i++) {
		struct fake_pair *h = &f->headers.at[i];

		if (name != NULL && strcasecmp(name, h->name) != 0)
			continue;
		if (index-- > 0)
			continue;
		if (name_out != NULL)
			*name_out = weir_str_of(h->name);
		if (value_out != NULL)
			*value_out = weir_str_of(h->value);
		return WEIR_OK;
	}
	return WEIR_E_NOTFOUND;
}

/* fake_header_count - how many fields of that name */
static uint32_t
fake_header_count(weir_call *call, const char *name)
{
	uint32_t n = 0;

	while (fake_header_at(call, name, n, NULL, NULL) == WEIR_OK)
		n++;
	return n;
}

/* fake_in_networks - networks of the site */
static int
fake_in_networks(weir_call *call, const char *name, const char *addr)
{
	struct fakehost *f;
	weir_str own;

	if (fake_call_check(call, FAKE_PHASE_ANY) != 0)
		return WEIR_E_STALE;
	f = call->f;
	if (addr == NULL) {
		if (fake_attr_get(call, WEIR_A_CLIENT_ADDR, WEIR_RCPT_NONE,
		    &own) != 0)
			return 0;
		addr = own.ptr;
	}
	for (uint32_t i = 0; i < f->networks.n; i++)
		if (strcmp(f->networks.at[i].name, name) == 0)
			return fake_in_list(f->networks.at[i].value, addr);
	return WEIR_E_NOTFOUND;
}

/* fake_task - run soon, in a call of its own */
static int
fake_task(weir_self *self, weir_task_fn *fn, void *arg, uint32_t timeout_ms)
{
	struct fake_event *e = fake_event_new(SELF(self), NULL, FAKE_TASK);

	(void)timeout_ms;
	e->fn.task = fn;
	e->arg = arg;
	return WEIR_OK;
}

/* fake_want - options want more than the descriptor says */
static int
fake_want(weir_self *self, uint32_t flags)
{
	SELF(self)->wanted |= flags;
	return WEIR_OK;
}

/* fake_skip - a callback that these options have no use for */
static int
fake_skip(weir_self *self, uint32_t phase, uint32_t stage)
{
	if (phase >= WEIR_PHASE_COUNT || stage >= WEIR_STAGE_COUNT)
		return WEIR_E_INVAL;
	SELF(self)->skipped[phase] |= 1u << stage;
	return WEIR_OK;
}

/* fakehost_create - read the options, start the module */
struct fakehost *
fakehost_create(const struct weir_module *module, const char *conf)
{
	struct fakehost *f = calloc(1, sizeof(*f));

	if (f == NULL)
		abort();
	f->module = module;
	f->wanted = module->flags;
	f->tail = &f->queue;
	f->mono = 1000000;
	f->wall_off = FAKEHOST_EPOCH - f->mono;
	f->host = (struct weir_host){ .size = sizeof(f->host),
		.abi_major = WEIR_ABI_MAJOR, .abi_minor = WEIR_ABI_MINOR,
		.version = "0.1.0", .ext = fake_ext, .log = fake_log,
		.wall_ms = fake_wall, .mono_ms = fake_mono,
		.alloc = fake_alloc, .data_set = fake_data_set,
		.data_get = fake_data_get, .stage = fake_stage,
		.phase = fake_phase, .attr_get = fake_attr_get,
		.macro_get = fake_macro_get, .rcpt_count = fake_rcpt_count,
		.header_count = fake_header_count,
		.header_at = fake_header_at, .in_networks = fake_in_networks,
		.task = fake_task,
		.want = fake_want, .skip = fake_skip };
	fake_conf_host(&f->host);
	fake_record_host(&f->host);
	f->conf = fake_conf_parse(module->options, &conf);
	f->status = module->create(&f->host, (weir_self *)(void *)f, f->conf,
	    &f->state);
	return f;
}

/* fakehost_status - what create answered */
int
fakehost_status(const struct fakehost *f)
{
	return f->status;
}
