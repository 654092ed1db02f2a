/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spf - what the files of the module share. */
#ifndef SPF_SPF_H
#define SPF_SPF_H

#include "cross.h"
#include "eval.h"
#include "options.h"

/* What a result entails: choices of the options fail, softfail ... */
enum spf_action {
	SPF_ACTION_NONE,
	SPF_ACTION_FINDING,
	SPF_ACTION_TEMPFAIL,
	SPF_ACTION_REJECT
};
#define SPF_ACTION_CHOICES "none|finding|tempfail|reject"

/* Rows of the symbol table; the first ones are enum spf_result. */
enum {
	SYMBOL_HELO_FAIL = SPF_RESULTS,
	SYMBOL_OVERRIDE
};

/* What became of a cross-check. */
enum spf_cross_end {
	SPF_CROSS_AGREES,
	SPF_CROSS_DIFFERS,
	SPF_CROSS_NOT_ASKED, /* not comparable, or no question for libspf2 */
	SPF_CROSS_FAILED,    /* the helper died, or could not be asked */
	SPF_CROSS_ENDS
};

/* Whose forwarded mail is taken for what it is. */
struct spf_forwarder {
	const weir_conf *conf;
	weir_str title;
	bool by_recipient; /* it counts for some recipients only */
};

struct spf {
	const struct weir_host *host;
	weir_self *self;
	const weir_conf *conf;
	const struct weir_dns *dns;
	const struct weir_edit *edit;
	const struct weir_metric *metric;
	const struct weir_control *control;
	const struct weir_remote *remote; /* NULL: no cross-check */
	enum spf_action actions[SPF_RESULTS];
	enum spf_action helo_fail;
	int64_t timeout_ms; /* of an evaluation */
	bool exempt_mx, check_helo;
	struct spf_forwarder *forwarders;
	uint32_t nforwarders;
	int metric_result[SPF_RESULTS];
	int metric_override, metric_seconds, metric_lookups;
	int metric_cross[SPF_CROSS_ENDS];
	int64_t complained; /* mono: when it last said that headers can't be
			       added; 0: never */
};

/* One message; lives in its memory.  Strings are printable ASCII. */
struct spf_check {
	struct spf *m;
	bool done;	    /* the result is known */
	bool marked;	    /* Received-SPF has been added */
	bool helo_failed;   /* HELO for itself: check_helo */
	bool helo_identity; /* the result is of HELO (null sender) */
	enum spf_result result;
	const struct spf_forwarder *forwarder; /* that it came through */
	bool overridden;    /* and the result would have done harm */
	const char *domain, *explanation, *mechanism, *problem;
	const char *reason; /* evidence in one sentence */
	const char *helo_reason;
};

/* cross.c: ask libspf2 as well. [loop] */

struct spf_cross;
/* NULL, which the others take: not wanted, or out of memory. */
struct spf_cross *spf_cross_begin(struct spf *m, const struct spf_input *in);
/* Keep a lookup for it. */
void spf_cross_answer(struct spf_cross *c, const struct spf_question *q,
    const struct weir_dns_answer *a);
/* Send it; the answer becomes the fact spf.cross.  Takes c over. */
void spf_cross_ask(struct spf_cross **c, weir_call *call,
    const struct spf_outcome *o);

/* query.c */

/* The result of a check; outcome NULL: given up.  Borrowed. */
typedef void spf_query_fn(weir_call *, const struct spf_outcome *outcome,
    void *arg);
/* Evaluate through weir.dns: fn comes exactly once, possibly from inside.
   WEIR_E_NOMEM, or what dns.query answers: then it does not come. [loop] */
int spf_query_start(struct spf *m, weir_call *call,
    const struct spf_input *input, spf_query_fn *fn, void *arg);

/* check.c: the stages. */
int spf_check_mail(void *state, weir_call *call);
int spf_check_rcpt(void *state, weir_call *call, uint32_t rcpt);
int spf_decide_rcpt(void *state, weir_call *call, uint32_t rcpt);
/* What is known of this message, or NULL. */
struct spf_check *spf_check_get(const struct spf *m, weir_call *call);
/* State the verdict of the action; unsure: a temporary one. */
void spf_check_refuse(struct spf_check *c, weir_call *call, uint32_t rcpt,
    bool unsure);
/* Nothing follows from the result, and why. */
void spf_check_override(struct spf_check *c, weir_call *call, uint32_t rcpt,
    const char *why, weir_str who);

/* mx.c: ask whether the client is an MX host of the recipient's domain; if
   not, or if nobody knows, refuse.  Negative: it could not be asked. */
int spf_mx_start(struct spf_check *c, weir_call *call, uint32_t rcpt);

/* header.c: Received-SPF. */
int spf_header_rcpt(void *state, weir_call *call, uint32_t rcpt);
int spf_header_eom(void *state, weir_call *call);

/* match.c: lists of names and addresses in the configuration. */

/* The name is an entry, or below one. */
bool spf_match_name(const struct weir_host *host, const weir_conf *conf,
    uint32_t row, weir_str name);
/* user@domain, user@, @domain, or a domain with everything below it. */
bool spf_match_address(const struct weir_host *host, const weir_conf *conf,
    uint32_t row, weir_str address);

/* command.c: register the commands. [main] */
int spf_rule_register(struct spf *m); /* rule.c */
bool spf_address(const char *text, struct spf_input *in);
int spf_command_register(struct spf *m);

/* mod_spf.c: an attribute, or the empty slice. */
weir_str spf_attr(const struct spf *m, weir_call *call, uint32_t attr,
    uint32_t rcpt);

#endif
