/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rbl - what the files of the module share.
 *
 * GLOSSARY
 *   zone     one list, a domain that is asked below
 *   kind     what a zone is asked about
 *   subject  an address or a name that zones are asked about
 *   hit      a zone's answer that means listed
 */
#ifndef RBL_RBL_H
#define RBL_RBL_H

#include "code.h"
#include "name.h"

/* Rows of the option table, and of a zone section. */
enum {
	OPT_ENABLED,
	OPT_BREAKER,
	OPT_ZONE
};
enum {
	ZONE_OPT_KIND,
	ZONE_OPT_CODES,
	ZONE_OPT_SCORE,
	ZONE_OPT_ALLOW,
	ZONE_OPT_TIMEOUT,
	ZONE_OPT_TEST,
	ZONE_OPT_ENABLED
};

/* Rows of the symbol table; the kinds come first and in their order. */
enum {
	KIND_CLIENT,
	KIND_HELO,
	KIND_SENDER,
	KIND_RDNS,
	KIND_URI,
	KINDS,
	SYMBOL_ALLOWED = KINDS
};
#define KIND_BIT(kind) (1u << (kind))

enum zone_state {
	ZONE_UNTESTED,	/* answers count as soon as its first test is good */
	ZONE_UP,
	ZONE_FAILING,	/* its last test was bad: not asked */
	ZONE_SUSPENDED	/* it listed too many clients: not asked */
};

/* Distinct clients that a zone was asked about in the present window. */
#define WINDOW_SLOTS 1024
struct window {
	int64_t began; /* mono */
	uint32_t distinct;
	uint32_t listed;
	bool suspect; /* the window before it had nearly all listed */
	uint64_t clients[WINDOW_SLOTS]; /* 0: free */
};

struct zone {
	char name[NAME_SIZE];
	unsigned int kinds; /* KIND_BIT */
	struct code *codes;
	uint32_t ncodes;
	double score;
	bool allow, test, enabled;
	uint32_t timeout_ms;
	enum zone_state state;
	char why[160];	    /* why it is off */
	uint32_t missed;    /* tests without answer in a row */
	bool testing;	    /* a test of the timer is under way */
	int64_t tested;	    /* wall; 0: never */
	int64_t next_test;  /* mono */
	int64_t until;	    /* mono: end of a suspension */
	int64_t alarmed;    /* mono: last alarm about an unknown answer */
	uint64_t asked, listed, unknown, silent;
	struct window *window; /* client lists only */
	int metric_asked, metric_listed, metric_unknown, metric_silent;
	int metric_down;
};

struct rbl {
	const struct weir_host *host;
	weir_self *self;
	const struct weir_dns *dns;
	const struct weir_mime *mime;
	const struct weir_metric *metric;
	const struct weir_control *control;
	struct zone *zones;
	uint32_t nzones;
	unsigned int kinds; /* of all enabled zones */
	int64_t breaker;    /* percent, 0: off */
};

/* What an answer says. */
enum zone_answer {
	ZONE_LISTED,
	ZONE_NOT_LISTED,
	ZONE_UNKNOWN,	/* an answer that the codes do not name */
	ZONE_SILENT	/* no answer, or a broken one */
};

/* zone.c: options [main], answers [loop] */
int zone_load(struct rbl *r, const weir_conf *conf);
void zone_free(struct rbl *r);
/* The query name; false if it would be too long. */
bool zone_query_name(const struct zone *z, const struct subject *s,
    char out[NAME_SIZE]);
/* addr_out: the answer that decided (0 if none); score_out: its score, below
   zero for allow lists. Counts, and raises the hourly alarm. */
enum zone_answer zone_judge(struct rbl *r, struct zone *z,
    const struct weir_dns_answer *a, uint32_t *addr_out, double *score_out);
const char *zone_state_name(enum zone_state state);
const char *kind_name(unsigned int kind);
/* Format a log line. */
__attribute__((format(printf, 4, 5)))
void rbl_log(struct rbl *r, weir_call *call, int level, const char *format,
    ...);

/* health.c: tests and the breaker [loop] */
typedef void health_fn(weir_call *, void *arg);
/* Test a zone in this call; done runs once when its state is settled.
   Negative: nothing was started. */
int health_test(struct rbl *r, struct zone *z, weir_call *call, health_fn *done,
    void *arg);
/* Start the periodic tests. [main] */
int health_start(struct rbl *r);
/* A client list has given a definite answer about this address. */
void health_seen(struct rbl *r, struct zone *z, const struct subject *s,
    bool listed);

/* check.c: the stages */
int check_connect(void *state, weir_call *call);
int check_helo(void *state, weir_call *call);
int check_mail(void *state, weir_call *call);
int check_eom(void *state, weir_call *call);

/* batch.c: ask zones about subjects, side by side */
#define BATCH_SUBJECTS 20
struct hit {
	struct hit *next;
	const struct zone *zone;
	unsigned int kind;
	uint32_t subject;
	uint32_t addr;
	double score;
};
struct batch {
	struct rbl *r;
	void (*done)(struct batch *, weir_call *);
	struct hit *hits;	/* of zones that are up */
	uint32_t wanted, ran;	/* questions; those with a definite answer */
	const struct zone *off; /* a zone that could not be asked */
	uint32_t pending;
	uint32_t nsubjects;
	unsigned int kinds[BATCH_SUBJECTS];
	bool block_only[BATCH_SUBJECTS]; /* not proven: no allow lists */
	struct subject subjects[BATCH_SUBJECTS];
	struct query *queries;
};
struct batch *batch_create(struct rbl *r,
    void (*done)(struct batch *, weir_call *));
/* Another subject; NULL when it is full. */
struct subject *batch_subject(struct batch *b, unsigned int kind);
/* Ask.  done runs when all is answered; the batch is freed after it. */
void batch_start(struct batch *b, weir_call *call);

/* command.c [main] */
int command_register(struct rbl *r);

#endif
