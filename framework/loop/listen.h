/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * listen - sockets that wait for connections, and taking these from them.
 *
 *	unix:/run/weir/milter.sock	a path of at most LISTEN_PATH_MAX octets
 *	inet:127.0.0.1:10022		IPv4 address and port; port 0: any
 *	inet6:[::1]:10022		IPv6 only
 *	systemd:NAME			passed by systemd (LISTEN_FDNAMES)
 *
 * The master parses and opens; workers inherit the descriptors and call
 * listen_start.  Descriptors are non-blocking and close on exec.
 */
#ifndef WEIR_LOOP_LISTEN_H
#define WEIR_LOOP_LISTEN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

#include "base/err.h"
#include "loop/loop.h"

#define LISTEN_PATH_MAX (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)
#define LISTEN_NAME_MAX 64

enum listen_kind {
	LISTEN_UNIX,
	LISTEN_INET,
	LISTEN_INET6,
	LISTEN_SYSTEMD
};

struct listen_address {
	enum listen_kind kind;
	union {
		char path[LISTEN_PATH_MAX + 1];
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		char name[LISTEN_NAME_MAX + 1];
	} u;
};

/* Of a unix socket; the others have none. */
struct listen_perm {
	mode_t mode;
	const char *owner; /* name or number; NULL: as it comes */
	const char *group;
};

/* WEIR_E_INVAL says what is wrong with the text. [any] */
int listen_parse(const char *text, struct listen_address *out,
    struct err *err);
/* Bind and listen: a descriptor, or a negative status.  A unix socket that was
   left behind is removed, but nothing else, and not if somebody answers there.
   perm NULL: mode 0600. [main] */
int listen_open(const struct listen_address *a, const struct listen_perm *perm,
    struct err *err);
/* Give a unix socket's path its owner, group and mode. [main] */
/* Are there such an owner and group? */
int listen_perms_check(const struct listen_perm *perm, struct err *err);
int listen_perms(const char *path, const struct listen_perm *perm,
    struct err *err);
/* Remove a unix socket's path; nothing for the others. [main] */
void listen_remove(const struct listen_address *a);

struct listen;
/* fd is the connection, non-blocking and close-on-exec; the callee's. [loop] */
typedef void listen_fn(struct listen *l, int fd);

/* Embedded in the owner's struct. */
struct listen {
	struct loop_io io; /* private, as all here */
	struct loop_timer pause;
	int fd;
	listen_fn *fn;
};

/* Accept from fd until listen_stop.  When descriptors run out it pauses for a
   moment instead of spinning. [loop] */
void listen_start(struct listen *l, int fd, listen_fn *fn);
void listen_stop(struct listen *l); /* fd stays open: it is the caller's */

#endif
