/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * command - weirctl quarantine ...: one order, carried out in a job.
 *
 * The words are read on the loop (filter.c), an op_*.c does the work and
 * writes its answer, the loop prints it.
 */
#ifndef MODULES_QUARANTINE_COMMAND_H
#define MODULES_QUARANTINE_COMMAND_H

#include <jansson.h>
#include <stdio.h>

#include "quarantine.h"

#define FILTER_WORDS 60
#define FILTER_WAIT 20u /* seconds; the daemon gives a command 30 */
#define FILTER_WAIT_MAX 25
#define FILTER_LIMIT 100
#define FILTER_LIMIT_MAX 2000 /* an answer within 100 ms */

/* What the words said. */
struct filter {
	const char *rcpt, *sender, *subject, *id;
	int class_; /* 0: any */
	int state;  /* enum item_state; 0: any */
	int64_t since_ms, until_ms; /* 0: open */
	bool has_min, has_max;
	double min, max; /* score */
	int64_t limit, offset;
	uint32_t wait_ms;
	bool raw, virus, again, check;
	const char *words[FILTER_WORDS]; /* the others */
	uint32_t nwords;
};

struct order;
typedef int order_fn(struct order *o);

/* What became of one item of an order. */
struct change {
	char id[64];
	const char *what;
	char text[SMTP_REPLY_MAX];
	bool failed;
	/* of what was learned from it; probabilities of spam, or negative */
	bool learned;
	double before, after;
	char rcpt[USER_MAX], sender[USER_MAX];
};

struct order {
	struct quarantine *q;
	order_fn *run;
	/* orders that talk to the next hop: they go on when nobody waits for
	   their answer any more */
	struct order *next;
	weir_hold *hold; /* of who waits; NULL: nobody */
	weir_jobctx *ctx;
	bool talks, over;
	struct change *changes; /* the first n_changes don't change any more */
	_Atomic uint32_t n_changes;
	char (*asked)[ID_LEN + 1]; /* op_release: "": not granted */
	uint32_t argc;
	char **argv;
	bool json;
	char who[40]; /* "uid:0" */
	struct filter filter;
	FILE *out, *err; /* into these two */
	char *out_text, *err_text;
	size_t out_len, err_len;
	struct learn *learn; /* released spam */
	unsigned learning; /* of it, under way */
	int status; /* meanwhile: of the talk */
	struct fault fault;
};

/* WEIR_E_INVAL and a word in f, also for options that usage does not show. */
int filter_read(struct filter *o, const char *usage, uint32_t argc,
    char *const *argv, int64_t now_ms, struct fault *f);
/* " WHERE ..." for table item, with what to bind; at most 12. */
struct filter_sql {
	char text[700];
	char types[16];
	union {
		const char *s;
		int64_t i;
		double d;
	} v[16];
	int n;
	char like[3][512]; /* patterns for parts of text */
	int nlike;
};
void filter_where(const struct filter *o, struct filter_sql *out);
int filter_bind(const struct filter_sql *w, sqlite3_stmt *st);

/* Text for a terminal: controls and broken UTF-8 as "?", at most width columns
   (0: all). */
void order_clean(FILE *out, const char *text, int width);
/* A JSON string of anything. */
json_t *order_text(const char *s);
/* Print and drop it, with a line end. */
void order_json(struct order *o, json_t *value);
/* "2025-01-31T10:00:00Z" */
void order_time(int64_t ms, char out[32]);

order_fn op_list, op_show, op_stats, op_audit;		/* op_look.c, op_show.c */
order_fn op_release, op_delete, op_forward;		/* op_change.c */
order_fn op_release_ask;
/* Write down what there is so far. */
void change_print(struct order *o);
/* learn_told of an order's */
void change_learned(struct order *o, const char *id, double before,
    double after);
order_fn op_purge, op_sync, op_repair;			/* op_care.c */
order_fn op_lists;					/* op_lists.c */

#endif
