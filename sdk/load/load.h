/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load - weir-load: many mail sessions at once, from one epoll thread.
 *
 * GLOSSARY
 *   mail      a message to send: header fields and body, made up or read
 *   message   one transaction: a milter message, or a policy request
 *   session   one connection to the filter, carrying several messages
 *   script    a mail laid out as the packets of the milter protocol, cut
 *             after each packet that must be answered
 *
 * RULES: a protocol (milter.c, policy.c) never closes a connection itself; it
 * says what happened with conn_ready, conn_done or conn_broken, and the driver
 * (load.c) decides what the session does next.  Everything is one thread.
 */
#ifndef WEIR_LOAD_H
#define WEIR_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/buf.h"

#define LOAD_ID_LEN 19		/* "0badcafe-0000000001" */
#define LOAD_NAME_MAX 256

enum load_verdict {
	LOAD_ACCEPT,
	LOAD_REJECT,
	LOAD_TEMPFAIL,
	LOAD_DISCARD,
	LOAD_QUARANTINE,
	LOAD_PREPEND, /* policy only: accepted with a header */
	LOAD_BROKEN,  /* no verdict: the session broke, tries are used up */
	LOAD_VERDICTS
};

/* A message source: header fields as the milter protocol wants them. */
struct mail_field {
	char *name;
	char *value; /* folded lines split by LF, with the leading space */
};

struct mail {
	struct mail_field *fields;
	size_t field_count;
	char *body; /* CRLF line ends */
	size_t body_len;
};

/* What the command line asks for. */
struct load_opts {
	const char *address;
	bool policy;
	unsigned connections;
	uint64_t messages;    /* per connection; 0: only the session */
	bool messages_set;
	double duration;      /* seconds; 0: until the messages are sent */
	double rate;	      /* messages a second in all; 0: closed loop */
	size_t size;
	unsigned recipients;
	const char *helo, *client, *client_name, *from, *rcpt;
	unsigned version;
	bool no_reply, skip, split, macros, json;
	unsigned reconnect;   /* messages per connection; 0: one connection */
	unsigned retry;	      /* tries after a broken session */
	uint64_t triplets;    /* policy: how many different ones */
	double idle;	      /* seconds to hold the sessions open */
	double timeout;	      /* seconds for a reply */
	double limit;	      /* seconds for the whole run */
	uint32_t seed;
	const char *ledger;
};

/* Latencies in microseconds, 32 steps per power of two (3 %). */
#define STATS_STEPS 32
#define STATS_BUCKETS (40 * STATS_STEPS)
#define STATS_REASONS 16

struct stats {
	uint64_t verdicts[LOAD_VERDICTS];
	uint64_t messages, sessions, broken, retried, edits, refused_rcpts;
	uint64_t octets_out, octets_in, progress;
	uint64_t buckets[STATS_BUCKETS];
	int64_t latency_max;
	char reasons[STATS_REASONS][96]; /* why sessions broke */
	uint64_t reason_counts[STATS_REASONS];
	unsigned reason_used;
};

enum conn_state {
	CONN_CLOSED,
	CONN_OPENING, /* negotiation, connect, helo */
	CONN_READY,   /* between messages */
	CONN_BUSY,    /* a message is on its way */
	CONN_FINISHED /* nothing left to do */
};

struct load;

struct conn {
	struct load *load;
	enum conn_state state;
	int fd;
	bool writable_wanted;
	bool queued;	   /* stands in load->ready */
	bool renew;	   /* connect again at once */
	bool has_message;  /* begun, no verdict yet; survives a retry */
	struct buf in, out;
	int64_t wait_us;   /* since when a reply is awaited; 0: none is */
	int64_t start_us;  /* when the message began, or should have */
	int64_t retry_us;  /* reconnect not before */
	uint64_t quota;	   /* messages left; UINT64_MAX: no limit */
	unsigned in_session; /* messages sent on this connection */
	unsigned tries;	   /* broken tries of the present message */
	uint64_t number;   /* of the present message */
	char id[LOAD_ID_LEN + 1];
	unsigned edits;	   /* of the present message */
	/* milter */
	struct script *script;
	size_t seg;	   /* the segment whose answer is awaited */
	uint32_t actions, protocol;
	unsigned version, refused;
	bool negotiated, quarantined, all_accepted, all_refused;
	enum load_verdict refusal;
	/* policy */
	unsigned asked;
};

struct load_proto {
	/* The connection stands. */
	void (*open)(struct conn *);
	/* Begin the message; the driver has set id and number. */
	void (*start)(struct conn *);
	/* Octets came: use up what is complete. */
	void (*input)(struct conn *);
	/* The session ends in good order: send the farewell. */
	void (*finish)(struct conn *);
};

struct load {
	struct load_opts opts;
	const struct load_proto *proto;
	struct sockaddr_storage addr;
	socklen_t addr_len;
	struct mail *mails;
	size_t mail_count;
	struct conn *conns;
	struct conn **ready; /* idle sessions, a ring */
	size_t ready_head, ready_len;
	int epfd;
	uint64_t issued, total; /* total: UINT64_MAX without a limit */
	unsigned finished;
	int64_t begin_us, end_us; /* end: no message starts after it */
	int64_t stop_us;	  /* the run is cut here */
	int64_t first_us, last_us; /* first message begun, last one done */
	uint32_t random;
	FILE *ledger;
	struct stats stats;
};

/* load.c - the driver */
int load_run(struct load *l); /* 0, or 1 after any broken session */
int64_t load_now_us(void);
uint32_t load_random(struct load *l);
void conn_flush(struct conn *c);  /* send what is in out */
void conn_wait(struct conn *c);   /* a reply is awaited from now */
void conn_ready(struct conn *c);  /* the session can take a message */
void conn_done(struct conn *c, enum load_verdict verdict, const char *text,
    size_t len);
void conn_broken(struct conn *c, const char *reason);

/* mail.c - what is sent */
void mail_make(struct mail *m, size_t size, uint32_t seed);
int mail_read(struct mail *m, const char *path); /* 0, or -1 with errno */

/* milter.c, policy.c */
extern const struct load_proto milter_proto;
extern const struct load_proto policy_proto;

/* stats.c */
void stats_latency(struct stats *s, int64_t us);
void stats_reason(struct stats *s, const char *reason);
void stats_print(const struct load *l, FILE *fp);
const char *verdict_name(enum load_verdict v);

#endif
