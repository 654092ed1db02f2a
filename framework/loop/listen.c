/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loop/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

#define LISTEN_SEGMENT 4096
#define LISTEN_BACKLOG 1024
#define LISTEN_BATCH 32	     /* connections a round */
#define LISTEN_PAUSE_MS 100  /* when descriptors run out */
#define LISTEN_FDS_FIRST 3   /* sd_listen_fds(3) */
#define LISTEN_FDS_MAX 1000

/* listen_number - decimal digits up to max */
static bool
listen_number(const char *s, unsigned long max, unsigned long *out)
{
	unsigned long v = 0;

	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++) {
		if (!text_is_digit(*s))
			return false;
		v = v * 10 + (unsigned long)(*s - '0');
		if (v > max)
			return false;
	}
	*out = v;
	return true;
}

/* listen_parse_inet - "address:port" */
static int
listen_parse_inet(const char *text, struct listen_address *out,
    struct err *err)
{
	const char *colon = strrchr(text, ':');
	char host[INET_ADDRSTRLEN];
	unsigned long port;

	if (colon == NULL || !listen_number(colon + 1, 65535, &port))
		return err_set(err, WEIR_E_INVAL,
		    "\"inet:%s\" is not inet:ADDRESS:PORT", text);
	if ((size_t)(colon - text) >= sizeof(host))
		return err_set(err, WEIR_E_INVAL,
		    "\"inet:%s\": not an IPv4 address", text);
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	out->kind = LISTEN_INET;
	out->u.in.sin_family = AF_INET;
	out->u.in.sin_port = htons((uint16_t)port);
	if (inet_pton(AF_INET, host, &out->u.in.sin_addr) != 1)
		return err_set(err, WEIR_E_INVAL,
		    "\"%s\" is not an IPv4 address", host);
	return WEIR_OK;
}

/* listen_parse_inet6 - "[address]:port" */
static int
listen_parse_inet6(const char *text, struct listen_address *out,
    struct err *err)
{
	const char *end = strrchr(text, ']');
	char host[INET6_ADDRSTRLEN];
	unsigned long port;

	if (text[0] != '[' || end == NULL || end[1] != ':' ||
	    !listen_number(end + 2, 65535, &port))
		return err_set(err, WEIR_E_INVAL,
		    "\"inet6:%s\" is not inet6:[ADDRESS]:PORT", text);
	if ((size_t)(end - text - 1) >= sizeof(host))
		return err_set(err, WEIR_E_INVAL,
		    "\"inet6:%s\": not an IPv6 address", text);
	memcpy(host, text + 1, (size_t)(end - text - 1));
	host[end - text - 1] = '\0';
	out->kind = LISTEN_INET6;
	out->u.in6.sin6_family = AF_INET6;
	out->u.in6.sin6_port = htons((uint16_t)port);
	if (inet_pton(AF_INET6, host, &out->u.in6.sin6_addr) != 1)
		return err_set(err, WEIR_E_INVAL,
		    "\"%s\" is not an IPv6 address", host);
	return WEIR_OK;
}

/* listen_parse - an address as the configuration has it */
int
listen_parse(const char *text, struct listen_address *out, struct err *err)
{
	weir_str s = text_slice(text);

	memset(out, 0, sizeof(*out));
	if (text_has_prefix(s, "unix:")) {
		text += 5;
		if (text[0] != '/' || strlen(text) > LISTEN_PATH_MAX)
			return err_set(err, WEIR_E_INVAL,
			    "\"unix:%s\": an absolute path of at most %zu "
			    "characters is needed", text, LISTEN_PATH_MAX);
		out->kind = LISTEN_UNIX;
		memcpy(out->u.path, text, strlen(text) + 1);
		return WEIR_OK;
	}
	if (text_has_prefix(s, "inet:"))
		return listen_parse_inet(text + 5, out, err);
	if (text_has_prefix(s, "inet6:"))
		return listen_parse_inet6(text + 6, out, err);
	if (text_has_prefix(s, "systemd:")) {
		text += 8;
		if (text[0] == '\0' || strlen(text) > LISTEN_NAME_MAX ||
		    strchr(text, ':') != NULL)
			return err_set(err, WEIR_E_INVAL,
			    "\"systemd:%s\": not a socket's name", text);
		out->kind = LISTEN_SYSTEMD;
		memcpy(out->u.name, text, strlen(text) + 1);
		return WEIR_OK;
	}
	return err_set(err, WEIR_E_INVAL,
	    "\"%s\": an address begins with unix:, inet:, inet6: or systemd:",
	    text);
}

/* listen_owner - user name or number; -1 for NULL */
static int
listen_owner(const char *name, uid_t *out, struct err *err)
{
	unsigned long n;
	struct passwd *pw;

	*out = (uid_t)-1;
	if (name == NULL)
		return WEIR_OK;
	if (listen_number(name, UINT32_MAX - 1, &n)) {
		*out = (uid_t)n;
		return WEIR_OK;
	}
	pw = getpwnam(name);
	if (pw == NULL)
		return err_set(err, WEIR_E_NOTFOUND, "no user \"%s\"", name);
	*out = pw->pw_uid;
	return WEIR_OK;
}

/* listen_group - group name or number; -1 for NULL */
static int
listen_group(const char *name, gid_t *out, struct err *err)
{
	unsigned long n;
	struct group *gr;

	*out = (gid_t)-1;
	if (name == NULL)
		return WEIR_OK;
	if (listen_number(name, UINT32_MAX - 1, &n)) {
		*out = (gid_t)n;
		return WEIR_OK;
	}
	gr = getgrnam(name);
	if (gr == NULL)
		return err_set(err, WEIR_E_NOTFOUND, "no group \"%s\"", name);
	*out = gr->gr_gid;
	return WEIR_OK;
}

/* listen_unix_address - the path as a socket address */
static struct sockaddr_un
listen_unix_address(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	memcpy(sun.sun_path, path, strlen(path));
	return sun;
}

/* listen_unix_clear - make the path free, if what is there is a socket that
   nobody serves */
static int
listen_unix_clear(const char *path, struct err *err)
{
	struct sockaddr_un sun = listen_unix_address(path);
	struct stat st;
	int fd, e;

	if (lstat(path, &st) < 0) {
		if (errno == ENOENT)
			return WEIR_OK;
		return err_set(err, WEIR_E_TEMP, "%s: %s", path,
		    strerror(errno));
	}
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, WEIR_E_INVAL,
		    "%s exists and is not a socket", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(err, WEIR_E_TEMP, "socket: %s",
		    strerror(errno));
	e = connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0 ? 0 : errno;
	close(fd);
	/* only this says that it is a corpse: a full queue is EAGAIN */
	if (e != ECONNREFUSED && e != ENOENT)
		return err_set(err, WEIR_E_EXISTS,
		    "%s is in use by another process", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return err_set(err, WEIR_E_TEMP, "can't remove %s: %s", path,
		    strerror(errno));
	return WEIR_OK;
}

/* listen_perms_set - on the socket itself: its folder may be the worker's, who
   could lay a link to another's file in its place */
static int
listen_perms_set(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC), rc = -1, e;
	char self[40];
	struct stat st;

	if (fd < 0)
		return -1;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (fstat(fd, &st) == 0 && !S_ISSOCK(st.st_mode))
		errno = ENOTSOCK;
	else if ((uid == (uid_t)-1 && gid == (gid_t)-1) ||
	    fchownat(fd, "", uid, gid, AT_EMPTY_PATH) == 0)
		rc = chmod(self, mode);
	e = errno;
	close(fd);
	errno = e;
	return rc;
}

/* listen_perms_check - are owner and group known */
int
listen_perms_check(const struct listen_perm *perm, struct err *err)
{
	uid_t uid;
	gid_t gid;
	int status = listen_owner(perm->owner, &uid, err);

	return status < 0 ? status : listen_group(perm->group, &gid, err);
}

/* listen_perms - owner, group and mode of a path */
int
listen_perms(const char *path, const struct listen_perm *perm, struct err *err)
{
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	int status = listen_owner(perm->owner, &uid, err);

	if (status == WEIR_OK)
		status = listen_group(perm->group, &gid, err);
	if (status < 0)
		return status;
	if (listen_perms_set(path, uid, gid, perm->mode & 0777) < 0)
		return err_set(err, WEIR_E_TEMP, "can't set up %s: %s", path,
		    strerror(errno));
	return WEIR_OK;
}

/* listen_unix - bind a path; it never has a wider mode than asked for */
static int
listen_unix(const char *path, const struct listen_perm *perm, struct err *err)
{
	static const struct listen_perm own = { .mode = 0600 };
	struct sockaddr_un sun = listen_unix_address(path);
	int fd, status, e;
	mode_t old;

	if (perm == NULL)
		perm = &own;
	status = listen_unix_clear(path, err);
	if (status < 0)
		return status;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(err, WEIR_E_TEMP, "socket: %s",
		    strerror(errno));
	/* the owner's group gets its rights only when it is the right group */
	old = umask(0777 & ~(perm->mode & 0700));
	e = bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0 ? 0 : errno;
	umask(old);
	if (e != 0) {
		close(fd);
		return err_set(err, WEIR_E_TEMP, "can't bind %s: %s", path,
		    strerror(e));
	}
	status = listen_perms(path, perm, err);
	if (status == WEIR_OK && listen(fd, LISTEN_BACKLOG) < 0)
		status = err_set(err, WEIR_E_TEMP, "can't listen on %s: %s",
		    path, strerror(errno));
	if (status < 0) {
		unlink(path);
		close(fd);
		return status;
	}
	return fd;
}

/* listen_segment - tell peers to send segments of moderate size.  Postfix makes
   its buffers twice as large as a segment, anew for each message, and on
   loopback segments are so large that this costs more than all the filtering:
   a third of its processor time.  Of no effect on a real network. */
static void
listen_segment(int fd)
{
	int octets = LISTEN_SEGMENT;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &octets, sizeof(octets));
}

/* listen_inet - bind address and port */
static int
listen_inet(const struct listen_address *a, struct err *err)
{
	int family = a->kind == LISTEN_INET ? AF_INET : AF_INET6, one = 1, e;
	const struct sockaddr *sa = a->kind == LISTEN_INET ?
	    (const struct sockaddr *)&a->u.in :
	    (const struct sockaddr *)&a->u.in6;
	socklen_t len = a->kind == LISTEN_INET ? sizeof(a->u.in) :
						 sizeof(a->u.in6);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_set(err, WEIR_E_TEMP, "socket: %s",
		    strerror(errno));
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    (family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one,
		    sizeof(one)) < 0) ||
	    bind(fd, sa, len) < 0 || listen(fd, LISTEN_BACKLOG) < 0) {
		char host[INET6_ADDRSTRLEN] = "?";
		unsigned port = ntohs(family == AF_INET ? a->u.in.sin_port :
							  a->u.in6.sin6_port);

		e = errno;
		close(fd);
		inet_ntop(family,
		    family == AF_INET ? (const void *)&a->u.in.sin_addr :
					(const void *)&a->u.in6.sin6_addr,
		    host, sizeof(host));
		return err_set(err, e == EADDRINUSE ? WEIR_E_EXISTS :
						      WEIR_E_TEMP,
		    "can't listen on %s port %u: %s", host, port,
		    strerror(e));
	}
	listen_segment(fd);
	return fd;
}

/* listen_systemd_adopt - is it a stream socket that listens; make it ours */
static int
listen_systemd_adopt(int fd, const char *name, struct err *err)
{
	int v = 0;
	socklen_t len = sizeof(v);
	int flags;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &v, &len) < 0 ||
	    v != SOCK_STREAM ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &v, &len) < 0 || v == 0)
		return err_set(err, WEIR_E_INVAL,
		    "the socket \"%s\" of systemd is not a listening stream "
		    "socket", name);
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return err_set(err, WEIR_E_TEMP, "fcntl: %s",
		    strerror(errno));
	listen_segment(fd); /* a unix socket refuses it */
	return fd;
}

/* listen_systemd - find a passed descriptor by its name */
static int
listen_systemd(const char *name, struct err *err)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS"),
		   *p = getenv("LISTEN_FDNAMES");
	unsigned long n;

	if (pid == NULL || fds == NULL || p == NULL ||
	    !listen_number(pid, INT32_MAX, &n) || (pid_t)n != getpid() ||
	    !listen_number(fds, LISTEN_FDS_MAX, &n))
		return err_set(err, WEIR_E_NOTFOUND,
		    "systemd has passed no sockets (\"%s\" is wanted)", name);
	for (unsigned long i = 0; i < n; i++) {
		size_t len = strcspn(p, ":");

		if (len == strlen(name) && memcmp(p, name, len) == 0)
			return listen_systemd_adopt(LISTEN_FDS_FIRST + (int)i,
			    name, err);
		if (p[len] == '\0')
			break;
		p += len + 1;
	}
	return err_set(err, WEIR_E_NOTFOUND,
	    "systemd has passed no socket named \"%s\"", name);
}

/* listen_open - bind and listen */
int
listen_open(const struct listen_address *a, const struct listen_perm *perm,
    struct err *err)
{
	switch (a->kind) {
	case LISTEN_UNIX:
		return listen_unix(a->u.path, perm, err);
	case LISTEN_SYSTEMD:
		return listen_systemd(a->u.name, err);
	default:
		return listen_inet(a, err);
	}
}

/* listen_remove - take the path away */
void
listen_remove(const struct listen_address *a)
{
	if (a->kind == LISTEN_UNIX)
		unlink(a->u.path);
}

/* listen_on_io - take what waits, but let others have their turn */
static void
listen_on_io(struct loop_io *io, int events)
{
	struct listen *l = list_of(io, struct listen, io);

	(void)events;
	for (int i = 0; i < LISTEN_BATCH && l->fd >= 0; i++) {
		int fd = accept4(l->fd, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			l->fn(l, fd);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM) {
			/* the queue stays readable: without a pause the loop
			   would do nothing else */
			loop_io_stop(&l->io);
			loop_timer_start(&l->pause, LISTEN_PAUSE_MS);
		}
		return;
	}
}

/* listen_on_pause - try again */
static void
listen_on_pause(struct loop_timer *t)
{
	struct listen *l = list_of(t, struct listen, pause);

	loop_io_set(&l->io, l->fd, LOOP_READ);
}

/* listen_start - accept from now on */
void
listen_start(struct listen *l, int fd, listen_fn *fn)
{
	l->fd = fd;
	l->fn = fn;
	loop_io_init(&l->io, listen_on_io);
	loop_timer_init(&l->pause, listen_on_pause);
	loop_io_set(&l->io, fd, LOOP_READ);
}

/* listen_stop - accept no more */
void
listen_stop(struct listen *l)
{
	if (l->fd < 0)
		return;
	loop_io_stop(&l->io);
	loop_timer_stop(&l->pause);
	l->fd = -1;
}
