/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * helper_client - a worker's connections to the processes of one helper.
 *
 * Each process listens on a socket that the master keeps open while the
 * process itself is being restarted: after its death the client connects
 * again and waits for its HELLO.  No socket there means that the helper is
 * benched: everything fails at once.
 *
 * What a helper sends is not trusted: anything unexpected ends the connection,
 * and it is opened again later and later.  A process is given at most twice as
 * many requests as it has threads, the rest waits here.
 */
#ifndef WEIR_WORK_HELPER_CLIENT_H
#define WEIR_WORK_HELPER_CLIENT_H

#include <stdint.h>

#include <weir/ext/remote.h>

#define HELPER_CLIENT_QUEUE 1000 /* requests that wait */

struct helper_client;
struct helper_ask;

/* response is borrowed. Never called from within helper_client_ask. [loop] */
typedef void helper_client_fn(int status, weir_str response, void *arg);

/* name is for the log; paths: one socket for each process, copied. */
struct helper_client *helper_client_create(const char *name,
    const char *const *paths, unsigned n);
/* Completes what is left with WEIR_E_CANCELLED. */
void helper_client_destroy(struct helper_client **client);

/* Ask; the result goes to fn, once.  fd: sent along and closed, if this
   succeeds; or -1.  deadline_ms: of clock_mono_ms.  key: see helper_poison.
   WEIR_E_LIMIT, WEIR_E_NOMEM, else WEIR_OK with *out, which is valid until fn
   or helper_client_cancel. [loop] */
int helper_client_ask(struct helper_client *client, weir_str request, int fd,
    int64_t deadline_ms, uint64_t key, helper_client_fn *fn, void *arg,
    struct helper_ask **out);
/* Nobody waits any more: fn is not called. [loop] */
void helper_client_cancel(struct helper_ask *ask);

/* Listen on, or connect to, a unix SOCK_SEQPACKET path of any length; the
   descriptor (not blocking, close on exec) or -1 with errno. */
int helper_client_socket(const char *path, bool listening);

#endif
