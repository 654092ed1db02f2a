/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * quarantine - the module's state and its parts.
 *
 *	mod_quarantine.c  options, descriptor, start
 *	act.c             a verdict is carried out; what is answered in the end
 *	mail.c            from a mail to a struct keep
 *	batch.c           copies become durable, many in one commit
 *	comeback.c        released mail comes back with its token
 *	score.c           allow and block lists
 *	tick.c            periodic work
 *	command.c, op_*.c weirctl
 *
 * Below these, without a host: store.h, keep.h, release.h, care.h, lists.h.
 */
#ifndef MODULES_QUARANTINE_QUARANTINE_H
#define MODULES_QUARANTINE_QUARANTINE_H

#include <weir/ext/control.h>
#include <weir/ext/edit.h>
#include <weir/ext/job.h>
#include <weir/ext/metric.h>
#include <weir/ext/mime.h>
#include <weir/ext/service.h>
#include <weir/ext/timer.h>
#include <weir/inline.h>
#include <weir/service/learn.h>
#include <weir/service/quarantine.h>
#include <weir/weir.h>

#include "care.h"
#include "keep.h"
#include "lists.h"
#include "release.h"
#include "store.h"

enum quarantine_option {
	OPT_RETENTION_SPAM,
	OPT_RETENTION_VIRUS,
	OPT_RETENTION_ATTACHMENT,
	OPT_RETENTION_AUDIT,
	OPT_MAX_TOTAL,
	OPT_MAX_RECIPIENT,
	OPT_MAX_MESSAGE,
	OPT_MAILDIR,
	OPT_IMAP_DELETE,
	OPT_IMAP_VIRUS,
	OPT_NEXT_HOP,
	OPT_HELO,
	OPT_TLS,
	OPT_TLS_CA,
	OPT_TLS_NAME,
	OPT_RELEASE_TIMEOUT,
	OPT_ANSWER_TIMEOUT,
	OPT_TOKEN,
	OPT_TOKEN_LIFETIME,
	OPT_LEARN,
	OPT_LISTS,
	OPT_INTERVAL
};

enum quarantine_symbol { SYMBOL_ALLOW, SYMBOL_BLOCK };

struct quarantine;

/* One copy on its way: a call of ours or of another module waits for it. */
struct batch_one {
	struct batch_one *next;
	struct quarantine *q;
	struct keep *keep;
	weir_hold *hold;
	bool left; /* its call has been given up */
	bool in_commit, committed;
	/* [loop], exactly once: status and keep->rcpts[].id */
	void (*done)(weir_call *, int status, struct keep *k, void *arg);
	void *arg;
};

struct quarantine {
	const struct weir_host *host;
	weir_self *self;
	const weir_conf *conf;
	const struct weir_job *job;
	const struct weir_timer *timer;
	const struct weir_metric *metric;
	const struct weir_control *control;
	const struct weir_edit *edit;
	const struct weir_mime *mime;
	const struct weir_service *service;
	const struct weir_learn *learn;
	void *learn_state;
	struct store *store;
	struct care_conf care;
	struct release_conf release;
	struct smtp_tls *tls;
	/* command.c: orders that talk to the next hop */
	struct order *talking_first, **talking_end;
	unsigned talking;
	bool lists, want_learn;
	/* batch.c */
	struct batch_one *waiting, **waiting_end, *committing;
	struct keep_note *notes, **notes_end, *notes_committing;
	bool commit_runs, commit_ran;
	/* service.c: of messages that have not ended yet */
	struct service_kept *originals;
	/* tick.c */
	bool repaired;
	bool told_links;
	bool trouble; /* the last periodic work failed: said once */
	int64_t warned_ms;
	int metric_kept[CLASSES], metric_failed, metric_released,
	    metric_adopted, metric_time;
};

/* words.c: text of an attribute, or "". */
weir_str quarantine_attr(const struct quarantine *q, weir_call *call,
    uint32_t attr, uint32_t rcpt);
void quarantine_log(const struct quarantine *q, weir_call *call, int level,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* A copy in lower case, to be freed. */
char *quarantine_lower(weir_str s);

/* act.c */
int act_eom(void *state, weir_call *call);
void act_end(void *state, weir_call *call);

/* mail.c: what is kept of a mail beside its octets, for these recipients */
struct keep *mail_keep(const struct quarantine *q, weir_call *call,
    const uint32_t *rcpts, uint32_t n);

/* batch.c: keep is taken over; a negative status: done does not run. */
int batch_start(struct quarantine *q, weir_call *call, struct keep *keep,
    void (*done)(weir_call *, int status, struct keep *, void *arg),
    void *arg);
void batch_note(struct quarantine *q, enum keep_end end, const char *id,
    const char *nonce);
void batch_tick(weir_call *call, int status, void *arg);
void batch_fini(struct quarantine *q);

/* comeback.c */
int comeback_eoh(void *state, weir_call *call);
/* In act at eom: true: it is one; *status is for the callback. */
bool comeback_eom(struct quarantine *q, weir_call *call, int *status);
void comeback_end(struct quarantine *q, weir_call *call);

/* score.c */
int score_rcpt(void *state, weir_call *call, uint32_t rcpt);
int score_eom(void *state, weir_call *call);

/* tick.c */
void tick_care(weir_call *call, int status, void *arg);

/* learn.c: tell a classifier what was released */
struct learn; /* a list of mails, with their octets */
/* What became of one: probabilities of spam, negative if not known. [loop] */
typedef void learn_told(void *arg, const char *id, int status, double before,
    double after);
/* Find the module that learns, if it is wanted. [loop] */
void learn_find(struct quarantine *q);
/* Put an item's mail into the list, if it is one to learn from. [any] */
void learn_read(struct quarantine *q, const struct item *i,
    struct learn **list);
/* Hand all of them over, in the caller's call, and empty the list.  Returns how
   many: so often told runs, never before this returns; NULL: only the log is
   told. [loop] */
unsigned learn_ham(struct quarantine *q, weir_call *call, struct learn **list,
    learn_told *told, void *arg);
void learn_free(struct learn **list);

/* service.c: what was kept for others of a message, by its decision id */
struct service_kept {
	struct service_kept *next;
	uint32_t rcpt;
	bool adopted;
	char id[ID_LEN + 1];
	char decision[32];
};
/* Those of this message, in a list of the caller's. */
struct service_kept *service_take(struct quarantine *q, weir_call *call);
const char *service_id(const struct quarantine *q, weir_call *call,
    uint32_t rcpt);
extern const struct weir_quarantine service_table;

/* command.c */
int command_register(struct quarantine *q);

#endif
