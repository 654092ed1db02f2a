/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * helper_serve - the inside of a helper process: connections, requests,
 * threads.
 *
 * The main thread reads requests and watches over their time; the helper's
 * threads run them in the order of arrival and send the responses themselves.
 * A worker that breaks the protocol or does not read loses its connection.
 */
#ifndef WEIR_WORK_HELPER_SERVE_H
#define WEIR_WORK_HELPER_SERVE_H

#include <weir/ext/remote.h>

#define HELPER_SERVE_CONNS 256
#define HELPER_SERVE_GRACE_MS 2000 /* beyond a request's deadline */
#define HELPER_EXIT_HUNG 3	   /* a request did not return in time */
#define HELPER_EXIT_RESTART 75	   /* EX_TEMPFAIL: it wants a new process */

struct helper_serve {
	const struct weir_helper *table;
	void *state;
	uint32_t threads; /* 0: as many as the table says */
	int listener; /* SOCK_SEQPACKET, not blocking */
	int control;  /* its end means: no more than what is under way */
	void (*tick)(void); /* four times a second under work; or NULL */
};

/* Serve until control and all connections have ended; 0 or a status for
   exit, after which threads may still run: leave with _exit. */
int helper_serve(const struct helper_serve *config);

/* struct weir_helper_host's functions about a request */
int helper_serve_respond(weir_request *request, const void *data, size_t len);
uint32_t helper_serve_left_ms(weir_request *request);

#endif
