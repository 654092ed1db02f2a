/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conn - one connection of a front-end: octets in, octets out, patience.
 *
 * The protocol (struct conn_kind) gets what was read and takes complete
 * packets from it in place; only an incomplete rest is kept, on the heap, and
 * freed when it is complete.  What the protocol says while one piece of input
 * is worked on goes out with one write.  While the pipeline works on something
 * (conn_pause) nothing is taken; reading goes on up to CONN_HOLD octets, so
 * that the peer's going away is seen, then it stops.
 *
 * A connection with fd -1 has no socket and no patience: conn_feed is its
 * input, what it says goes to conn_sink (tests, fuzzing).
 *
 * The protocol never frees its connection: it calls conn_end, and conn.c calls
 * kind->release when nothing of it is on the stack any more. [loop]
 */
#ifndef WEIR_FRONT_CONN_H
#define WEIR_FRONT_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "front/front.h"
#include "loop/loop.h"
#include "obs/log.h"

#define CONN_READ (128 * 1024) /* at once */
#define CONN_HOLD (64 * 1024)  /* taken ahead while paused */

struct conn;

struct conn_kind {
	const char *name;
	/* Take complete packets; the octets taken. */
	size_t (*feed)(struct conn *c, char *data, size_t len);
	/* Paused, and this comes next: does it end the waiting? */
	void (*ahead)(struct conn *c, char *data, size_t len);
	/* The run that we waited for has finished. */
	void (*resume)(struct conn *c);
	/* The peer closed its side; what is held is still there. */
	void (*eof)(struct conn *c);
	/* How long may it be silent now, in ms; partial: in the middle of a
	   packet. */
	int64_t (*patience)(const struct conn *c, bool partial);
	/* The process is to end. */
	void (*drain)(struct conn *c);
	/* Free it and all that it has. */
	void (*release)(struct conn *c);
};

struct conn {
	struct list node; /* all of the process */
	const struct conn_kind *kind;
	const struct front_listener *listener;
	struct loop_io io;
	struct loop_timer timer; /* lazy: looks at active_ms when it fires */
	struct loop_task task;	 /* resume */
	int fd;
	bool tcp;
	bool paused;
	bool eof;
	bool ending; /* close as soon as all is written */
	bool broken; /* close now */
	bool said;    /* something was written in this turn */
	int64_t active_ms;
	struct buf in;	 /* not yet taken */
	struct buf out;	 /* not yet written */
	size_t budgeted; /* of in, from base/budget.h */
};

extern struct buf *conn_sink; /* NULL: nowhere */

/* Begin; the owner's struct was zeroed. */
void conn_open(struct conn *c, const struct conn_kind *kind, int fd,
    const struct front_listener *listener);
/* Input without a socket.  false: the connection has ended and is freed. */
bool conn_feed(struct conn *c, const char *data, size_t len);

/* For the protocol. */
struct buf *conn_out(struct conn *c); /* append what is to be said */
void conn_pause(struct conn *c);
/* The wait is over; kind->resume is called soon, not now. */
void conn_resume(struct conn *c);
/* The wait is over and nothing is to be said to it. */
void conn_unpause(struct conn *c);
/* Something that is no input has to be said: between these, conn_out may be
   used from a timer's callback. */
void conn_enter(struct conn *c);
bool conn_leave(struct conn *c); /* false: it is gone */
void conn_end(struct conn *c);	 /* close when all is said */
void conn_break(struct conn *c); /* close at once */
/* One line about this peer; s: its session or NULL. */
void conn_log(struct conn *c, int level, enum log_event_id event,
    const struct session *s, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* for front.c */
void conn_drain_all(void);
void conn_break_all(void);
unsigned conn_count(void);
/* Their number has changed: are there too many to take more?  (front.c) */
void front_check_full(void);
bool conn_is_draining(void);

#endif
