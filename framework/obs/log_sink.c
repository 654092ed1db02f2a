/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log_sink - where lines go, and the ring in which they wait.
 *
 * The ring is one flat piece of memory: lines are added behind, written from
 * the front, each ends with an octet that no line contains.  Streams get as
 * much as they take; a pipe gets whole lines of at most PIPE_BUF, which the
 * kernel does not mix with those of other workers; sockets get a datagram a
 * line.
 */
#include "obs/log_int.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "loop/loop.h"

#define LOG_SINK_RETRY_MS 1000
#define LOG_SINK_TURNS 256 /* writes in one flush; the loop has other work */

enum log_sink_kind { LOG_KIND_FILE, LOG_KIND_PIPE, LOG_KIND_STREAM,
	LOG_KIND_DGRAM };

static struct {
	enum log_sink_type type;
	enum log_sink_kind kind;
	int fd; /* -1: none for now */
	char path[256];
	char *ring;
	size_t off, len; /* octets from off to len wait */
	uint64_t lost;	 /* lines not yet told of */
	uint64_t lost_ever;
	uint64_t retry_ns; /* not before, 0: at once */
	bool attached;
	bool waiting; /* the loop watches for room */
	void (*fn)(void);
	struct loop_io io;
	struct loop_timer timer;
	struct loop_task task;
	struct loop_wake wake;
} log_sink = { .fd = -1 };

/* log_sink_socket - connect to a datagram socket; -1 if nobody is there */
static int
log_sink_socket(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t n = strlen(path);
	int fd;

	if (n >= sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(sun.sun_path, path, n);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

/* log_sink_stderr - a descriptor for standard error that does not block; the
   flag is set on an open file of our own, never on the one we share with the
   shell */
static int
log_sink_stderr(void)
{
	struct stat st;
	int fd = -1;

	if (fstat(STDERR_FILENO, &st) != 0)
		return -1;
	if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode))
		fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK |
			O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	return fd;
}

static uid_t log_sink_uid;
static gid_t log_sink_gid;

/* log_sink_owner - whose a file that root makes is to be */
void
log_sink_owner(uid_t uid, gid_t gid)
{
	log_sink_uid = uid;
	log_sink_gid = gid;
}

/* log_sink_file - open or make it.  The folder may be the workers': a link
   that they laid is not followed with root's rights */
static int
log_sink_file(const char *path)
{
	const int flags = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK |
	    O_CLOEXEC | O_NOCTTY;
	int fd = open(path, flags | O_NOFOLLOW, 0640);
	struct stat st;

	if (fd < 0 && errno == ELOOP && lstat(path, &st) == 0) {
		if (st.st_uid != 0 && st.st_uid != geteuid()) {
			errno = EACCES;
			return -1;
		}
		fd = open(path, flags, 0640);
	}
	if (fd >= 0 && geteuid() == 0 && log_sink_uid != 0 &&
	    fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0 &&
	    st.st_size == 0)
		(void)!fchown(fd, log_sink_uid, log_sink_gid);
	return fd;
}

/* log_sink_connect - a descriptor for the target, or -1 and errno */
static int
log_sink_connect(enum log_sink_type type, const char *path)
{
	switch (type) {
	case LOG_SINK_STDERR:
		return log_sink_stderr();
	case LOG_SINK_FILE:
		return log_sink_file(path);
	case LOG_SINK_SYSLOG:
	case LOG_SINK_JOURNAL:
		return log_sink_socket(path);
	}
	return -1;
}

/* log_sink_open - find out what the target is and open it */
int
log_sink_open(struct log_sink_open *out, const char *target, struct err *err)
{
	static const struct {
		const char *word;
		enum log_sink_type type;
		const char *path;
	} words[] = {
		{ "stderr", LOG_SINK_STDERR, "" },
		{ "syslog", LOG_SINK_SYSLOG, "/dev/log" },
		{ "journal", LOG_SINK_JOURNAL, "/run/systemd/journal/socket" },
		{ "file", LOG_SINK_FILE, NULL },
	};
	const char *colon = strchrnul(target, ':');
	weir_str word = { target, (size_t)(colon - target) };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const char *path = words[i].path;

		if (!text_equals(word, words[i].word))
			continue;
		if (*colon == ':' && words[i].type != LOG_SINK_STDERR)
			path = colon + 1;
		else if (*colon == ':')
			break;
		if (path == NULL || (path[0] != '/' && *colon == ':'))
			return err_set(err, WEIR_E_INVAL, "log target %s: a "
			    "path that begins with / must follow", target);
		if (strlen(path) >= sizeof(out->path))
			return err_set(err, WEIR_E_INVAL,
			    "log target %s: the path is too long", target);
		out->type = words[i].type;
		snprintf(out->path, sizeof(out->path), "%s", path);
		out->fd = log_sink_connect(out->type, path);
		if (out->fd < 0)
			return err_set(err, WEIR_E_TEMP, "log target %s: %s",
			    target, strerror(errno));
		return WEIR_OK;
	}
	return err_set(err, WEIR_E_INVAL, "log target %s: not one of stderr, "
	    "syslog, journal, file:/path", target);
}

/* log_sink_take - use this descriptor from now on */
static void
log_sink_take(int fd)
{
	struct stat st;

	log_sink.fd = fd;
	log_sink.retry_ns = 0;
	if (log_sink.type == LOG_SINK_SYSLOG ||
	    log_sink.type == LOG_SINK_JOURNAL)
		log_sink.kind = LOG_KIND_DGRAM;
	else if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))
		log_sink.kind = LOG_KIND_PIPE;
	else if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		log_sink.kind = LOG_KIND_FILE;
	else
		log_sink.kind = LOG_KIND_STREAM;
}

/* log_sink_hang_up - close the descriptor */
static void
log_sink_hang_up(void)
{
	if (log_sink.attached)
		loop_io_stop(&log_sink.io);
	log_sink.waiting = false;
	if (log_sink.fd >= 0)
		close(log_sink.fd);
	log_sink.fd = -1;
}

/* log_sink_use - change over; what waits in the ring had another form */
void
log_sink_use(const struct log_sink_open *sink)
{
	log_sink_close();
	log_sink.type = sink->type;
	memcpy(log_sink.path, sink->path, sizeof(log_sink.path));
	log_sink_take(sink->fd);
}

/* log_sink_close - forget the target and what waits */
void
log_sink_close(void)
{
	log_sink_hang_up();
	free(log_sink.ring);
	log_sink.ring = NULL;
	log_sink.off = log_sink.len = 0;
	log_sink.lost = 0;
	log_sink.type = LOG_SINK_STDERR;
	log_sink.path[0] = '\0';
	log_sink.retry_ns = 0;
}

/* log_sink_reopen - the file at the path may be another one now */
int
log_sink_reopen(struct err *err)
{
	int fd;

	if (log_sink.type == LOG_SINK_STDERR)
		return WEIR_OK;
	fd = log_sink_connect(log_sink.type, log_sink.path);
	if (fd < 0)
		return err_set(err, WEIR_E_TEMP, "%s: %s", log_sink.path,
		    strerror(errno));
	log_sink_hang_up();
	log_sink_take(fd);
	return WEIR_OK;
}

/* log_sink_type_now - what kind of target is in use */
enum log_sink_type
log_sink_type_now(void)
{
	return log_sink.type;
}

/* log_sink_end - the octet that ends a line in the ring */
static char
log_sink_end(void)
{
	return log_sink.type == LOG_SINK_SYSLOG ||
		log_sink.type == LOG_SINK_JOURNAL ? '\0' : '\n';
}

/* log_sink_put - queue a line, or count it as lost */
void
log_sink_put(const char *line, size_t len)
{
	if (log_sink.ring == NULL)
		log_sink.ring = xmalloc(LOG_RING_MAX);
	if (log_sink.off == log_sink.len) {
		log_sink.off = log_sink.len = 0;
	} else if (log_sink.len + len + 1 > LOG_RING_MAX &&
	    log_sink.off >= LOG_RING_MAX / 4) {
		/* only when much is won: a target that hardly moves must not
		   cost a megabyte's copy for every line */
		log_sink.len -= log_sink.off;
		memmove(log_sink.ring, log_sink.ring + log_sink.off,
		    log_sink.len);
		log_sink.off = 0;
	}
	if (log_sink.len + len + 1 > LOG_RING_MAX) {
		log_sink.lost++;
		log_sink.lost_ever++;
		return;
	}
	memcpy(log_sink.ring + log_sink.len, line, len);
	log_sink.len += len;
	log_sink.ring[log_sink.len++] = log_sink_end();
}

/* log_sink_chunk - how much of what waits is written at once */
static size_t
log_sink_chunk(void)
{
	const char *p = log_sink.ring + log_sink.off, *end;
	size_t n = log_sink.len - log_sink.off;

	if (log_sink.kind == LOG_KIND_DGRAM) {
		end = memchr(p, '\0', n);
		return (size_t)(end - p);
	}
	if (log_sink.kind == LOG_KIND_FILE || n <= PIPE_BUF)
		return n;
	end = memrchr(p, '\n', PIPE_BUF);
	if (end == NULL)
		end = memchr(p, '\n', n);
	return end != NULL ? (size_t)(end - p) + 1 : n;
}

/* log_sink_write - one attempt: octets taken from the ring, or -1 and errno */
static ssize_t
log_sink_write(size_t n)
{
	const char *p = log_sink.ring + log_sink.off;
	struct pollfd pfd = { .fd = log_sink.fd, .events = POLLOUT };
	ssize_t sent;

	if (log_sink.kind == LOG_KIND_DGRAM) {
		sent = send(log_sink.fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno == EMSGSIZE) {
			log_sink.lost++;
			log_sink.lost_ever++;
			return (ssize_t)n + 1;
		}
		return sent < 0 ? -1 : (ssize_t)n + 1;
	}
	if (log_sink.type != LOG_SINK_STDERR || log_sink.kind == LOG_KIND_FILE)
		return write(log_sink.fd, p, n);
	/* standard error may be a socket, or a terminal that could not be
	   opened again */
	sent = send(log_sink.fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent >= 0 || errno != ENOTSOCK)
		return sent;
	if (poll(&pfd, 1, 0) != 1) {
		errno = EAGAIN;
		return -1;
	}
	return write(log_sink.fd, p, n);
}

/* log_sink_failed - the target took nothing: when to try again */
static void
log_sink_failed(int error)
{
	bool again = error == EAGAIN || error == EWOULDBLOCK;

	if (!again && error != ENOBUFS && log_sink.kind != LOG_KIND_FILE &&
	    log_sink.type != LOG_SINK_STDERR)
		log_sink_hang_up();
	if (!again) {
		log_sink.retry_ns = clock_mono_ns() +
		    LOG_SINK_RETRY_MS * 1000000ull;
		if (log_sink.attached) {
			loop_io_stop(&log_sink.io);
			loop_timer_start(&log_sink.timer, LOG_SINK_RETRY_MS);
		}
	} else if (log_sink.attached) {
		loop_io_set(&log_sink.io, log_sink.fd, LOOP_WRITE);
	}
	log_sink.waiting = log_sink.attached;
}

/* log_sink_ready - have we a descriptor to write to */
static bool
log_sink_ready(void)
{
	int fd;

	if (log_sink.retry_ns != 0 && clock_mono_ns() < log_sink.retry_ns)
		return false;
	if (log_sink.fd < 0) {
		fd = log_sink_connect(log_sink.type, log_sink.path);
		if (fd < 0) {
			log_sink_failed(errno);
			return false;
		}
		log_sink_take(fd);
	}
	return true;
}

/* log_sink_flush - write what can be written now */
void
log_sink_flush(void)
{
	bool renewed = false;
	int turns = 0;
	ssize_t n;

	if (log_sink.off == log_sink.len || !log_sink_ready())
		return;
	while (log_sink.off < log_sink.len && turns++ < LOG_SINK_TURNS) {
		n = log_sink_write(log_sink_chunk());
		if (n > 0) {
			log_sink.off += (size_t)n;
			log_sink.retry_ns = 0;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		/* a collector that was restarted: connect again at once */
		if (n < 0 && log_sink.kind == LOG_KIND_DGRAM && !renewed &&
		    (errno == ECONNREFUSED || errno == ENOTCONN)) {
			renewed = true;
			log_sink_hang_up();
			if (log_sink_ready())
				continue;
			return;
		}
		log_sink_failed(n < 0 ? errno : EIO);
		return;
	}
	if (log_sink.attached && log_sink.off < log_sink.len) {
		log_sink_failed(EAGAIN);
	} else if (log_sink.attached && log_sink.waiting) {
		loop_io_stop(&log_sink.io);
		loop_timer_stop(&log_sink.timer);
		log_sink.waiting = false;
	}
}

/* log_sink_drain - flush, and wait a little for a slow target */
void
log_sink_drain(int ms)
{
	uint64_t end = clock_mono_ns() + (uint64_t)ms * 1000000u;
	struct pollfd pfd = { .events = POLLOUT };

	for (;;) {
		uint64_t now;

		log_sink_flush();
		now = clock_mono_ns();
		if (log_sink.off == log_sink.len || now >= end ||
		    log_sink.fd < 0 || log_sink.retry_ns != 0)
			return;
		pfd.fd = log_sink.fd;
		if (poll(&pfd, 1, (int)((end - now) / 1000000u) + 1) <= 0)
			return;
	}
}

/* log_sink_recovered - lost lines to tell of, once there is room again */
uint64_t
log_sink_recovered(void)
{
	uint64_t n = log_sink.lost;

	if (n == 0 || log_sink.len - log_sink.off > LOG_RING_MAX / 2)
		return 0;
	log_sink.lost = 0;
	return n;
}

/* log_sink_dropped - lost lines ever */
uint64_t
log_sink_dropped(void)
{
	return log_sink.lost_ever;
}

/* log_sink_forked - the parent writes what waits; its loop is not ours */
void
log_sink_forked(void)
{
	log_sink.off = log_sink.len = 0;
	log_sink.lost = log_sink.lost_ever = 0;
	log_sink.attached = log_sink.waiting = false;
	log_sink.retry_ns = 0;
}

/* log_sink_on_io - there may be room */
static void
log_sink_on_io(struct loop_io *io, int events)
{
	(void)io;
	(void)events;
	log_sink.fn();
}

/* log_sink_on_timer - try a broken target again */
static void
log_sink_on_timer(struct loop_timer *t)
{
	(void)t;
	log_sink.fn();
}

/* log_sink_on_task - write what this round of the loop has logged */
static void
log_sink_on_task(struct loop_task *task)
{
	(void)task;
	log_sink.fn();
}

/* log_sink_on_wake - another thread has logged */
static void
log_sink_on_wake(struct loop_wake *w)
{
	(void)w;
	log_sink.fn();
}

/* log_sink_attach - let the loop call fn when a flush is due */
void
log_sink_attach(void (*fn)(void))
{
	log_sink.fn = fn;
	loop_io_init(&log_sink.io, log_sink_on_io);
	loop_timer_init(&log_sink.timer, log_sink_on_timer);
	loop_task_init(&log_sink.task, log_sink_on_task);
	loop_wake_init(&log_sink.wake, log_sink_on_wake);
	log_sink.attached = true;
	log_sink_want_flush();
}

/* log_sink_detach - the loop is about to go */
void
log_sink_detach(void)
{
	if (!log_sink.attached)
		return;
	loop_io_stop(&log_sink.io);
	loop_timer_stop(&log_sink.timer);
	loop_task_cancel(&log_sink.task);
	loop_wake_fini(&log_sink.wake);
	log_sink.attached = log_sink.waiting = false;
}

/* log_sink_is_attached - does a loop flush */
bool
log_sink_is_attached(void)
{
	return log_sink.attached;
}

/* log_sink_want_flush - before the loop sleeps, or wake it up */
void
log_sink_want_flush(void)
{
	if (log_sink.waiting)
		return;
	if (loop_is_thread())
		loop_defer(&log_sink.task);
	else
		loop_wake_send(&log_sink.wake);
}

/* log_sink_crash - write once what waits; only calls that a signal handler may
   make */
void
log_sink_crash(void)
{
	log_sink.attached = false;
	log_sink.waiting = false;
	if (log_sink.fd >= 0 && log_sink.ring != NULL)
		log_sink_flush();
}
