/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ext_remote - weir.remote/1 on work/helper_client. */
#include "host/ext_remote.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "base/vec.h"
#include "host/table.h"
#include "pipe/run.h"
#include "work/helper_client.h"
#include "work/helper_poison.h"

struct ext_remote {
	struct call_op op;
	struct loop_task poison; /* its answer is known without asking */
	struct helper_ask *ask;	 /* NULL: not asked, or answered */
	weir_remote_done *done;
	void *arg;
};

/* Connections are made when the first request comes. */
struct ext_remote_helper {
	const struct module *module;
	uint32_t index;
	struct helper_client *client;
};

static VEC(struct ext_remote_helper) helpers;
static ext_remote_find_fn *find;

/* ext_remote_find - where helpers are */
void
ext_remote_find(ext_remote_find_fn *fn)
{
	find = fn;
}

/* ext_remote_fini - the connections go */
void
ext_remote_fini(void)
{
	for (size_t i = 0; i < helpers.n; i++)
		helper_client_destroy(&helpers.v[i].client);
	vec_fini(&helpers);
}

/* ext_remote_client - the connections to a helper, or NULL */
static struct helper_client *
ext_remote_client(const struct module *m, uint32_t index)
{
	const char *paths[WEIR_HELPER_PROCESSES_MAX];
	struct ext_remote_helper *h;
	char *name;
	unsigned n;

	for (size_t i = 0; i < helpers.n; i++) {
		if (helpers.v[i].module == m && helpers.v[i].index == index)
			return helpers.v[i].client;
	}
	n = find != NULL ? find(m->name, index, paths) : 0;
	if (n == 0)
		return NULL;
	name = xasprintf("%s.%s", m->name,
	    m->descriptor->helpers[index]->name);
	h = vec_push(&helpers);
	h->module = m;
	h->index = index;
	h->client = helper_client_create(name, paths, n);
	free(name);
	return h->client;
}

/* ext_remote_end - done, and everything goes */
static void
ext_remote_end(struct ext_remote *r, int status, weir_str response)
{
	struct call *c = r->op.call;

	loop_task_cancel(&r->poison);
	call_enter(c);
	r->done(call_handle(c), status, response, r->arg);
	call_op_end(&r->op);
	call_leave(c);
	free(r);
}

/* ext_remote_answered - the helper's answer, or what became of it */
static void
ext_remote_answered(int status, weir_str response, void *arg)
{
	struct ext_remote *r = arg;

	r->ask = NULL;
	ext_remote_end(r, status, response);
}

/* ext_remote_on_poison - it is not asked again */
static void
ext_remote_on_poison(struct loop_task *task)
{
	ext_remote_end(list_of(task, struct ext_remote, poison),
	    WEIR_E_INTERNAL, (weir_str) { "", 0 });
}

/* ext_remote_cancel - nobody waits any more */
static bool
ext_remote_cancel(struct call_op *op, int status)
{
	struct ext_remote *r = list_of(op, struct ext_remote, op);

	if (r->ask != NULL)
		helper_client_cancel(r->ask);
	r->ask = NULL;
	ext_remote_end(r, status, (weir_str) { "", 0 });
	return true;
}

/* ext_remote_message - the mail's descriptor, or a status */
static int
ext_remote_message(struct call *c)
{
	weir_str raw;
	int status;

	if (c->message == NULL || c->stage != WEIR_STAGE_EOM ||
	    !run_wants()->spool)
		return WEIR_E_STATE;
	status = message_raw(c->message, &raw);
	return status == WEIR_OK ? spool_fd(&c->message->spool) : status;
}

/* ext_remote_key - by what a request is known again */
static uint64_t
ext_remote_key(const struct call *c, uint32_t helper, weir_str request,
    uint32_t flags)
{
	uint64_t key = map_hash(request.ptr, request.len) + helper;

	key ^= map_hash(c->module->name, __builtin_strlen(c->module->name));
	if ((flags & WEIR_REMOTE_MESSAGE) != 0)
		key ^= c->message->fingerprint << 1;
	return key | 1; /* 0 stands for none */
}

/* ext_remote_ask - to the helper, if it may see this at all */
static int
ext_remote_ask(struct ext_remote *r, const struct call *c,
    struct helper_client *client, weir_str request, int fd, uint64_t key)
{
	int64_t deadline = clock_mono_ms() + c->timeout_ms;

	if (c->message != NULL && c->message->deadline_ms != 0 &&
	    c->message->deadline_ms < deadline)
		deadline = c->message->deadline_ms;
	if (!helper_poison_is(key))
		return helper_client_ask(client, request, fd, deadline, key,
		    ext_remote_answered, r, &r->ask);
	if (fd >= 0)
		close(fd);
	loop_defer(&r->poison);
	return WEIR_OK;
}

/* ext_remote_data - octets as a sealed descriptor, or a status */
static int
ext_remote_data(weir_str data)
{
	int fd;

	if (data.len > WEIR_REMOTE_DATA)
		return WEIR_E_LIMIT;
	fd = memfd_create("weir-data", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return WEIR_E_NOMEM;
	for (size_t at = 0; at < data.len;) {
		ssize_t n = pwrite(fd, data.ptr + at, data.len - at,
		    (off_t)at);

		if (n <= 0) {
			close(fd);
			return WEIR_E_NOMEM;
		}
		at += (size_t)n;
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW |
	    F_SEAL_WRITE) < 0) {
		close(fd);
		return WEIR_E_INTERNAL;
	}
	return fd;
}

/* ext_remote_target - the caller's connections to its helper, or a status */
static int
ext_remote_target(const struct call *c, uint32_t helper, weir_str request,
    weir_remote_done *done, struct helper_client **out)
{
	uint32_t n = 0;

	while (c->module->descriptor->helpers != NULL &&
	    c->module->descriptor->helpers[n] != NULL)
		n++;
	if (helper >= n || done == NULL || !table_is_str(request))
		return WEIR_E_INVAL;
	*out = ext_remote_client(c->module, helper);
	return *out != NULL ? WEIR_OK : WEIR_E_TEMP;
}

/* ext_remote_send - ask; fd is closed whatever happens */
static int
ext_remote_send(struct call *c, struct helper_client *client, weir_str request,
    int fd, uint64_t key, weir_remote_done *done, void *arg)
{
	struct ext_remote *r = xcalloc(1, sizeof(*r));
	int status;

	r->done = done;
	r->arg = arg;
	loop_task_init(&r->poison, ext_remote_on_poison);
	status = ext_remote_ask(r, c, client, request, fd, key);
	if (status == WEIR_OK) {
		call_op_begin(c, &r->op, ext_remote_cancel);
		return WEIR_OK;
	}
	if (fd >= 0)
		close(fd);
	free(r);
	return status;
}

/* ext_remote_start - ask a helper, about the mail perhaps */
static int
ext_remote_start(weir_call *handle, uint32_t helper, weir_str request,
    uint32_t flags, weir_remote_done *done, void *arg)
{
	int status, fd = -1;
	struct call *c = table_starter(handle, &status);
	struct helper_client *client;

	if (c == NULL)
		return status;
	if ((flags & ~WEIR_REMOTE_MESSAGE) != 0)
		return WEIR_E_INVAL;
	status = ext_remote_target(c, helper, request, done, &client);
	if (status != WEIR_OK)
		return status;
	if ((flags & WEIR_REMOTE_MESSAGE) != 0 &&
	    (fd = ext_remote_message(c)) < 0)
		return fd;
	return ext_remote_send(c, client, request, fd,
	    ext_remote_key(c, helper, request, flags), done, arg);
}

/* ext_remote_start_data - ask a helper about octets */
static int
ext_remote_start_data(weir_call *handle, uint32_t helper, weir_str request,
    weir_str data, weir_remote_done *done, void *arg)
{
	int status, fd;
	struct call *c = table_starter(handle, &status);
	struct helper_client *client;
	uint64_t key;

	if (c == NULL)
		return status;
	if (!table_is_str(data))
		return WEIR_E_INVAL;
	status = ext_remote_target(c, helper, request, done, &client);
	if (status != WEIR_OK)
		return status;
	fd = ext_remote_data(data);
	if (fd < 0)
		return fd;
	key = ext_remote_key(c, helper, request, 0) ^
	    (map_hash(data.ptr, data.len) << 1);
	return ext_remote_send(c, client, request, fd, key, done, arg);
}

const struct weir_remote ext_remote_table = {
	.start = ext_remote_start,
	.start_data = ext_remote_start_data
};
