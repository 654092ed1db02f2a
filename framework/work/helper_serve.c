/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "work/helper_serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/list.h"
#include "work/helper_wire.h"

#define TICK_MS 250	 /* while there is work */
#define IDLE_MS 60000
#define SEND_MS 5000 /* a worker that does not read for so long is dropped */

struct serve_conn {
	int fd;
	unsigned pending; /* requests that point here */
	bool dead;	  /* nothing more is read or sent */
};

struct serve_request {
	struct list node; /* in waiting, then in running */
	struct serve_conn *conn;
	uint64_t id;
	int64_t deadline_ms;
	int fd;
	_Atomic bool unwanted;
	bool overflow;
	struct buf response;
	size_t len;
	char request[];
};

static struct {
	struct helper_serve config;
	pthread_mutex_t lock;
	pthread_cond_t work;
	/* under the lock */
	struct list waiting, running;
	unsigned idle; /* threads without work */
	bool ending;
	/* the main thread's, with what the lock guards inside */
	struct serve_conn *conns[HELPER_SERVE_CONNS];
	unsigned n_conns;
	bool control_ended;
} serve = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.work = PTHREAD_COND_INITIALIZER };

/* helper_serve_respond - more octets of the answer */
int
helper_serve_respond(weir_request *request, const void *data, size_t len)
{
	struct serve_request *r = (struct serve_request *)(void *)request;

	if (r == NULL || (data == NULL && len > 0))
		return WEIR_E_INVAL;
	if (r->overflow || len > WEIR_REMOTE_OCTETS - r->response.len) {
		r->overflow = true;
		return WEIR_E_LIMIT;
	}
	buf_add(&r->response, data, len);
	return WEIR_OK;
}

/* helper_serve_left_ms - how long somebody waits */
uint32_t
helper_serve_left_ms(weir_request *request)
{
	struct serve_request *r = (struct serve_request *)(void *)request;
	int64_t left;

	if (r == NULL || r->unwanted)
		return 0;
	left = r->deadline_ms - clock_mono_ms();
	return left > 0 ? (uint32_t)left : 0;
}

/* serve_conn_unref - under the lock: the last one closes */
static void
serve_conn_unref(struct serve_conn *c)
{
	if (!c->dead || c->pending > 0)
		return;
	close(c->fd);
	free(c);
}

/* serve_send - one packet, waiting for room for a while */
static bool
serve_send(int fd, const struct helper_wire *w)
{
	char head[HELPER_WIRE_HEAD];
	struct iovec iov[2] = { { head, sizeof(head) },
		{ (char *)(uintptr_t)w->payload.ptr, w->payload.len } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	helper_wire_put(head, w);
	while (sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
			return false;
		if (poll(&p, 1, SEND_MS) <= 0)
			return false;
	}
	return true;
}

/* serve_answer - the response to one request */
static void
serve_answer(struct serve_request *r, int status)
{
	struct helper_wire w = { .kind = HELPER_WIRE_RESPONSE, .id = r->id,
		.payload = { "", 0 } };

	if (r->overflow)
		status = WEIR_E_LIMIT;
	w.value = status > 0 || status < WEIR_E_EXISTS ? WEIR_E_INTERNAL :
							 status;
	if (status == WEIR_OK && r->response.len > 0)
		w.payload = buf_str(&r->response);
	/* the main thread sees the end and forgets the connection */
	if (!serve_send(r->conn->fd, &w))
		shutdown(r->conn->fd, SHUT_RDWR);
}

/* serve_request_free - it has been answered */
static void
serve_request_free(struct serve_request *r)
{
	if (r->fd >= 0)
		close(r->fd);
	buf_fini(&r->response);
	free(r);
}

/* serve_work - one request in its thread, without the lock */
static void
serve_work(struct serve_request *r)
{
	weir_str request = { r->request, r->len };
	int status = WEIR_E_CANCELLED;

	if (!r->unwanted)
		status = serve.config.table->run(serve.config.state,
		    (weir_request *)(void *)r, request, r->fd);
	serve_answer(r, status);
}

/* serve_thread - take the oldest, again and again */
static void *
serve_thread(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&serve.lock);
	for (;;) {
		struct serve_request *r;

		while (list_empty(&serve.waiting) && !serve.ending) {
			serve.idle++;
			pthread_cond_wait(&serve.work, &serve.lock);
			serve.idle--;
		}
		if (list_empty(&serve.waiting))
			break;
		r = list_of(serve.waiting.next, struct serve_request, node);
		list_remove(&r->node);
		list_append(&serve.running, &r->node);
		pthread_mutex_unlock(&serve.lock);
		serve_work(r);
		pthread_mutex_lock(&serve.lock);
		list_remove(&r->node);
		r->conn->pending--;
		serve_conn_unref(r->conn);
		serve_request_free(r);
	}
	pthread_mutex_unlock(&serve.lock);
	return NULL;
}

/* serve_conn_end - nothing of it is wanted any more */
static void
serve_conn_end(unsigned index)
{
	struct serve_conn *c = serve.conns[index];

	serve.conns[index] = serve.conns[--serve.n_conns];
	pthread_mutex_lock(&serve.lock);
	c->dead = true;
	list_each(n, &serve.waiting) {
		struct serve_request *r = list_of(n, struct serve_request,
		    node);

		r->unwanted |= r->conn == c;
	}
	list_each(n, &serve.running) {
		struct serve_request *r = list_of(n, struct serve_request,
		    node);

		r->unwanted |= r->conn == c;
	}
	serve_conn_unref(c);
	pthread_mutex_unlock(&serve.lock);
}

/* serve_accept - a worker connects */
static void
serve_accept(void)
{
	struct helper_wire hello = { .kind = HELPER_WIRE_HELLO,
		.id = (uint64_t)getpid(),
		.value = (int32_t)serve.config.threads,
		.payload = { "", 0 } };
	struct ucred peer;
	socklen_t len = sizeof(peer);
	int fd = accept4(serve.config.listener, NULL, NULL,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ||
	    (peer.uid != geteuid() && peer.uid != 0) ||
	    serve.n_conns >= HELPER_SERVE_CONNS || !serve_send(fd, &hello)) {
		close(fd);
		return;
	}
	serve.conns[serve.n_conns] = xcalloc(1, sizeof(struct serve_conn));
	serve.conns[serve.n_conns++]->fd = fd;
}

/* serve_cancel - nobody waits for it any more */
static void
serve_cancel(const struct serve_conn *c, uint64_t id)
{
	struct list *lists[2] = { &serve.waiting, &serve.running };

	pthread_mutex_lock(&serve.lock);
	for (int i = 0; i < 2; i++) {
		list_each(n, lists[i]) {
			struct serve_request *r = list_of(n,
			    struct serve_request, node);

			if (r->conn == c && r->id == id)
				r->unwanted = true;
		}
	}
	pthread_mutex_unlock(&serve.lock);
}

/* serve_queue - a request; false: more than its share */
static bool
serve_queue(struct serve_conn *c, const struct helper_wire *w, int fd)
{
	struct serve_request *r;
	bool ok;

	pthread_mutex_lock(&serve.lock);
	/* twice the threads, and those whose answer has just been sent */
	ok = c->pending < 3 * serve.config.threads;
	if (ok) {
		r = xmalloc(sizeof(*r) + w->payload.len + 1);
		memset(r, 0, sizeof(*r));
		r->conn = c;
		r->id = w->id;
		r->deadline_ms = clock_mono_ms() + w->value;
		r->fd = fd;
		r->len = w->payload.len;
		memcpy(r->request, w->payload.ptr, r->len);
		r->request[r->len] = '\0';
		c->pending++;
		list_append(&serve.waiting, &r->node);
		if (serve.idle > 0)
			pthread_cond_signal(&serve.work);
	}
	pthread_mutex_unlock(&serve.lock);
	return ok;
}

/* serve_take_fd - the only descriptor that came, or a status */
static int
serve_take_fd(struct msghdr *m)
{
	int fd = -1, status = WEIR_OK;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h != NULL;
	     h = CMSG_NXTHDR(m, h)) {
		size_t n;

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int one;

			memcpy(&one, CMSG_DATA(h) + i * sizeof(one),
			    sizeof(one));
			if (fd >= 0) {
				close(one);
				status = WEIR_E_INVAL;
			} else {
				fd = one;
			}
		}
	}
	if (status == WEIR_OK && (m->msg_flags & (MSG_CTRUNC | MSG_TRUNC)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return WEIR_E_INVAL;
}

/* serve_read - one packet; false: the connection is over */
static bool
serve_read(struct serve_conn *c, bool *more)
{
	static char packet[HELPER_WIRE_MAX];
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { packet, sizeof(packet) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf) };
	struct helper_wire w;
	ssize_t n = recvmsg(c->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int fd;

	*more = false;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	fd = serve_take_fd(&m);
	if (fd < -1)
		return false;
	if (helper_wire_get(packet, (size_t)n, false, &w) < 0 ||
	    (fd >= 0) != (w.kind == HELPER_WIRE_REQUEST &&
		(w.flags & HELPER_WIRE_MESSAGE) != 0)) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	*more = true;
	if (w.kind == HELPER_WIRE_CANCEL) {
		serve_cancel(c, w.id);
	} else if (!serve_queue(c, &w, fd)) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	return true;
}

/* serve_is_hung - is a request beyond all its time */
static bool
serve_is_hung(void)
{
	int64_t now = clock_mono_ms();
	bool hung = false;

	pthread_mutex_lock(&serve.lock);
	list_each(n, &serve.running) {
		const struct serve_request *r = list_of(n,
		    struct serve_request, node);

		hung |= now > r->deadline_ms + HELPER_SERVE_GRACE_MS;
	}
	pthread_mutex_unlock(&serve.lock);
	return hung;
}

/* serve_is_idle - nothing is under way: nothing has to be watched */
static bool
serve_is_idle(void)
{
	bool idle;

	pthread_mutex_lock(&serve.lock);
	idle = list_empty(&serve.waiting) && list_empty(&serve.running);
	pthread_mutex_unlock(&serve.lock);
	return idle;
}

/* serve_turn - wait for something and deal with it */
static void
serve_turn(void)
{
	struct pollfd fds[HELPER_SERVE_CONNS + 2];
	unsigned n = serve.n_conns;

	for (unsigned i = 0; i < n; i++)
		fds[i] = (struct pollfd) { serve.conns[i]->fd, POLLIN, 0 };
	fds[n] = (struct pollfd) { serve.config.listener, POLLIN, 0 };
	fds[n + 1] = (struct pollfd) { serve.control_ended ?
		-1 : serve.config.control, POLLIN, 0 };
	if (poll(fds, n + 2, serve_is_idle() ? IDLE_MS : TICK_MS) < 0)
		return;
	/* backwards: an ended one is replaced by the last */
	for (unsigned i = n; i-- > 0;) {
		bool more = fds[i].revents != 0, ok = true;

		for (int k = 0; k < 16 && ok && more; k++)
			ok = serve_read(serve.conns[i], &more);
		if (!ok)
			serve_conn_end(i);
	}
	if (fds[n].revents != 0)
		serve_accept();
	if (fds[n + 1].revents != 0) {
		char octet;
		ssize_t got = recv(serve.config.control, &octet, 1,
		    MSG_DONTWAIT);

		/* the master says nothing: it ends, or it is gone */
		serve.control_ended = got == 0 || (got < 0 && errno != EAGAIN);
	}
}

/* serve_start - the threads */
static void
serve_start(pthread_t *threads)
{
	for (uint32_t i = 0; i < serve.config.threads; i++) {
		int rc = pthread_create(&threads[i], NULL, serve_thread, NULL);

		if (rc != 0)
			fatal("can't start a thread: %s", strerror(rc));
	}
}

/* helper_serve - until nobody is left */
int
helper_serve(const struct helper_serve *config)
{
	pthread_t threads[WEIR_HELPER_THREADS_MAX];

	serve.config = *config;
	if (serve.config.threads == 0)
		serve.config.threads = config->table->threads;
	list_init(&serve.waiting);
	list_init(&serve.running);
	serve_start(threads);
	while (!serve.control_ended || serve.n_conns > 0) {
		serve_turn();
		if (config->tick != NULL)
			config->tick();
		if (serve_is_hung())
			return HELPER_EXIT_HUNG;
	}
	pthread_mutex_lock(&serve.lock);
	serve.ending = true;
	pthread_cond_broadcast(&serve.work);
	pthread_mutex_unlock(&serve.lock);
	for (uint32_t i = 0; i < serve.config.threads; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
