/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * front - what the protocol front-ends give the worker.
 *
 * A front-end takes a connection from a listener, speaks its protocol, fills
 * session and message (mail/), runs the stages (pipe/run.h) and says what came
 * out.  Each connection lives until the peer closes it, breaks the protocol or
 * is silent for too long.  Everything here is [loop].
 */
#ifndef WEIR_FRONT_FRONT_H
#define WEIR_FRONT_FRONT_H

#include <stdbool.h>
#include <stdint.h>

#include "loop/listen.h"
#include "mail/session.h"

/* One listener; outlives its connections and their sessions. */
struct front_listener {
	const char *name;      /* in the configuration */
	const char *direction; /* "in", "out" or "auto" */
	bool no_reply;	 /* milter: use the no-reply flags; false only for
			    an MTA that gets them wrong */
	bool all_events; /* milter: ask for every event, wanted or not */
	bool accept_ok;	 /* policy: ACCEPT is said as OK, which ends the MTA's
			    own restrictions, instead of DUNNO */
	int fd;
	struct session_front front; /* protocol, name, direction again */
	struct listen listen;
	struct front_listener *next; /* of those that take connections */
};

struct front_limits {
	int64_t command_ms; /* what the MTA alone decides: the next packet of a
			       header, the rest of a packet */
	int64_t idle_ms;    /* what the MTA's client decides: the next command */
	int64_t progress_ms; /* milter: a sign of life while eom runs */
	int64_t instance_ms; /* policy: a transaction without a request ends */
	unsigned sessions; /* connections at a time, 0: no limit; more wait in
			      the kernel's queue, where another worker may
			      take them */
};

/* Set the limits; NULL: the defaults (5 min, 1 h, 10 s, 1 min, 0). */
void front_limits_set(const struct front_limits *limits);
const struct front_limits *front_limits(void);

/* Serve a connection: a stream socket, non-blocking, taken over. */
void front_milter_accept(int fd, const struct front_listener *l);
void front_policy_accept(int fd, const struct front_listener *l);

/* Take connections from l->fd by protocol (l->front.protocol). */
void front_listen_start(struct front_listener *l);
void front_listen_stop(struct front_listener *l);

/* This process is to end.  Policy connections close after the answer that is
   on its way (the MTA connects again); milter connections go on, since an MTA
   that loses one refuses the mail: they last until their sessions end or until
   front_close_all. */
void front_drain(void);
/* Close what is left; open messages are given up, the MTA retries. */
void front_close_all(void);
unsigned front_count(void); /* open connections */

#endif
