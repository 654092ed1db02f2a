/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fakehost - a host for one module, for unit tests.
 *
 * It implements struct weir_host and the extension tables over lists in
 * memory: DNS answers are scripted, the store is a sorted array, the clock
 * turns only by hand, and everything that the module states is recorded.
 * Completions are queued and delivered by fakehost_run(), never inside the
 * function that starts them.  What the contract forbids (a verdict in
 * collect, an edit outside act, a handle that outlived its call) is answered
 * as the real host would answer it.  One module, one session, one message at
 * a time; strings that come out live until the host is destroyed, the message
 * ends, or the same thing is recorded anew.
 */
#ifndef TESTS_LIB_FAKEHOST_H
#define TESTS_LIB_FAKEHOST_H

#include <weir/weir.h>

struct fakehost;

/* A recorded finding. */
struct fakehost_finding {
	char *symbol;
	char *module;
	char *reason;
	uint32_t rcpt;
	double score;
};

/* A recorded verdict. */
struct fakehost_verdict {
	uint32_t action;
	uint32_t scope;
	uint32_t rcpt;
	uint32_t smtp_code;
	char *enhanced;
	char *text;
};

/*
 * Read conf and call the module's create().  conf is lines of `name = value`
 * (list items split at commas) and sections `name title {` ... `}`.
 * fakehost_status tells what create answered.
 */
struct fakehost *fakehost_create(const struct weir_module *module,
    const char *conf);
int fakehost_status(const struct fakehost *f);
/* Ends the session, cancels what is open, destroys the module. */
void fakehost_destroy(struct fakehost **f);

/* The clock, in milliseconds; it starts at FAKEHOST_EPOCH.  advance fires
   timers on its way; set steps the wall clock alone. */
#define FAKEHOST_EPOCH INT64_C(1700000000000)
int64_t fakehost_now(const struct fakehost *f);
void fakehost_advance(struct fakehost *f, int64_t ms);
void fakehost_clock_set(struct fakehost *f, int64_t wall_ms);

/* Sessions and messages.  A begin ends what was there. NULL: unset. */
void fakehost_session(struct fakehost *f, const char *addr, const char *name);
void fakehost_message(struct fakehost *f, const char *sender);
uint32_t fakehost_rcpt(struct fakehost *f, const char *address);
void fakehost_rcpt_refuse(struct fakehost *f, uint32_t rcpt);
void fakehost_attr(struct fakehost *f, uint32_t attr, const char *value);
void fakehost_header(struct fakehost *f, const char *name, const char *value);
void fakehost_link(struct fakehost *f, const char *url);
void fakehost_fact(struct fakehost *f, uint32_t rcpt, const char *key,
    const char *value);
void fakehost_score(struct fakehost *f, const char *symbol, uint32_t rcpt,
    double score, const char *reason);
void fakehost_unscanned(struct fakehost *f, const char *module,
    const char *reason);
/* Networks by name; list is "10.0.0.0/8, ::1". */
void fakehost_networks(struct fakehost *f, const char *name, const char *list);

/* Script an answer: data is split at blanks, TXT at line feeds ("MX" data as
   "10:host").  What is not scripted is NXDOMAIN.  Later lines win. */
void fakehost_dns(struct fakehost *f, const char *name, uint16_t type,
    int status, const char *data);
/* Every name below this suffix that has no line of its own. */
void fakehost_dns_below(struct fakehost *f, const char *suffix, uint16_t type,
    int status, const char *data);
/* Questions so far, of this name or (NULL) in all. */
uint32_t fakehost_dns_asked(const struct fakehost *f, const char *name);
/* The timeout_ms of the last question of this name. */
uint32_t fakehost_dns_timeout(const struct fakehost *f, const char *name);
/* mime.header_decode of exactly this raw value. */
void fakehost_decode(struct fakehost *f, const char *raw, const char *text);

/* The store: WEIR_OK, or the status with which everything completes. */
void fakehost_store_status(struct fakehost *f, int status);
uint32_t fakehost_store_count(struct fakehost *f);
/* Borrowed; NULL if there is no live entry.  ttl_ms may be NULL. */
const char *fakehost_store_get(struct fakehost *f, const char *key,
    int64_t *ttl_ms);
void fakehost_store_put(struct fakehost *f, const char *key,
    const char *value, int64_t ttl_ms);
/* The next add() finds that another worker has just put this. */
void fakehost_store_race(struct fakehost *f, const char *value);
/* Edits answer this status instead of being recorded. */
void fakehost_edit_status(struct fakehost *f, int status);

/* Run one callback; open() leaves its completions queued, call() delivers
   them.  Both answer what the callback returned, 0 if the module has none. */
int fakehost_open(struct fakehost *f, uint32_t phase, uint32_t stage,
    uint32_t rcpt);
int fakehost_call(struct fakehost *f, uint32_t phase, uint32_t stage,
    uint32_t rcpt);
/* Deliver what is due. */
void fakehost_run(struct fakehost *f);
/* Deliver everything as WEIR_E_CANCELLED; the calls are closed before. */
void fakehost_cancel(struct fakehost *f);
/* `weirctl MODULE line`: blanks split arguments, '...' keeps them. */
int fakehost_command(struct fakehost *f, const char *line, bool json);
const char *fakehost_output(const struct fakehost *f);

/* What the module stated.  NULL or 0 when there is none. */
uint32_t fakehost_finding_count(const struct fakehost *f);
const struct fakehost_finding *fakehost_finding_at(const struct fakehost *f,
    uint32_t index);
const struct fakehost_finding *fakehost_finding_of(const struct fakehost *f,
    const char *symbol);
/* The strongest one for this recipient. */
const struct fakehost_verdict *fakehost_verdict(const struct fakehost *f,
    uint32_t rcpt);
const char *fakehost_fact_of(const struct fakehost *f, uint32_t rcpt,
    const char *key);
/* The reason of the last fail(). */
const char *fakehost_failed(const struct fakehost *f);
/* "insert 0 Name: value", "add Name: value", "change Name 1: value",
   "delete Name 2": in the order of the requests. */
uint32_t fakehost_edit_count(const struct fakehost *f);
const char *fakehost_edit_at(const struct fakehost *f, uint32_t index);
/* The first edit that begins so. */
const char *fakehost_edit_of(const struct fakehost *f, const char *begin);
/* -1: no such metric. */
int64_t fakehost_metric(const struct fakehost *f, const char *name,
    const char *labels);
/* Lines of at most this level (WEIR_LOG_*) that contain text. */
uint32_t fakehost_logged(const struct fakehost *f, int level,
    const char *text);

#endif
