/* SPDX-License-Identifier: GPL-2.0-or-later */
/* action - what the files of the module share. */
#ifndef ACTION_ACTION_H
#define ACTION_ACTION_H

#include "macros.h"

/* Rows of the option table, and of a header section. */
enum {
	OPT_REJECT,
	OPT_TEMPFAIL,
	OPT_DISCARD,
	OPT_QUARANTINE,
	OPT_ADD_HEADER,
	OPT_EARLY,
	OPT_REJECT_TEXT,
	OPT_TEMPFAIL_TEXT,
	OPT_SUBJECT_PREFIX,
	OPT_SUBJECT_SCORE,
	OPT_HEADERS,
	OPT_HEADER,
	OPT_AUTHRES,
	OPT_AUTHSERV_ID
};
enum {
	HEADER_OPT_VALUE,
	HEADER_OPT_WHEN
};

/* When a header is written: choices of `when`. */
enum mark_when {
	MARK_ALWAYS,
	MARK_SPAM,
	MARK_UNSCANNED
};

/* A header that we may write; copies that came with the mail go. */
struct mark {
	char *name;
	char *value; /* with macros */
	enum mark_when when;
};

/* What becomes of a recipient: the value of the fact action.result. */
enum action_result {
	ACTION_NONE,
	ACTION_MARK,
	ACTION_QUARANTINE,
	ACTION_DISCARD,
	ACTION_TEMPFAIL,
	ACTION_REJECT,
	ACTION_RESULTS
};

struct action {
	const struct weir_host *host;
	weir_self *self;
	const struct weir_edit *edit;
	const struct weir_metric *metric;
	const struct weir_mime *mime;
	double limits[ACTION_RESULTS]; /* score from which on; 0: never */
	double subject_score;
	char *reject_text, *tempfail_text, *subject_prefix, *authserv_id;
	bool early, authres;
	struct mark *marks;
	uint32_t nmarks;
	int metric_result[ACTION_RESULTS];
	int metric_forged;
	int64_t complained; /* mono: last word about refused edits */
};

/* values.c: the macros of one message, as one recipient may see them */
struct values {
	const struct action *a;
	weir_call *call;
	uint32_t rcpt; /* or WEIR_RCPT_NONE */
	double score;
	char text[4096]; /* the value made last */
};
void values_init(struct values *v, const struct action *a, weir_call *call,
    uint32_t rcpt, double score);
weir_str values_get(enum macros_name name, void *values);
/* An attribute or a fact, or the empty slice. */
weir_str values_attr(const struct action *a, weir_call *call, uint32_t attr,
    uint32_t rcpt);
weir_str values_fact(const struct action *a, weir_call *call,
    const char *key);

/* decide.c */
int decide_rcpt(void *state, weir_call *call, uint32_t rcpt);
int decide_eom(void *state, weir_call *call);
/* What the site's limits say about a score. */
enum action_result decide_result(const struct action *a, double score);

/* mark.c: act.eom */
int mark_eom(void *state, weir_call *call);

/* subject.c: put the prefix in front of each Subject, once */
int subject_prefix(struct action *a, weir_call *call, struct values *v);

#endif
