/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ext_remote - weir.remote/1 on work/helper_client. */
#include "host/ext_remote.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/budget.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "base/vec.h"
#include "host/table.h"
#include "host/trial.h"
#include "pipe/run.h"
#include "work/helper_client.h"
#include "work/helper_poison.h"

struct ext_remote {
	struct call_op op;
	struct loop_task poison; /* its answer is known without asking */
	struct helper_ask *ask;	 /* NULL: not asked, or answered */
	weir_remote_done *done;
	void *arg;
	size_t taken; /* octets of data, from the budget */
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
	budget_give(r->taken);
	free(r);
}

/* ext_remote_answered - the helper's answer, or what became of it */
static void
ext_remote_answered(int status, weir_str response, void *arg)
{
	struct ext_remote *r = arg;

	r->ask = NULL;
	if (trial_faults.remotes)
		ext_remote_end(r, WEIR_E_TEMP, (weir_str) { "", 0 });
	else
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

/* ext_remote_key - by what a request is known again; data: a hash of what the
   helper may read besides */
static uint64_t
ext_remote_key(const struct call *c, uint32_t helper, weir_str request,
    uint64_t data)
{
	uint64_t key = map_hash(request.ptr, request.len) + helper;

	key ^= map_hash(c->module->name, __builtin_strlen(c->module->name));
	key ^= data << 1;
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

/* ext_remote_copy - a sealed descriptor of these octets, or a status */
static int
ext_remote_copy(const weir_str *data, uint32_t n, size_t *len)
{
	int fd, status = WEIR_OK;

	*len = 0;
	for (uint32_t i = 0; i < n; i++) {
		/* the same octets may be named again and again */
		if (data[i].len > SIZE_MAX - *len)
			return WEIR_E_NOMEM;
		*len += data[i].len;
	}
	if (!budget_take(*len))
		return WEIR_E_NOMEM;
	fd = memfd_create("weir-data", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	for (uint32_t i = 0; i < n && fd >= 0 && status == WEIR_OK; i++) {
		for (size_t done = 0; done < data[i].len;) {
			ssize_t put = write(fd, data[i].ptr + done,
			    data[i].len - done);

			if (put <= 0) {
				status = WEIR_E_NOMEM;
				break;
			}
			done += (size_t)put;
		}
	}
	/* the helper's descriptor must be at the beginning */
	if (fd >= 0 && status == WEIR_OK && (lseek(fd, 0, SEEK_SET) != 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK |
		    F_SEAL_GROW | F_SEAL_WRITE) < 0))
		status = WEIR_E_NOMEM;
	if (fd >= 0 && status == WEIR_OK)
		return fd;
	if (fd >= 0)
		close(fd);
	budget_give(*len);
	return WEIR_E_NOMEM;
}

/* ext_remote_begin - the request with its descriptor, which is closed if this
   fails */
static int
ext_remote_begin(struct call *c, struct ext_remote *r, uint32_t helper,
    weir_str request, int fd, uint64_t data)
{
	struct helper_client *client = ext_remote_client(c->module, helper);
	int status = WEIR_E_TEMP;

	trial_counts.remotes++;
	loop_task_init(&r->poison, ext_remote_on_poison);
	if (client != NULL)
		status = ext_remote_ask(r, c, client, request, fd,
		    ext_remote_key(c, helper, request, data));
	if (status == WEIR_OK) {
		call_op_begin(c, &r->op, ext_remote_cancel);
		return WEIR_OK;
	}
	if (fd >= 0)
		close(fd);
	budget_give(r->taken);
	free(r);
	return status;
}

/* ext_remote_caller - the call that may start this, or NULL and why not */
static struct call *
ext_remote_caller(weir_call *handle, uint32_t helper, weir_str request,
    weir_remote_done *done, int *status)
{
	struct call *c = table_starter(handle, status);
	uint32_t n = 0;

	if (c == NULL)
		return NULL;
	while (c->module->descriptor->helpers != NULL &&
	    c->module->descriptor->helpers[n] != NULL)
		n++;
	if (helper < n && done != NULL && table_is_str(request))
		return c;
	*status = WEIR_E_INVAL;
	return NULL;
}

/* ext_remote_start - ask a helper */
static int
ext_remote_start(weir_call *handle, uint32_t helper, weir_str request,
    uint32_t flags, weir_remote_done *done, void *arg)
{
	int status, fd = -1;
	struct call *c = ext_remote_caller(handle, helper, request, done,
	    &status);
	struct ext_remote *r;

	if (c == NULL)
		return status;
	if ((flags & ~WEIR_REMOTE_MESSAGE) != 0)
		return WEIR_E_INVAL;
	if ((flags & WEIR_REMOTE_MESSAGE) != 0 &&
	    (fd = ext_remote_message(c)) < 0)
		return fd;
	r = xcalloc(1, sizeof(*r));
	r->done = done;
	r->arg = arg;
	return ext_remote_begin(c, r, helper, request, fd,
	    (flags & WEIR_REMOTE_MESSAGE) != 0 ? c->message->fingerprint : 0);
}

/* ext_remote_start_data - ask a helper about octets of one's own */
static int
ext_remote_start_data(weir_call *handle, uint32_t helper, weir_str request,
    const weir_str *data, uint32_t n, weir_remote_done *done, void *arg)
{
	int status, fd;
	struct call *c = ext_remote_caller(handle, helper, request, done,
	    &status);
	struct ext_remote *r;
	uint64_t hash = n;
	size_t len;

	if (c == NULL)
		return status;
	if (data == NULL && n > 0)
		return WEIR_E_INVAL;
	for (uint32_t i = 0; i < n; i++) {
		if (!table_is_str(data[i]))
			return WEIR_E_INVAL;
		hash = hash * 31 + map_hash(data[i].ptr, data[i].len);
	}
	fd = ext_remote_copy(data, n, &len);
	if (fd < 0)
		return fd;
	r = xcalloc(1, sizeof(*r));
	r->done = done;
	r->arg = arg;
	r->taken = len;
	return ext_remote_begin(c, r, helper, request, fd, hash);
}

const struct weir_remote ext_remote_table = { .start = ext_remote_start,
	.start_data = ext_remote_start_data };
