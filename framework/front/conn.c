/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "front/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/check.h"
#include "base/clock.h"
#include "mail/message.h"

/* A held rest of this size is tolerated when the memory cap is reached, so
   that a message on its way still gets its 4xx instead of a lost connection. */
#define CONN_GRACE (CONN_READ + CONN_HOLD)
#define CONN_STEP (64 * 1024)	     /* taken from the budget at once */
#define CONN_OUT_KEEP (256 * 1024) /* the shared buffer may stay this large */

struct buf *conn_sink;

static struct list conns = LIST_INIT(conns);
static unsigned nconns;
static bool draining;

/* One of each is enough for a thread: both are empty between two turns. */
static char shared_in[CONN_READ];
static struct buf shared_out = BUF_INIT;
static struct conn *current;

static void conn_on_io(struct loop_io *io, int events);
static void conn_on_timer(struct loop_timer *t);
static void conn_on_task(struct loop_task *task);

/* conn_is_over - nothing more may be taken */
static bool
conn_is_over(const struct conn *c)
{
	return c->ending || c->broken;
}

/* conn_open - serve it from now on */
void
conn_open(struct conn *c, const struct conn_kind *kind, int fd,
    const struct front_listener *listener)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	int one = 1;

	c->kind = kind;
	c->listener = listener;
	c->fd = fd;
	c->active_ms = clock_mono_ms();
	loop_task_init(&c->task, conn_on_task);
	list_append(&conns, &c->node);
	nconns++;
	loop_io_init(&c->io, conn_on_io);
	loop_timer_init(&c->timer, conn_on_timer);
	if (fd < 0)
		return;
	c->tcp = getsockname(fd, (struct sockaddr *)&sa, &len) == 0 &&
	    (sa.ss_family == AF_INET || sa.ss_family == AF_INET6);
	if (c->tcp)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	loop_io_set(&c->io, fd, LOOP_READ);
	loop_timer_start(&c->timer, front_limits()->command_ms);
}

/* conn_input_free - nothing is held any more */
static void
conn_input_free(struct conn *c)
{
	buf_fini(&c->in);
	budget_give(c->budgeted);
	c->budgeted = 0;
}

/* conn_destroy - the end */
static void
conn_destroy(struct conn *c)
{
	loop_task_cancel(&c->task);
	if (c->fd >= 0) {
		loop_io_stop(&c->io);
		loop_timer_stop(&c->timer);
		close(c->fd);
	}
	conn_input_free(c);
	buf_fini(&c->out);
	list_remove(&c->node);
	nconns--;
	c->kind->release(c);
	front_check_full();
}

/* conn_write - as much as the socket takes; the octets written */
static size_t
conn_write(struct conn *c, const char *data, size_t len)
{
	ssize_t n;

	do
		n = send(c->fd, data, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			c->broken = true;
		return 0;
	}
	c->said = true;
	return (size_t)n;
}

/* conn_flush - say what this turn has brought */
static void
conn_flush(struct conn *c)
{
	size_t n = 0;

	if (shared_out.len == 0)
		return;
	if (c->fd < 0) {
		if (conn_sink != NULL)
			buf_add(conn_sink, shared_out.ptr, shared_out.len);
		n = shared_out.len;
	} else if (c->out.len == 0 && !c->broken) {
		n = conn_write(c, shared_out.ptr, shared_out.len);
	}
	if (n < shared_out.len && !c->broken)
		buf_add(&c->out, shared_out.ptr + n, shared_out.len - n);
	buf_clear(&shared_out);
	if (shared_out.cap > CONN_OUT_KEEP)
		buf_fini(&shared_out);
}

/* conn_enter - a turn of this connection begins */
void
conn_enter(struct conn *c)
{
	expect(current == NULL && shared_out.len == 0);
	current = c;
	c->said = false;
}

/* conn_leave - the turn is over: write, and say what to wait for */
bool
conn_leave(struct conn *c)
{
	int events = 0;

	expect(current == c);
	conn_flush(c);
	current = NULL;
	if (c->broken || (c->ending && c->out.len == 0)) {
		conn_destroy(c);
		return false;
	}
	if (c->fd < 0)
		return true;
	if (c->out.len > 0)
		events = LOOP_WRITE;
	else if (!c->eof && !(c->paused && c->in.len >= CONN_HOLD))
		events = LOOP_READ;
	loop_io_set(&c->io, c->fd, events);
	return true;
}

/* conn_out - where to say things */
struct buf *
conn_out(struct conn *c)
{
	expect(current == c);
	return &shared_out;
}

/* conn_keep - hold what can't be taken yet; false: no memory */
static bool
conn_keep(struct conn *c, const char *data, size_t len)
{
	size_t want = c->in.len + len;

	if (want > c->budgeted) {
		size_t more = want - c->budgeted;

		more = (more + CONN_STEP - 1) / CONN_STEP * CONN_STEP;
		if (budget_take(more)) {
			c->budgeted += more;
		} else if (want > CONN_GRACE) {
			conn_log(c, WEIR_LOG_WARN, LOG_FRONT_LIMIT, NULL,
			    "no memory for %zu octets of one packet", want);
			conn_break(c);
			return false;
		}
	}
	buf_add(&c->in, data, len);
	return true;
}

/* conn_run - offer what is held to the protocol */
static void
conn_run(struct conn *c)
{
	size_t taken;

	if (c->paused && c->in.len > 0)
		c->kind->ahead(c, c->in.ptr, c->in.len);
	if (c->paused || conn_is_over(c) || c->in.len == 0)
		return;
	taken = c->kind->feed(c, c->in.ptr, c->in.len);
	if (taken == c->in.len)
		conn_input_free(c);
	else
		buf_drop(&c->in, taken);
}

/* conn_take - new input */
static void
conn_take(struct conn *c, char *data, size_t len)
{
	size_t taken;

	if (c->in.len > 0 || c->paused) {
		if (conn_keep(c, data, len))
			conn_run(c);
		return;
	}
	taken = c->kind->feed(c, data, len);
	if (taken < len && !conn_is_over(c))
		conn_keep(c, data + taken, len - taken);
}

/* conn_feed - input that no socket brought */
bool
conn_feed(struct conn *c, const char *data, size_t len)
{
	while (len > 0) {
		size_t n = len < sizeof(shared_in) ? len : sizeof(shared_in);

		memcpy(shared_in, data, n);
		data += n;
		len -= n;
		conn_enter(c);
		conn_take(c, shared_in, n);
		if (!conn_leave(c))
			return false;
	}
	return true;
}

/* conn_read - one read: the loop calls again if there is more */
static void
conn_read(struct conn *c)
{
	ssize_t n = recv(c->fd, shared_in, sizeof(shared_in), 0);

	if (n < 0) {
		if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			c->broken = true;
		return;
	}
	if (n == 0) {
		c->eof = true;
		c->kind->eof(c);
		return;
	}
	c->active_ms = clock_mono_ms();
	conn_take(c, shared_in, (size_t)n);
}

/* conn_on_io - the socket has something or takes something */
static void
conn_on_io(struct loop_io *io, int events)
{
	struct conn *c = list_of(io, struct conn, io);
	bool was_read = false;
	int one = 1;

	conn_enter(c);
	if ((events & LOOP_WRITE) != 0 && c->out.len > 0) {
		size_t n = conn_write(c, c->out.ptr, c->out.len);

		if (n > 0)
			c->active_ms = clock_mono_ms();
		buf_drop(&c->out, n);
		if (c->out.len == 0)
			buf_fini(&c->out);
	}
	if ((events & LOOP_READ) != 0 && c->out.len == 0 && !conn_is_over(c)) {
		conn_read(c);
		was_read = true;
	}
	if (!conn_leave(c) || !c->tcp || !was_read || c->said)
		return;
	/* nothing was said that could carry the acknowledgement: without this
	   the peer's next small write waits 40 ms for it */
	setsockopt(c->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
}

/* conn_on_timer - has it been silent for too long */
static void
conn_on_timer(struct loop_timer *t)
{
	struct conn *c = list_of(t, struct conn, timer);
	int64_t tick = front_limits()->command_ms, allowed, idle;

	conn_enter(c);
	allowed = c->out.len > 0 ? tick :
	    c->paused		 ? -1 :
				   c->kind->patience(c, c->in.len > 0);
	idle = clock_mono_ms() - c->active_ms;
	if (allowed >= 0 && idle >= allowed) {
		conn_log(c, WEIR_LOG_WARN, LOG_FRONT_LIMIT, NULL,
		    "silent for %lld ms, closed", (long long)idle);
		conn_break(c);
	} else {
		if (allowed >= 0 && allowed - idle < tick)
			tick = allowed - idle;
		loop_timer_start(&c->timer, tick);
	}
	conn_leave(c);
}

/* conn_on_task - go on after a pause */
static void
conn_on_task(struct loop_task *task)
{
	struct conn *c = list_of(task, struct conn, task);

	conn_enter(c);
	c->paused = false;
	c->active_ms = clock_mono_ms();
	c->kind->resume(c);
	if (!c->paused && !conn_is_over(c))
		conn_run(c);
	if (c->eof && !c->paused && !conn_is_over(c))
		c->kind->eof(c);
	conn_leave(c);
}

/* conn_pause - take nothing until conn_resume */
void
conn_pause(struct conn *c)
{
	c->paused = true;
}

/* conn_resume - go on, but not inside whoever tells us */
void
conn_resume(struct conn *c)
{
	expect(c->paused);
	loop_defer(&c->task);
}

/* conn_unpause - go on at once with what is held */
void
conn_unpause(struct conn *c)
{
	loop_task_cancel(&c->task);
	c->paused = false;
}

/* conn_end - close when all is said */
void
conn_end(struct conn *c)
{
	c->ending = true;
}

/* conn_break - close at once */
void
conn_break(struct conn *c)
{
	c->broken = true;
}

/* conn_log - one line about this peer */
void
conn_log(struct conn *c, int level, enum log_event_id event,
    const struct session *s, const char *fmt, ...)
{
	const struct message *m = s != NULL ? s->message : NULL;
	struct log_ctx ctx = { .session = s != NULL ? s->id : NULL,
		.message = m != NULL ? m->id : NULL };
	const struct log_ctx *old;
	struct log_field fields[2];
	char text[512];
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fields[0] = log_text("listener", c->listener->name);
	fields[1] = log_text("protocol", c->kind->name);
	old = log_ctx_set(&ctx);
	log_fields(level, event, fields, 2, "%s", text);
	log_ctx_set(old);
}

/* conn_each - one after another, each may go */
static void
conn_each(void (*fn)(struct conn *))
{
	list_each_safe(n, &conns) {
		struct conn *c = list_of(n, struct conn, node);

		conn_enter(c);
		fn(c);
		conn_leave(c);
	}
}

/* conn_drain_one - let the protocol decide */
static void
conn_drain_one(struct conn *c)
{
	c->kind->drain(c);
}

/* conn_drain_all - the process is to end */
void
conn_drain_all(void)
{
	draining = true;
	conn_each(conn_drain_one);
}

/* conn_break_all - now */
void
conn_break_all(void)
{
	conn_each(conn_break);
	buf_fini(&shared_out);
	draining = false;
}

/* conn_count - open ones */
unsigned
conn_count(void)
{
	return nconns;
}

/* conn_is_draining - is the process to end */
bool
conn_is_draining(void)
{
	return draining;
}
