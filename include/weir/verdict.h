/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir/verdict.h - findings and verdicts.
 *
 * A finding is an observation with a score ("this client is listed, 4.0"); a
 * verdict is an opinion about the mail's fate.  Checks state findings in
 * collect; verdicts are stated in decide, by modules such as action that add
 * the findings up, or by modules whose business is a verdict (greylist).
 */
#ifndef WEIR_VERDICT_H
#define WEIR_VERDICT_H

#include <weir/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Strength when opinions are merged for one recipient:
   REJECT > TEMPFAIL > DISCARD > QUARANTINE > ACCEPT > NONE. */
enum weir_action {
	WEIR_ACT_NONE = 0,	 /* no opinion */
	WEIR_ACT_ACCEPT = 1,	 /* deliver, ask no later check */
	WEIR_ACT_QUARANTINE = 2, /* keep, do not deliver */
	WEIR_ACT_DISCARD = 3,	 /* accept and drop */
	WEIR_ACT_TEMPFAIL = 4,	 /* 4xx */
	WEIR_ACT_REJECT = 5	 /* 5xx */
};

/* One verdict, in (strings are copied by the host) and out (they live until the
   message ends). */
struct weir_verdict {
	uint32_t size;	    /* sizeof(struct weir_verdict) */
	uint32_t action;    /* enum weir_action */
	uint32_t scope;	    /* enum weir_scope: what it is about */
	uint32_t rcpt;	    /* index for WEIR_SCOPE_RCPT, else WEIR_RCPT_NONE */
	uint32_t smtp_code; /* 400..599, or 0: the host's default */
	uint32_t reserved0; /* 0 */
	const char *enhanced; /* RFC 3463 code such as "4.7.1", or NULL */
	const char *text;   /* reply text in UTF-8, lines split by \n; or NULL */
	/* ---- end of ABI 1.0 ---- */
};

/* One finding, as a later module reads it.  Borrowed until the callback
   returns. */
struct weir_finding {
	uint32_t size;	   /* set by the caller: sizeof(struct weir_finding) */
	uint32_t rcpt;	   /* index, or WEIR_RCPT_NONE: the whole message */
	double score;	   /* after the site's weight; 0 in shadow */
	weir_str symbol;   /* its name */
	weir_str module;   /* whose it is */
	weir_str reason;   /* the evidence, one sentence */
	/* ---- end of ABI 1.0 ---- */
};

/* A symbol that a module may report: rows of weir_module.symbols.  Its name is
   unique on a host.  Constant, lives as long as the module. */
struct weir_symbol {
	const char *name; /* "GREYLIST_DEFERRED": A-Z 0-9 _ */
	const char *help; /* one sentence for explain and the manual */
	double score;	  /* default weight; the site's `scores` override it */
	/* ---- end of ABI 1.0 ---- */
};

#ifdef __cplusplus
}
#endif
#endif
