/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * notes - what modules said about a session or a message.
 *
 *   finding    an observation with a score
 *   fact       a key and a value that others may read
 *   opinion    a verdict that somebody stated
 *   unscanned  a check that did not run
 *
 * A session and each of its messages have their own notes, kept in their
 * pools.  Notes of a shadow module are kept for the record but count nowhere.
 * What is the mail's own fault is bounded: beyond NOTES_MAX of a kind findings
 * of one symbol are added up and a module's verdicts on one thing merged, so
 * that nothing can be hidden behind many; facts and unscanned are refused.
 * Facts about single recipients have a limit of their own: with many of these
 * a mail must not be able to keep facts about itself out.
 */
#ifndef WEIR_MAIL_NOTES_H
#define WEIR_MAIL_NOTES_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/types.h>
#include <weir/verdict.h>

#define NOTES_MAX 1000
#define NOTES_RCPT_FACTS 5000 /* of single recipients, all together */

struct module;
struct pool;

struct finding {
	struct finding *next;
	const struct module *module;
	const char *symbol;
	uint32_t rcpt; /* or WEIR_RCPT_NONE */
	uint8_t stage;
	bool shadow;
	double score; /* as weighed; a shadow's is kept, not counted */
	weir_str reason;
};

struct fact {
	struct fact *next;
	const struct module *module;
	uint32_t rcpt;
	uint8_t stage;
	bool shadow;
	char *key;
	weir_str value;
};

struct opinion {
	struct opinion *next;
	const struct module *module; /* NULL: the host itself */
	uint32_t action;	     /* enum weir_action */
	uint32_t scope;
	uint32_t rcpt;
	uint32_t smtp_code; /* 0: default for the action */
	uint8_t stage;
	bool shadow;
	const char *enhanced; /* or NULL */
	const char *text;     /* or NULL; checked UTF-8 without controls but \n */
};

struct unscanned {
	struct unscanned *next;
	const struct module *module;
	int status;
	uint8_t stage;
	bool shadow;
	weir_str reason;
};

struct notes {
	struct finding *findings, **findings_end;
	struct fact *facts;
	struct opinion *opinions, **opinions_end;
	struct unscanned *unscanned, **unscanned_end;
	uint32_t nfindings, nfacts, nrcpt_facts, nopinions, nunscanned;
	bool accepted; /* somebody said ACCEPT for all of it */
};

void notes_init(struct notes *n);
/* Each copies into the pool; WEIR_E_LIMIT when there are too many facts or
   unscanned. */
int notes_finding(struct notes *n, struct pool *pool,
    const struct finding *in);
int notes_fact(struct notes *n, struct pool *pool, const struct fact *in);
int notes_opinion(struct notes *n, struct pool *pool,
    const struct opinion *in);
int notes_unscanned(struct notes *n, struct pool *pool,
    const struct unscanned *in);
/* Drop findings, opinions and unscanned of this stage. */
void notes_forget(struct notes *n, int stage);
/* The fact that `reader` may see, or NULL; rcpt WEIR_RCPT_NONE: the message's
   own. */
const struct fact *notes_fact_find(const struct notes *n,
    const struct module *reader, uint32_t rcpt, const char *key);

#endif
