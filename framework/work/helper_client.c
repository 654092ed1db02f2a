/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "work/helper_client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/budget.h"
#include "base/clock.h"
#include "base/list.h"
#include "loop/loop.h"
#include "obs/log.h"
#include "work/helper_poison.h"
#include "work/helper_wire.h"

#define BACKOFF_FIRST_MS 20
#define BACKOFF_MAX_MS 5000
#define PACKETS_A_TURN 32
#define BACKLOG 128

struct helper_conn {
	struct helper_client *client;
	char *path;
	int fd;		 /* -1: not connected */
	uint64_t process; /* from its HELLO */
	unsigned window; /* requests it may have; 0: no HELLO yet */
	unsigned n_sent;
	bool blocked;	 /* the kernel takes no more for now */
	int64_t backoff_ms;
	struct loop_io io;
	struct loop_timer retry;
	struct list sent; /* in the order of sending */
};

struct helper_client {
	char *name;
	struct helper_conn *conns;
	unsigned n;
	struct list queue; /* not given to a helper yet */
	unsigned n_queue;
	uint64_t next_id;
	struct loop_task fail; /* nobody is there: tell those who wait */
};

struct helper_ask {
	struct list node; /* in queue or in a conn's sent */
	struct helper_client *client;
	struct helper_conn *conn; /* that it was sent to, or NULL */
	uint64_t id, key;
	int64_t deadline_ms;
	int fd;
	bool queued;
	helper_client_fn *fn; /* NULL: nobody waits, a helper still works */
	void *arg;
	size_t len;
	char request[];
};

static void helper_conn_on_io(struct loop_io *io, int events);
static void helper_conn_on_retry(struct loop_timer *t);
static void helper_client_on_fail(struct loop_task *task);
static void helper_client_pump(struct helper_client *c);

/* helper_client_socket - the path through its folder, which may be deep */
int
helper_client_socket(const char *path, bool listening)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	const char *base = strrchr(path, '/');
	char *dir;
	int fd, dirfd, rc = -1, saved;

	if (base == NULL || strlen(base) > 64) {
		errno = ENAMETOOLONG;
		return -1;
	}
	dir = xstrndup(path, (size_t)(base - path) + 1);
	dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	if (dirfd < 0)
		return -1;
	snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d%s", dirfd,
	    base);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && listening)
		rc = bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ?
		    -1 : listen(fd, BACKLOG);
	else if (fd >= 0)
		rc = connect(fd, (struct sockaddr *)&sa, sizeof(sa));
	saved = errno;
	close(dirfd);
	if (rc < 0 && fd >= 0) {
		close(fd);
		fd = -1;
	}
	errno = saved;
	return fd;
}

/* helper_client_create - no connection yet */
struct helper_client *
helper_client_create(const char *name, const char *const *paths, unsigned n)
{
	struct helper_client *c = xcalloc(1, sizeof(*c));

	c->name = xstrdup(name);
	c->conns = xcalloc(n, sizeof(*c->conns));
	c->n = n;
	list_init(&c->queue);
	loop_task_init(&c->fail, helper_client_on_fail);
	for (unsigned i = 0; i < n; i++) {
		struct helper_conn *k = &c->conns[i];

		k->client = c;
		k->path = xstrdup(paths[i]);
		k->fd = -1;
		list_init(&k->sent);
		loop_io_init(&k->io, helper_conn_on_io);
		loop_timer_init(&k->retry, helper_conn_on_retry);
	}
	return c;
}

/* helper_ask_unqueue - it does not wait for a helper any more */
static void
helper_ask_unqueue(struct helper_ask *a)
{
	if (a->queued)
		a->client->n_queue--;
	a->queued = false;
}

/* helper_ask_free - its memory and its descriptor */
static void
helper_ask_free(struct helper_ask *a)
{
	helper_ask_unqueue(a);
	list_remove(&a->node);
	if (a->fd >= 0)
		close(a->fd);
	budget_give(a->len);
	free(a);
}

/* helper_ask_end - tell whoever waits, once */
static void
helper_ask_end(struct helper_ask *a, int status, weir_str response)
{
	helper_client_fn *fn = a->fn;
	void *arg = a->arg;

	helper_ask_free(a);
	if (fn != NULL)
		fn(status, response, arg);
}

/* helper_conn_close - what was sent there is lost */
static void
helper_conn_close(struct helper_conn *k, int status)
{
	struct list lost = LIST_INIT(lost);

	if (k->fd < 0)
		return;
	loop_io_stop(&k->io);
	close(k->fd);
	k->fd = -1;
	k->window = k->n_sent = 0;
	k->blocked = false;
	while (!list_empty(&k->sent)) {
		struct helper_ask *a = list_of(k->sent.next, struct helper_ask,
		    node);

		list_remove(&a->node);
		list_append(&lost, &a->node);
		a->conn = NULL;
	}
	/* one by one: a callback may cancel others of them */
	while (!list_empty(&lost))
		helper_ask_end(list_of(lost.next, struct helper_ask, node),
		    status, (weir_str) { "", 0 });
}

/* helper_conn_later - connect again, but not at once */
static void
helper_conn_later(struct helper_conn *k)
{
	k->backoff_ms = k->backoff_ms == 0 ? BACKOFF_FIRST_MS :
					     k->backoff_ms * 2;
	if (k->backoff_ms > BACKOFF_MAX_MS)
		k->backoff_ms = BACKOFF_MAX_MS;
	loop_timer_start(&k->retry, k->backoff_ms);
}

/* helper_conn_lost - the process died, or must not be listened to */
static void
helper_conn_lost(struct helper_conn *k, const char *why)
{
	struct helper_client *c = k->client;
	unsigned suspects = k->window;
	bool greeted = k->window != 0;

	log_event(WEIR_LOG_WARN, LOG_HELPER_LOST, "helper %s: %s; %u requests "
	    "are lost", c->name, why, k->n_sent);
	/* it works in the order of sending: these ran, the others waited */
	list_each(n, &k->sent) {
		if (suspects-- == 0)
			break;
		helper_poison_add(list_of(n, struct helper_ask, node)->key,
		    k->process);
	}
	if (!greeted || strcmp(why, "it is gone") != 0)
		helper_conn_later(k);
	helper_conn_close(k, WEIR_E_TEMP);
	helper_client_pump(c);
}

/* helper_conn_open - connect, if there is a socket; false: refused */
static bool
helper_conn_open(struct helper_conn *k)
{
	k->fd = helper_client_socket(k->path, false);
	if (k->fd < 0)
		return false;
	loop_io_set(&k->io, k->fd, LOOP_READ);
	return true;
}

/* helper_conn_send - one packet; 1 sent, 0 not now, -1 never */
static int
helper_conn_send(struct helper_conn *k, const struct helper_wire *w, int fd)
{
	char head[HELPER_WIRE_HEAD];
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov[2] = { { head, sizeof(head) },
		{ (char *)(uintptr_t)w->payload.ptr, w->payload.len } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };

	helper_wire_put(head, w);
	if (fd >= 0) {
		struct cmsghdr *h;

		memset(&control, 0, sizeof(control));
		m.msg_control = control.buf;
		m.msg_controllen = sizeof(control.buf);
		h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	}
	if (sendmsg(k->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return 1;
	return errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS ?
	    0 : -1;
}

/* helper_conn_give - the first in the queue goes there */
static bool
helper_conn_give(struct helper_conn *k, struct helper_ask *a)
{
	int64_t left = a->deadline_ms - clock_mono_ms();
	struct helper_wire w = { .kind = HELPER_WIRE_REQUEST, .id = a->id,
		.flags = a->fd >= 0 ? HELPER_WIRE_MESSAGE : 0,
		.payload = { a->request, a->len } };
	int sent;

	if (left < 0)
		left = 0;
	w.value = left < HELPER_WIRE_DEADLINE_MAX ? (int32_t)left :
						    HELPER_WIRE_DEADLINE_MAX;
	sent = helper_conn_send(k, &w, a->fd);
	if (sent <= 0) {
		/* an end is seen by the reader */
		k->blocked = true;
		loop_io_set(&k->io, k->fd, LOOP_READ | (sent == 0 ?
			LOOP_WRITE : 0));
		return false;
	}
	list_remove(&a->node);
	helper_ask_unqueue(a);
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
	a->conn = k;
	list_append(&k->sent, &a->node);
	k->n_sent++;
	return true;
}

/* helper_client_choose - the one with the least to do, or NULL */
static struct helper_conn *
helper_client_choose(struct helper_client *c)
{
	struct helper_conn *best = NULL;

	for (unsigned i = 0; i < c->n; i++) {
		struct helper_conn *k = &c->conns[i];

		if (k->fd < 0 || k->blocked || k->n_sent >= 2 * k->window)
			continue;
		if (best == NULL || k->n_sent * best->window <
		    best->n_sent * k->window)
			best = k;
	}
	return best;
}

/* helper_client_reach - connect what is not; is anybody there or to come */
static bool
helper_client_reach(struct helper_client *c)
{
	bool any = false;

	for (unsigned i = 0; i < c->n; i++) {
		struct helper_conn *k = &c->conns[i];

		if (k->fd < 0 && !loop_timer_is_active(&k->retry))
			any |= helper_conn_open(k);
		else
			any = true;
	}
	return any;
}

/* helper_client_pump - give what waits to those who are free */
static void
helper_client_pump(struct helper_client *c)
{
	if (list_empty(&c->queue))
		return;
	if (!helper_client_reach(c)) {
		loop_defer(&c->fail);
		return;
	}
	while (!list_empty(&c->queue)) {
		struct helper_conn *k = helper_client_choose(c);

		if (k == NULL)
			return;
		helper_conn_give(k, list_of(c->queue.next, struct helper_ask,
			node));
	}
}

/* helper_client_on_fail - there is no helper */
static void
helper_client_on_fail(struct loop_task *task)
{
	struct helper_client *c = list_of(task, struct helper_client, fail);
	struct list gone = LIST_INIT(gone);

	if (list_empty(&c->queue) || helper_client_reach(c)) {
		helper_client_pump(c);
		return;
	}
	/* what callbacks ask anew is not for this round */
	while (!list_empty(&c->queue)) {
		struct list *n = c->queue.next;

		list_remove(n);
		list_append(&gone, n);
		helper_ask_unqueue(list_of(n, struct helper_ask, node));
	}
	while (!list_empty(&gone))
		helper_ask_end(list_of(gone.next, struct helper_ask, node),
		    WEIR_E_TEMP, (weir_str) { "", 0 });
}

/* helper_conn_on_retry - the pause is over */
static void
helper_conn_on_retry(struct loop_timer *t)
{
	helper_client_pump(list_of(t, struct helper_conn, retry)->client);
}

/* helper_conn_response - an answer; false: to nothing that was asked */
static bool
helper_conn_response(struct helper_conn *k, const struct helper_wire *w)
{
	list_each(n, &k->sent) {
		struct helper_ask *a = list_of(n, struct helper_ask, node);

		if (a->id != w->id)
			continue;
		k->n_sent--;
		k->backoff_ms = 0;
		helper_poison_clear(a->key);
		helper_ask_end(a, w->value, w->payload);
		return true;
	}
	return false;
}

/* helper_conn_take - one packet; NULL, or why the connection must end */
static const char *
helper_conn_take(struct helper_conn *k, const char *data, size_t len)
{
	struct helper_wire w;

	if (helper_wire_get(data, len, true, &w) < 0)
		return "it breaks the protocol";
	if (w.kind == HELPER_WIRE_HELLO) {
		if (k->window != 0)
			return "it breaks the protocol";
		k->window = (unsigned)w.value;
		k->process = w.id;
		return NULL;
	}
	return helper_conn_response(k, &w) ? NULL :
					     "it answers what nobody asked";
}

/* helper_conn_on_io - packets, room, or the end */
static void
helper_conn_on_io(struct loop_io *io, int events)
{
	/* with room for one octet too many and for a NUL */
	static char packet[HELPER_WIRE_MAX + 2];
	struct helper_conn *k = list_of(io, struct helper_conn, io);
	const char *why;

	if (events & LOOP_WRITE) {
		k->blocked = false;
		loop_io_set(&k->io, k->fd, LOOP_READ);
	}
	for (int i = 0; i < PACKETS_A_TURN && k->fd >= 0; i++) {
		ssize_t n = recv(k->fd, packet, sizeof(packet) - 1,
		    MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0) {
			helper_conn_lost(k, "it is gone");
			return;
		}
		packet[n] = '\0';
		why = helper_conn_take(k, packet, (size_t)n);
		if (why != NULL) {
			helper_conn_lost(k, why);
			return;
		}
	}
	helper_client_pump(k->client);
}

/* helper_client_ask - queue it */
int
helper_client_ask(struct helper_client *c, weir_str request, int fd,
    int64_t deadline_ms, uint64_t key, helper_client_fn *fn, void *arg,
    struct helper_ask **out)
{
	struct helper_ask *a;

	if (request.len > WEIR_REMOTE_OCTETS ||
	    c->n_queue >= HELPER_CLIENT_QUEUE)
		return WEIR_E_LIMIT;
	if (!budget_take(request.len))
		return WEIR_E_NOMEM;
	a = xmalloc(sizeof(*a) + request.len + 1);
	memset(a, 0, sizeof(*a));
	list_init(&a->node);
	a->client = c;
	a->id = ++c->next_id;
	a->key = key;
	a->deadline_ms = deadline_ms;
	a->fd = fd;
	a->fn = fn;
	a->arg = arg;
	a->len = request.len;
	if (request.len > 0)
		memcpy(a->request, request.ptr, request.len);
	list_append(&c->queue, &a->node);
	a->queued = true;
	c->n_queue++;
	*out = a;
	helper_client_pump(c);
	return WEIR_OK;
}

/* helper_client_cancel - the answer is no longer wanted */
void
helper_client_cancel(struct helper_ask *a)
{
	struct helper_wire w = { .kind = HELPER_WIRE_CANCEL, .id = a->id,
		.payload = { "", 0 } };

	a->fn = NULL;
	if (a->conn != NULL) {
		/* it stays: the helper's thread is still busy with it */
		(void)helper_conn_send(a->conn, &w, -1);
		return;
	}
	if (a->queued)
		helper_ask_free(a);
}

/* helper_client_destroy - the worker ends */
void
helper_client_destroy(struct helper_client **client)
{
	struct helper_client *c = *client;

	*client = NULL;
	if (c == NULL)
		return;
	loop_task_cancel(&c->fail);
	for (unsigned i = 0; i < c->n; i++) {
		loop_timer_stop(&c->conns[i].retry);
		helper_conn_close(&c->conns[i], WEIR_E_CANCELLED);
	}
	while (!list_empty(&c->queue))
		helper_ask_end(list_of(c->queue.next, struct helper_ask, node),
		    WEIR_E_CANCELLED, (weir_str) { "", 0 });
	for (unsigned i = 0; i < c->n; i++)
		free(c->conns[i].path);
	free(c->conns);
	free(c->name);
	free(c);
}
