/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/list.h"
#include "base/text.h"
#include "ctl/commands.h"
#include "ctl/wire.h"
#include "loop/listen.h"
#include "loop/loop.h"
#include "obs/log.h"

enum conn_state {
	CONN_READING,
	CONN_RUNNING, /* the command has not answered yet */
	CONN_WRITING
};

struct conn {
	struct list node;
	int fd; /* -1: closed while its command runs */
	enum conn_state state;
	struct loop_io io;
	struct loop_timer timer;
	struct buf in, out;
	size_t written;
	struct wire_request wire;
	struct ctl_request request;
};

int64_t ctl_daemon_started_ms;

static struct listen listener;
static bool listening;
static struct list conns = LIST_INIT(conns);
static unsigned nconns;

/* conn_close - forget it; memory waits for a command that still runs */
static void
conn_close(struct conn *c)
{
	if (c->fd >= 0) {
		loop_io_stop(&c->io);
		loop_timer_stop(&c->timer);
		close(c->fd);
		c->fd = -1;
	}
	if (c->state == CONN_RUNNING)
		return;
	list_remove(&c->node);
	nconns--;
	buf_fini(&c->in);
	buf_fini(&c->out);
	buf_fini(&c->request.out);
	buf_fini(&c->request.err);
	wire_request_fini(&c->wire);
	free(c);
}

/* conn_write - as much as the client takes */
static void
conn_write(struct conn *c)
{
	while (c->written < c->out.len) {
		ssize_t n = send(c->fd, c->out.ptr + c->written,
		    c->out.len - c->written, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			loop_io_set(&c->io, c->fd, LOOP_WRITE);
			return;
		}
		if (n <= 0) {
			conn_close(c);
			return;
		}
		c->written += (size_t)n;
		loop_timer_start(&c->timer, CTL_WRITE_MS);
	}
	conn_close(c);
}

/* conn_wants_octets - mail as it is, not as a terminal may show it */
static bool
conn_wants_octets(const struct conn *c)
{
	for (uint32_t i = 0; i < c->wire.argc; i++)
		if (strcmp(c->wire.argv[i], "--raw") == 0)
			return true;
	return false;
}

/* conn_reply - say it and close */
static void
conn_reply(struct conn *c, int status, weir_str out, weir_str err)
{
	c->state = CONN_WRITING;
	if (c->fd < 0) {
		conn_close(c);
		return;
	}
	if (conn_wants_octets(c))
		wire_reply_write_raw(status, out, err, &c->out);
	else
		wire_reply_write(status, out, err, &c->out);
	loop_timer_start(&c->timer, CTL_WRITE_MS);
	conn_write(c);
}

/* conn_on_done - the command has answered */
static void
conn_on_done(struct ctl_request *r, int status)
{
	struct conn *c = list_of(r, struct conn, request);

	conn_reply(c, status, buf_str(&r->out), buf_str(&r->err));
}

/* conn_log - who asked for what */
static void
conn_log(struct conn *c)
{
	struct ucred who = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(who);
	weir_str words[WIRE_ARGS_MAX];
	struct log_field f[3];

	getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &who, &len);
	for (uint32_t i = 0; i < c->wire.argc; i++)
		words[i] = text_slice(c->wire.argv[i]);
	c->request.uid = who.uid == (uid_t)-1 ? -1 : (int64_t)who.uid;
	f[0] = log_int("peer_uid", (int64_t)who.uid);
	f[1] = log_int("peer_pid", who.pid);
	f[2] = log_list("command", words, c->wire.argc);
	log_fields(WEIR_LOG_INFO, LOG_CTL_COMMAND, f, 3, "control command");
}

/* conn_request - a whole line is here */
static void
conn_request(struct conn *c, size_t len)
{
	weir_str line = { c->in.ptr, len };
	struct err err = { "" }, why = { "" };

	if (wire_request_parse(line, &c->wire, &why) < 0) {
		err_set(&err, WEIR_E_INVAL, "bad request: %s\n", why.text);
		conn_reply(c, CTL_FAILED, text_slice(""),
		    text_slice(err.text));
		return;
	}
	loop_timer_stop(&c->timer);
	loop_io_set(&c->io, c->fd, 0);
	conn_log(c);
	c->state = CONN_RUNNING;
	c->request.argc = c->wire.argc;
	c->request.argv = (const char *const *)c->wire.argv;
	c->request.json = c->wire.json;
	c->request.done = conn_on_done;
	ctl_run(&c->request);
}

/* conn_read - take what is there */
static void
conn_read(struct conn *c)
{
	const char *end;
	ssize_t n = recv(c->fd, buf_reserve(&c->in, 4096), 4096, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		conn_close(c);
		return;
	}
	end = memchr(c->in.ptr + c->in.len, '\n', (size_t)n);
	c->in.len += (size_t)n;
	if (end != NULL && end - c->in.ptr <= CTL_REQUEST_MAX)
		conn_request(c, (size_t)(end - c->in.ptr));
	else if (c->in.len > CTL_REQUEST_MAX)
		conn_reply(c, CTL_FAILED, text_slice(""),
		    text_slice("the request is too long\n"));
}

/* conn_on_io - readable or writable */
static void
conn_on_io(struct loop_io *io, int events)
{
	struct conn *c = list_of(io, struct conn, io);

	(void)events;
	if (c->state == CONN_READING)
		conn_read(c);
	else if (c->state == CONN_WRITING)
		conn_write(c);
}

/* conn_on_timer - too slow */
static void
conn_on_timer(struct loop_timer *t)
{
	struct conn *c = list_of(t, struct conn, timer);

	if (c->state == CONN_READING)
		conn_reply(c, CTL_FAILED, text_slice(""),
		    text_slice("the request did not come in time\n"));
	else
		conn_close(c);
}

/* server_accept - somebody connects */
static void
server_accept(struct listen *l, int fd)
{
	struct conn *c = xcalloc(1, sizeof(*c));

	(void)l;
	c->fd = fd;
	loop_io_init(&c->io, conn_on_io);
	loop_timer_init(&c->timer, conn_on_timer);
	list_append(&conns, &c->node);
	if (++nconns > CTL_CONNS) {
		conn_reply(c, CTL_FAILED, text_slice(""),
		    text_slice("too many control connections at once\n"));
		return;
	}
	loop_timer_start(&c->timer, CTL_REQUEST_MS);
	loop_io_set(&c->io, fd, LOOP_READ);
}

/* ctl_server_start - accept from fd */
void
ctl_server_start(int fd)
{
	listening = true;
	listen_start(&listener, fd, server_accept);
}

/* ctl_server_stop - accept no more */
void
ctl_server_stop(void)
{
	if (listening)
		listen_stop(&listener);
	listening = false;
}

/* ctl_server_close_all - also what is open */
void
ctl_server_close_all(void)
{
	ctl_server_stop();
	list_each_safe(n, &conns)
		conn_close(list_of(n, struct conn, node));
}

/* ctl_server_count - open connections */
unsigned
ctl_server_count(void)
{
	return nconns;
}
