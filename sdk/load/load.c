/* SPDX-License-Identifier: GPL-2.0-or-later */
/* load - connections, the schedule of messages, the epoll loop. */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/check.h"

#define LOAD_EVENTS 64
#define LOAD_TICK_US 50000	/* how often timeouts are looked for */
#define LOAD_RETRY_US 20000	/* pause before a message is tried again */

/* load_now_us - the monotonic clock */
int64_t
load_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* load_random - xorshift: the same seed sends the same chunks */
uint32_t
load_random(struct load *l)
{
	l->random ^= l->random << 13;
	l->random ^= l->random >> 17;
	l->random ^= l->random << 5;
	return l->random;
}

/* conn_watch - set the events that epoll reports */
static void
conn_watch(struct conn *c, bool writable)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

	if (c->writable_wanted == writable)
		return;
	if (writable)
		ev.events |= EPOLLOUT;
	c->writable_wanted = writable;
	if (epoll_ctl(c->load->epfd, EPOLL_CTL_MOD, c->fd, &ev) != 0)
		fatal("epoll_ctl: %s", strerror(errno));
}

/* conn_flush - send what is in out */
void
conn_flush(struct conn *c)
{
	struct load *l = c->load;
	size_t len = c->out.len;
	ssize_t n;

	if (len == 0 || c->fd < 0)
		return;
	if (l->opts.split) {
		/* one piece a turn of the loop, small ones most of the time */
		uint32_t r = load_random(l);
		size_t most = r % 4 != 0 ? 1 + (r >> 8) % 16
					 : 1 + (r >> 8) % 2048;

		if (len > most)
			len = most;
	}
	n = send(c->fd, c->out.ptr, len, MSG_NOSIGNAL);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR) {
			/* the reading side says why and drops the rest */
			buf_clear(&c->out);
			conn_watch(c, false);
			return;
		}
		n = 0;
	}
	l->stats.octets_out += (uint64_t)n;
	buf_drop(&c->out, (size_t)n);
	conn_watch(c, c->out.len > 0);
}

/* conn_wait - a reply is awaited from now */
void
conn_wait(struct conn *c)
{
	c->wait_us = load_now_us();
}

/* conn_shut - let go of the socket */
static void
conn_shut(struct conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->writable_wanted = false;
	c->wait_us = 0;
	buf_clear(&c->in);
	buf_clear(&c->out);
	c->state = CONN_CLOSED;
}

/* conn_finish - nothing is left for this connection */
static void
conn_finish(struct conn *c)
{
	conn_shut(c);
	c->state = CONN_FINISHED;
	c->load->finished++;
}

/* conn_farewell - end a session in good order */
static void
conn_farewell(struct conn *c)
{
	c->load->proto->finish(c);
	/* what the socket does not take now is lost on purpose: the filter
	   must live with a peer that just goes */
	while (c->out.len > 0) {
		size_t before = c->out.len;

		conn_flush(c);
		if (c->out.len == before)
			break;
	}
	conn_shut(c);
}

/* conn_connect - make the connection; the protocol then opens the session */
static void
conn_connect(struct conn *c)
{
	struct load *l = c->load;
	struct timeval tv = { .tv_sec = 5 };
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };
	int one = 1;
	int fd = socket(l->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		fatal("socket: %s", strerror(errno));
	c->state = CONN_OPENING;
	c->negotiated = false;
	c->all_accepted = c->all_refused = false;
	c->renew = false;
	c->in_session = 0;
	/* blocking, so that a full backlog makes us wait like an MTA */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (connect(fd, (const struct sockaddr *)&l->addr, l->addr_len) != 0) {
		char reason[96];

		snprintf(reason, sizeof(reason), "connect: %s",
		    strerror(errno));
		close(fd);
		conn_broken(c, reason);
		return;
	}
	if (l->addr.ss_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	c->fd = fd;
	if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, fd, &ev) != 0)
		fatal("epoll_ctl: %s", strerror(errno));
	l->stats.sessions++;
	l->proto->open(c);
}

/* conn_queue - the main loop shall look at this connection */
static void
conn_queue(struct conn *c)
{
	struct load *l = c->load;

	if (c->queued)
		return;
	c->queued = true;
	l->ready[(l->ready_head + l->ready_len) % l->opts.connections] = c;
	l->ready_len++;
}

/* conn_ready - the session can take a message */
void
conn_ready(struct conn *c)
{
	c->state = CONN_READY;
	c->wait_us = 0;
	conn_queue(c);
}

/* load_record - the message has its end: count it and write the ledger */
static void
load_record(struct conn *c, enum load_verdict verdict, const char *text,
    size_t len)
{
	struct load *l = c->load;
	int64_t now = load_now_us();
	size_t i;

	c->has_message = false;
	l->stats.messages++;
	l->stats.verdicts[verdict]++;
	l->stats.edits += c->edits;
	if (verdict != LOAD_BROKEN)
		stats_latency(&l->stats, now - c->start_us);
	l->last_us = now;
	if (l->ledger == NULL)
		return;
	fprintf(l->ledger, "%s %s %u ", c->id, verdict_name(verdict),
	    c->edits);
	for (i = 0; i < len; i++)
		fputc((unsigned char)text[i] < ' ' ? ' ' : text[i], l->ledger);
	fputc('\n', l->ledger);
	fflush(l->ledger);
}

/* conn_done - the message has a verdict */
void
conn_done(struct conn *c, enum load_verdict verdict, const char *text,
    size_t len)
{
	struct load *l = c->load;

	load_record(c, verdict, text, len);
	c->tries = 0;
	c->in_session++;
	if (l->opts.reconnect != 0 && c->in_session >= l->opts.reconnect) {
		conn_farewell(c);
		c->renew = true;
		if (c->quota == 0 || l->issued >= l->total)
			conn_finish(c);
		else
			conn_queue(c);
		return;
	}
	conn_ready(c);
}

/* conn_broken - the session ended against the rules */
void
conn_broken(struct conn *c, const char *reason)
{
	struct load *l = c->load;

	stats_reason(&l->stats, reason);
	conn_shut(c);
	if (c->tries < l->opts.retry) {
		c->tries++;
		l->stats.retried++;
		c->retry_us = load_now_us() + LOAD_RETRY_US;
		return;
	}
	if (c->has_message) {
		load_record(c, LOAD_BROKEN, reason, strlen(reason));
		c->tries = 0;
		c->retry_us = load_now_us() + LOAD_RETRY_US;
		if (c->quota != 0)
			return;
	}
	conn_finish(c); /* a session that can't even open is not tried again */
}

/* conn_number - give the next message its number and id */
static void
conn_number(struct conn *c)
{
	struct load *l = c->load;

	c->number = l->issued++;
	snprintf(c->id, sizeof(c->id), "%08x-%010" PRIu64, l->opts.seed,
	    (c->number + 1) % UINT64_C(10000000000));
	c->has_message = true;
	if (c->quota != UINT64_MAX)
		c->quota--;
}

/* load_due_us - when the next message of an open loop should start */
static int64_t
load_due_us(const struct load *l)
{
	return l->begin_us +
	    (int64_t)((double)l->issued * 1e6 / l->opts.rate);
}

/* load_start - give messages to sessions that wait for one */
static void
load_start(struct load *l)
{
	size_t todo = l->ready_len;
	int64_t now = load_now_us();

	for (; todo > 0; todo--) {
		struct conn *c = l->ready[l->ready_head];
		bool again = c->has_message;
		bool over = c->quota == 0 || l->issued >= l->total ||
		    now >= l->end_us;

		if (c->state == CONN_READY && !again && !over &&
		    l->opts.rate > 0 && load_due_us(l) > now)
			return;
		l->ready_head = (l->ready_head + 1) % l->opts.connections;
		l->ready_len--;
		c->queued = false;
		if (c->state == CONN_CLOSED && c->renew)
			conn_connect(c);
		if (c->state != CONN_READY || c->queued)
			continue;
		if (!again && over) {
			if (l->opts.idle > 0 && now <
			    l->begin_us + (int64_t)(l->opts.idle * 1e6)) {
				conn_flush(c);
				conn_ready(c);
				continue;
			}
			conn_farewell(c);
			conn_finish(c);
			continue;
		}
		if (!again) {
			c->start_us = l->opts.rate > 0 ? load_due_us(l) : now;
			if (l->first_us == 0)
				l->first_us = l->last_us = now;
			conn_number(c);
		}
		c->state = CONN_BUSY;
		c->edits = 0;
		l->proto->start(c);
	}
}

/* conn_input - read what came */
static void
conn_input(struct conn *c)
{
	char *room = buf_reserve(&c->in, 16384);
	ssize_t n = recv(c->fd, room, 16384, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		conn_broken(c, n == 0 ? "closed by the filter"
				      : "connection reset");
		return;
	}
	c->in.len += (size_t)n;
	c->in.ptr[c->in.len] = '\0';
	c->load->stats.octets_in += (uint64_t)n;
	c->load->proto->input(c);
}

/* load_tick - time-outs, and connections to be made anew */
static void
load_tick(struct load *l, int64_t now)
{
	unsigned i;

	for (i = 0; i < l->opts.connections; i++) {
		struct conn *c = &l->conns[i];

		if (c->wait_us != 0 && (double)(now - c->wait_us) >
		    l->opts.timeout * 1e6)
			conn_broken(c, "no reply in time");
		if (c->state != CONN_CLOSED || now < c->retry_us)
			continue;
		if (!c->has_message && now >= l->end_us)
			conn_finish(c);
		else
			conn_connect(c);
	}
}

/* load_pause - how long the loop may sleep */
static int64_t
load_pause(const struct load *l, int64_t now, int64_t tick)
{
	int64_t until = tick;

	if (l->ready_len > 0 && l->opts.rate > 0 && l->issued < l->total &&
	    load_due_us(l) < until)
		until = load_due_us(l);
	return until > now ? until - now : 0;
}

/* load_turn - wait for sockets and serve them */
static void
load_turn(struct load *l, int64_t pause_us)
{
	struct epoll_event ev[LOAD_EVENTS];
	struct timespec ts = { .tv_sec = pause_us / 1000000,
		.tv_nsec = pause_us % 1000000 * 1000 };
	int n = epoll_pwait2(l->epfd, ev, LOAD_EVENTS, &ts, NULL);
	int i;

	if (n < 0 && errno != EINTR)
		fatal("epoll_wait: %s", strerror(errno));
	for (i = 0; i < n; i++) {
		struct conn *c = ev[i].data.ptr;

		if ((ev[i].events & EPOLLOUT) != 0)
			conn_flush(c);
		if (c->fd >= 0 &&
		    (ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
			conn_input(c);
	}
}

/* load_cut - the limit passed: what is under way is broken */
static void
load_cut(struct load *l)
{
	unsigned i;

	l->opts.retry = 0;
	for (i = 0; i < l->opts.connections; i++) {
		struct conn *c = &l->conns[i];

		c->quota = 0;
		if (c->state == CONN_OPENING || c->has_message)
			conn_broken(c, "the run's time limit passed");
		else if (c->state != CONN_FINISHED)
			conn_finish(c);
	}
}

/* load_run - the whole run */
int
load_run(struct load *l)
{
	int64_t tick = 0;
	unsigned i;

	l->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epfd < 0)
		fatal("epoll_create1: %s", strerror(errno));
	l->conns = xcalloc(l->opts.connections, sizeof(*l->conns));
	l->ready = xcalloc(l->opts.connections, sizeof(*l->ready));
	l->begin_us = load_now_us();
	l->end_us = l->opts.duration > 0
	    ? l->begin_us + (int64_t)(l->opts.duration * 1e6) : INT64_MAX;
	l->stop_us = l->begin_us + (int64_t)(l->opts.limit * 1e6);
	for (i = 0; i < l->opts.connections; i++) {
		l->conns[i].load = l;
		l->conns[i].fd = -1;
		l->conns[i].quota = l->opts.messages_set ||
		    l->opts.duration <= 0 ? l->opts.messages : UINT64_MAX;
		conn_connect(&l->conns[i]);
	}
	while (l->finished < l->opts.connections) {
		int64_t now = load_now_us();

		if (now >= l->stop_us) {
			load_cut(l);
			break;
		}
		load_start(l);
		if (now >= tick) {
			load_tick(l, now);
			tick = now + LOAD_TICK_US;
		}
		if (l->finished == l->opts.connections)
			break;
		load_turn(l, l->ready_len > 0 && l->opts.rate <= 0 &&
			l->issued < l->total && now < l->end_us &&
			l->opts.idle <= 0
			? 0 : load_pause(l, now, tick));
	}
	for (i = 0; i < l->opts.connections; i++) {
		buf_fini(&l->conns[i].in);
		buf_fini(&l->conns[i].out);
	}
	free(l->conns);
	free(l->ready);
	close(l->epfd);
	return l->stats.verdicts[LOAD_BROKEN] > 0 ||
	    (l->stats.broken > l->stats.retried) ? 1 : 0;
}
