/* SPDX-License-Identifier: GPL-2.0-or-later */
/* greylist - what the files of the module share. */
#ifndef GREYLIST_GREYLIST_H
#define GREYLIST_GREYLIST_H

#include "learn.h"
#include "record.h"
#include "tuple.h"

/* Rows of the option table. */
enum {
	OPT_ENABLED,
	OPT_DELAY,
	OPT_RETRY_WINDOW,
	OPT_LIFETIME,
	OPT_MASK4,
	OPT_MASK6,
	OPT_GREYLIST6,
	OPT_SPF_PASS,
	OPT_LEARN_AFTER,
	OPT_LEARN_GAP,
	OPT_ONLY_SUSPICIOUS,
	OPT_MIN_SCORE,
	OPT_EXEMPT_MX,
	OPT_EXCLUDE_CLIENTS,
	OPT_EXCLUDE_NAMES,
	OPT_EXCLUDE_SENDERS,
	OPT_EXCLUDE_RECIPIENTS
};

/* Choices of spf_pass. */
enum {
	SPF_PASS_SKIP,
	SPF_PASS_KEY
};

/* What became of a recipient: the value of the fact greylist.state. */
enum greylist_state {
	GREYLIST_OUTBOUND,
	GREYLIST_INTERNAL,
	GREYLIST_AUTHENTICATED,
	GREYLIST_EXCLUDED,
	GREYLIST_NO_ADDRESS,
	GREYLIST_IPV6,
	GREYLIST_SPF,
	GREYLIST_TRUSTED,
	GREYLIST_MX,
	GREYLIST_KNOWN,
	GREYLIST_PASSED,
	GREYLIST_NEW,
	GREYLIST_EARLY,
	GREYLIST_FAILED,
	GREYLIST_STATES
};

struct greylist {
	const struct weir_host *host;
	weir_self *self;
	const weir_conf *conf;
	const struct weir_dns *dns;
	const struct weir_store *store;
	const struct weir_metric *metric;
	const struct weir_control *control;
	struct record_times times;
	struct learn_rule learn;
	int mask4, mask6;
	int metric_state[GREYLIST_STATES]; /* ids */
	int metric_delay;
};

/* One recipient on its way; lives in the message's memory. */
struct check {
	struct greylist *g;
	uint32_t rcpt;
	uint32_t pending; /* store reads or DNS answers that are missing */
	int status;	  /* first trouble with the store, or 0 */
	bool null_sender;
	bool have_record;
	bool unreadable;  /* a value of the store that is none of ours */
	bool have_learn;
	bool mx_asked;
	bool mx_match;
	struct record record;
	struct learn learn;
	char identity[TUPLE_IDENTITY_SIZE];
	char key[TUPLE_KEY_SIZE];
	char domain[254]; /* the recipient's, for the MX question */
};

/* check.c: decide.rcpt */
int check_rcpt(void *state, weir_call *call, uint32_t rcpt);
/* What follows from what is known now; mx.c comes back here. */
void check_judge(struct check *c, weir_call *call);

/* mx.c: does the client belong to the MX hosts of the recipient's domain?
   Sets mx_asked and mx_match, then calls check_judge.  False if nothing could
   be asked: mx_asked is set, go on. */
bool mx_start(struct check *c, weir_call *call);

/* exclude.c: is this recipient's mail excluded by the site's lists? */
bool exclude_match(const struct greylist *g, weir_call *call, uint32_t rcpt);

/* command.c: register the commands. [main] */
int command_register(struct greylist *g);

/* An attribute, or the empty slice. */
weir_str greylist_attr(const struct greylist *g, weir_call *call,
    uint32_t attr, uint32_t rcpt);
/* The best identity of this client ("" if it has no IP address). */
void greylist_identity(const struct greylist *g, weir_call *call,
    uint32_t rcpt, char *out, size_t size);

#endif
