/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bayes - shared by the files of the module. */
#ifndef BAYES_BAYES_H
#define BAYES_BAYES_H

#include <pthread.h>

#include <weir/ext/control.h>
#include <weir/ext/job.h>
#include <weir/ext/metric.h>
#include <weir/ext/mime.h>
#include <weir/ext/service.h>
#include <weir/ext/timer.h>
#include <weir/inline.h>
#include <weir/service/learn.h>
#include <weir/weir.h>

#include "db.h"
#include "score.h"
#include "token.h"

enum {
	OPT_DATABASE,
	OPT_SIZE,
	OPT_SPAM,
	OPT_HAM,
	OPT_MIN_SPAM,
	OPT_MIN_HAM,
	OPT_SCOPE,
	OPT_AUTOLEARN,
	OPT_AUTOLEARN_SPAM,
	OPT_AUTOLEARN_HAM,
	OPT_EXPIRE,
	OPT_SKIP
};

enum {
	SYM_SPAM_SURE,
	SYM_SPAM,
	SYM_UNSURE,
	SYM_HAM,
	SYM_HAM_SURE,
	SYM_GTUBE
};

enum bayes_scope { SCOPE_SITE, SCOPE_DOMAIN, SCOPE_USER };

#define BAYES_SPARES 8 /* sets of tokens that are kept for the next mail */

struct bayes {
	const struct weir_host *host;
	weir_self *self;
	const struct weir_job *job;
	const struct weir_mime *mime;
	const struct weir_metric *metric;
	const struct weir_control *control;
	const struct weir_service *service;
	const struct weir_timer *timer;

	char *dir;
	size_t size; /* of the database */
	double spam, ham;
	uint64_t min_spam, min_ham;
	enum bayes_scope scope;
	bool autolearn;
	double autolearn_spam, autolearn_ham;
	unsigned expire_days;
	uint32_t skip; /* groups of tokens */

	/* readers of db hold it; who opens or closes it holds it alone */
	pthread_rwlock_t db_lock;
	struct db *db;
	int64_t db_looked_ms; /* mono */
	bool offline;	      /* this is weirctl: set nothing aside */

	pthread_mutex_t lock;
	struct tokens *spare[BAYES_SPARES]; /* under lock */

	struct lesson *queue;  /* loop only: to be learned */
	bool learning;	       /* loop only: a job learns */

	int metric_class[3];   /* spam, ham, unsure */
	int metric_untrained, metric_learned, metric_failed, metric_alarm;
	int metric_time;
};

/* What a message was found to be. */
struct verdict {
	struct score score;
	struct db_totals totals;
	char scope[DB_SCOPE_MAX + 1]; /* whose database was asked */
	bool trained;
};

/* bayes.c [any] */
/* A set of tokens to read into, and back. */
struct tokens *bayes_tokens(struct bayes *b);
void bayes_tokens_done(struct bayes *b, struct tokens *t);
/* store.c [any] */
/* The database, opened when first needed.  After WEIR_OK it stays open until
   store_done; a status of E_INTERNAL given there sets it aside. */
int store_use(struct bayes *b, bool create, struct db **out,
    char err[DB_ERR]);
void store_done(struct bayes *b, int status, const char *why);

/* Today, in days since 1970. */
unsigned bayes_today(const struct bayes *b);
/* The scopes of an address: "" alone, or with domain or user. */
void bayes_scope_of(const struct bayes *b, weir_str address,
    char out[DB_SCOPE_MAX + 1]);
/* Classify what is in t: by the first scope that is trained. */
int bayes_judge(struct bayes *b, const char *scope, const struct tokens *t,
    struct verdict *out, char err[DB_ERR]);
/* Learn what is in t (DB_NONE: forget it) for the site and, if it is not
   empty, for a scope; WEIR_E_EXISTS: nothing changed. */
int bayes_teach(struct bayes *b, const char *scope, const struct tokens *t,
    enum db_class class_, char err[DB_ERR]);
/* Hashes of t by group, so those of the way last; groups: how many of each. */
void bayes_keys(const struct tokens *t, uint64_t *keys,
    uint16_t groups[TOKEN_GROUPS]);

/* check.c [loop] */
int check_eom(void *state, weir_call *call);
int check_act(void *state, weir_call *call);

/* learn.c */
extern const struct weir_learn learn_table;
/* Learn it some time soon; keys are copied. [loop] */
int learn_later(struct bayes *b, enum db_class class_, const char *scope,
    const uint64_t id[2], const uint64_t *keys, uint32_t n,
    const uint16_t groups[TOKEN_GROUPS]);
void learn_fini(struct bayes *b);
/* Periodic: forget old tokens. [loop] */
void learn_expire(weir_call *call, int status, void *arg);

/* command.c [main] */
int command_register(struct bayes *b);

#endif
