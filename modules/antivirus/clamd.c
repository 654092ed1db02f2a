/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * clamd - the other back-end: a clamd at a socket, asked from the job pool.
 *
 * One connection a scan.  Where the socket is a local one a descriptor is
 * passed (FILDES), else the octets are (INSTREAM).  Every wait ends with the
 * deadline or when nobody wants the answer any more.
 */
#include "antivirus.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clamd_reply.h"
#include "wire.h"

#define TURN_MS 100
#define CONNECT_MS 5000
#define CHUNK (1u << 20)

/* One conversation, or one after the other for several files. */
struct clamd {
	struct antivirus *m;
	const struct weir_job *job;
	weir_jobctx *ctx; /* in the thread */
	const char *socket;
	enum av_method method;
	int64_t deadline_ms;
	bool version;
	uint32_t n;
	const struct av_piece *piece;
	struct av_piece one; /* piece, if it is one */
	struct av_result r;
	char line[sizeof(((struct antivirus *)0)->clamd_version)];
	av_backend_fn *fn;
	void *arg;
	struct clamd *next; /* that waits for a connection */
	weir_hold *hold;
};

/* clamd_wait - until the socket is ready; false: no time left */
static bool
clamd_wait(struct clamd *c, int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	while (c->m->host->mono_ms(c->m->self) < c->deadline_ms &&
	    !c->job->unwanted(c->ctx)) {
		int n = poll(&p, 1, TURN_MS);

		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
	errno = ETIMEDOUT;
	return false;
}

/* clamd_fail - with the system's reason; the socket goes */
static int
clamd_fail(struct clamd *c, const char *what, int fd)
{
	char why[AV_WHY_MAX + 1];

	snprintf(why, sizeof(why), "clamd at %.100s: %s: %s", c->socket, what,
	    strerror(errno));
	av_result_fail(&c->r, why);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* clamd_join - connect to one address */
static int
clamd_join(struct clamd *c, int family, const struct sockaddr *sa,
    socklen_t len)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error = 0;
	socklen_t size = sizeof(error);

	if (fd < 0)
		return clamd_fail(c, "socket", fd);
	if (connect(fd, sa, len) == 0)
		return fd;
	if ((errno != EINPROGRESS && errno != EAGAIN) ||
	    !clamd_wait(c, fd, POLLOUT))
		return clamd_fail(c, "connect", fd);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ||
	    error != 0) {
		errno = error;
		return clamd_fail(c, "connect", fd);
	}
	return fd;
}

/* clamd_inet - HOST:PORT, HOST an address: nothing is looked up for mail */
static int
clamd_inet(struct clamd *c, const char *text)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV }, *ai;
	char host[64];
	const char *colon = strrchr(text, ':'), *begin = text;
	size_t n = colon != NULL ? (size_t)(colon - text) : 0;
	int fd;

	if (n > 1 && text[0] == '[' && text[n - 1] == ']') {
		begin++;
		n -= 2;
	}
	if (n == 0 || n >= sizeof(host)) {
		errno = EINVAL;
		return clamd_fail(c, "address", -1);
	}
	memcpy(host, begin, n);
	host[n] = '\0';
	if (getaddrinfo(host, colon + 1, &hints, &ai) != 0) {
		errno = EINVAL;
		return clamd_fail(c, "address", -1);
	}
	fd = clamd_join(c, ai->ai_family, ai->ai_addr, ai->ai_addrlen);
	freeaddrinfo(ai);
	return fd;
}

/* clamd_connect - a connection, or -1 and r has failed */
static int
clamd_connect(struct clamd *c)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	if (strncmp(c->socket, "inet:", 5) == 0)
		return clamd_inet(c, c->socket + 5);
	if (strlen(c->socket + 5) >= sizeof(sa.sun_path)) {
		errno = ENAMETOOLONG;
		return clamd_fail(c, "connect", -1);
	}
	strcpy(sa.sun_path, c->socket + 5);
	return clamd_join(c, AF_UNIX, (struct sockaddr *)&sa, sizeof(sa));
}

/* clamd_send - all of it */
static bool
clamd_send(struct clamd *c, int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		if (n < 0 && !clamd_wait(c, fd, POLLOUT))
			return false;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return true;
}

/* clamd_chunk - octets of INSTREAM, with their length before them */
static bool
clamd_chunk(struct clamd *c, int fd, const void *data, size_t len)
{
	uint32_t n = htonl((uint32_t)len);

	return clamd_send(c, fd, &n, sizeof(n)) &&
	    clamd_send(c, fd, data, len);
}

/* clamd_stream - INSTREAM; an end by clamd is not ours: it may have said why */
static bool
clamd_stream(struct clamd *c, int fd, const struct av_piece *p)
{
	static const char zero[4];
	bool ok = clamd_send(c, fd, "zINSTREAM", 10);

	if (ok && p->mail)
		ok = clamd_chunk(c, fd, AV_MAIL_MARK,
		    sizeof(AV_MAIL_MARK) - 1);
	for (size_t at = 0; ok && at < p->data.len; at += CHUNK)
		ok = clamd_chunk(c, fd, p->data.ptr + at,
		    p->data.len - at < CHUNK ? p->data.len - at : CHUNK);
	ok = ok && clamd_send(c, fd, zero, sizeof(zero));
	return ok || errno == EPIPE || errno == ECONNRESET;
}

/* clamd_file - the octets as a descriptor, or -1 */
static int
clamd_file(const struct av_piece *p)
{
	weir_str data = p->data;
	int fd = memfd_create("weir-clamd", MFD_CLOEXEC);
	bool ok = fd >= 0;

	if (ok && p->mail)
		ok = write(fd, AV_MAIL_MARK, sizeof(AV_MAIL_MARK) - 1) ==
		    sizeof(AV_MAIL_MARK) - 1;
	while (ok && data.len > 0) {
		ssize_t n = write(fd, data.ptr, data.len);

		ok = n > 0;
		if (ok) {
			data.ptr += n;
			data.len -= (size_t)n;
		}
	}
	if (ok)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* clamd_pass - FILDES: the word, then an octet with the descriptor */
static bool
clamd_pass(struct clamd *c, int fd, const struct av_piece *p)
{
	int file = clamd_file(p);
	char octet = 0;
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct iovec iov = { &octet, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	bool ok;

	if (file < 0)
		return false;
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &file, sizeof(file));
	ok = clamd_send(c, fd, "zFILDES", 8) && clamd_wait(c, fd, POLLOUT) &&
	    sendmsg(fd, &m, MSG_NOSIGNAL) == 1;
	close(file);
	return ok;
}

/* clamd_receive - up to the end of the connection */
static bool
clamd_receive(struct clamd *c, int fd, char out[CLAMD_REPLY_MAX], size_t *len)
{
	*len = 0;
	while (*len < CLAMD_REPLY_MAX) {
		ssize_t n = recv(fd, out + *len, CLAMD_REPLY_MAX - *len,
		    MSG_DONTWAIT);

		if (n == 0 || (n < 0 && errno == ECONNRESET && *len > 0))
			return true;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		if (n < 0 && !clamd_wait(c, fd, POLLIN))
			return false;
		if (n > 0)
			*len += (size_t)n;
	}
	errno = EMSGSIZE;
	return false;
}

/* clamd_talk - one file, or the question for the version */
static void
clamd_talk(struct clamd *c, const struct av_piece *p)
{
	char reply[CLAMD_REPLY_MAX];
	bool pass = c->method == AV_METHOD_FILDES ||
	    (c->method == AV_METHOD_AUTO &&
		strncmp(c->socket, "unix:", 5) == 0);
	size_t len = 0;
	int fd = clamd_connect(c);
	bool ok;

	if (fd < 0)
		return;
	if (c->version)
		ok = clamd_send(c, fd, "zVERSION", 9);
	else if (pass)
		ok = clamd_pass(c, fd, p);
	else
		ok = clamd_stream(c, fd, p);
	if (!ok) {
		clamd_fail(c, "send", fd);
		return;
	}
	if (!clamd_receive(c, fd, reply, &len)) {
		clamd_fail(c, "receive", fd);
		return;
	}
	close(fd);
	if (!c->version)
		clamd_reply_read((weir_str) { reply, len }, &c->r);
	else if (len == 0 || len > sizeof(c->line) || reply[len - 1] != '\0')
		av_result_fail(&c->r, "clamd has no version");
	else
		memcpy(c->line, reply, len);
}

/* clamd_run - in the thread */
static int
clamd_run(weir_jobctx *ctx, void *arg)
{
	struct clamd *c = arg;
	const struct weir_host *host = c->m->host;
	int64_t begin = host->mono_ms(c->m->self);

	c->ctx = ctx;
	if (c->version)
		clamd_talk(c, NULL);
	for (uint32_t i = 0; i < c->n && !c->r.failed; i++) {
		if (c->piece[i].data.len > 0)
			clamd_talk(c, &c->piece[i]);
	}
	c->r.elapsed_us = (uint32_t)(host->mono_ms(c->m->self) - begin) * 1000;
	return WEIR_OK;
}

/* clamd_turn - the one that waits longest may go */
static void
clamd_turn(struct antivirus *m)
{
	struct clamd *c = m->clamd_queue;

	if (c == NULL)
		return;
	m->clamd_queue = c->next;
	c->m->host->release(c->hold, WEIR_OK);
	/* from now until it runs it counts as open */
	c->hold = NULL;
	m->clamd_open++;
}

/* clamd_done - on the loop; what the breaker does not believe is said once */
static void
clamd_done(weir_call *call, int status, void *arg)
{
	struct clamd *c = arg;
	struct antivirus *m = c->m;
	const char *tripped;
	char line[AV_NAME_MAX + 100];

	m->clamd_open--;
	clamd_turn(m);
	if (c->version && status == WEIR_OK && !c->r.failed)
		memcpy(m->clamd_version, c->line, sizeof(c->line));
	tripped = status == WEIR_OK && !c->version && m->breaker != NULL ?
	    breaker_apply(m->breaker, &c->r, m->host->mono_ms(m->self)) : NULL;
	if (tripped != NULL) {
		m->metric->add(m->self, m->metric_trips, 1);
		snprintf(line, sizeof(line), "signature %s is not believed "
		    "until the database changes: new, and hits too much",
		    tripped);
		m->host->log(m->self, call, WEIR_LOG_ERROR,
		    weir_str_of(line));
	}
	c->fn(call, status, status == WEIR_OK ? &c->r : NULL, c->arg);
	free(c);
}

/* clamd_new - one conversation to be */
static struct clamd *
clamd_new(struct antivirus *m, av_backend_fn *fn, void *arg)
{
	struct clamd *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->m = m;
	c->job = m->job;
	c->socket = m->host->conf_str(m->conf, OPT_CLAMD_SOCKET).ptr;
	c->method = (enum av_method)m->host->conf_int(m->conf,
	    OPT_CLAMD_METHOD);
	c->deadline_ms = m->host->mono_ms(m->self) + m->max_scan_ms +
	    CONNECT_MS;
	c->fn = fn;
	c->arg = arg;
	return c;
}

/* clamd_start - to the pool */
static int
clamd_start(struct clamd *c, weir_call *call)
{
	int status = c->m->job->start(call, clamd_run, clamd_done, c);

	if (status == WEIR_OK)
		c->m->clamd_open++;
	return status;
}

/* clamd_on_turn - a connection is free, or nobody waits any more */
static void
clamd_on_turn(weir_call *call, int status, void *arg)
{
	struct clamd *c = arg, **at = &c->m->clamd_queue;

	if (c->hold == NULL)
		c->m->clamd_open--;
	while (c->hold != NULL && *at != NULL && *at != c)
		at = &(*at)->next;
	if (c->hold != NULL && *at == c)
		*at = c->next;
	if (status == WEIR_OK)
		status = clamd_start(c, call);
	if (status == WEIR_OK)
		return;
	clamd_turn(c->m);
	c->fn(call, status, NULL, c->arg);
	free(c);
}

/* clamd_queue - until a connection is free */
static int
clamd_queue(struct clamd *c, weir_call *call)
{
	struct clamd **at = &c->m->clamd_queue;

	c->hold = c->m->host->hold(call, (uint32_t)c->m->max_scan_ms +
	    CONNECT_MS, clamd_on_turn, c);
	if (c->hold == NULL)
		return WEIR_E_NOMEM;
	while (*at != NULL)
		at = &(*at)->next;
	*at = c;
	return WEIR_OK;
}

/* av_clamd_scan - one connection for each file */
int
av_clamd_scan(struct antivirus *m, weir_call *call,
    const struct av_piece *piece, uint32_t n, av_backend_fn *fn, void *arg)
{
	struct clamd *c = clamd_new(m, fn, arg);
	int status;

	if (c == NULL)
		return WEIR_E_NOMEM;
	c->n = n;
	c->piece = piece;
	if (n == 1) {
		c->one = piece[0];
		c->piece = &c->one;
	}
	/* a clamd that hangs must not take all threads of the pool */
	status = m->clamd_open < (unsigned)m->host->conf_int(m->conf,
	    OPT_CLAMD_CONNECTIONS) ? clamd_start(c, call) :
				     clamd_queue(c, call);
	if (status < 0)
		free(c);
	return status;
}

/* av_clamd_version - who is there */
int
av_clamd_version(struct antivirus *m, weir_call *call, av_backend_fn *fn,
    void *arg)
{
	struct clamd *c = clamd_new(m, fn, arg);
	int status;

	if (c == NULL)
		return WEIR_E_NOMEM;
	c->version = true;
	status = clamd_start(c, call);
	if (status < 0)
		free(c);
	return status;
}
