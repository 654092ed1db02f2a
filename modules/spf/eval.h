/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * eval - check_host() of RFC 7208 as a machine that asks and is answered.
 *
 *	e = spf_eval_create(&input);
 *	while (spf_eval_next(e, &question))
 *		spf_eval_answer(e, answer to the question);
 *	... spf_eval_result(e) ...
 *	spf_eval_destroy(&e);
 *
 * It knows neither loop nor host: whoever drives it brings the DNS.  No
 * recursion; what is included stands on a stack of SPF_DEPTH_MAX.  The limits
 * of RFC 7208 4.6.4 are exact: 10 terms that ask, 2 void lookups, 10 names of
 * an MX or PTR answer.  Only A, AAAA, MX, PTR and TXT are ever asked. [any]
 */
#ifndef SPF_EVAL_H
#define SPF_EVAL_H

#include <weir/ext/dns.h>
#include <weir/weir.h>

#include "macro.h"
#include "record.h"

#define SPF_TERMS_LIMIT 10 /* that cause DNS questions */
#define SPF_VOID_LIMIT 2   /* lookups without an answer */
#define SPF_NAMES_LIMIT 10 /* names of one MX or PTR answer */
#define SPF_DEPTH_MAX (SPF_TERMS_LIMIT + 1)
#define SPF_EXPLANATION_SIZE 512
#define SPF_ESCAPED_SIZE 1024 /* a name with \DDD for odd octets */

enum spf_result {
	SPF_RESULT_NONE,
	SPF_RESULT_NEUTRAL,
	SPF_RESULT_PASS,
	SPF_RESULT_FAIL,
	SPF_RESULT_SOFTFAIL,
	SPF_RESULT_TEMPERROR,
	SPF_RESULT_PERMERROR,
	SPF_RESULTS
};

/* Who sends.  All slices are copied. */
struct spf_input {
	uint8_t ip[16];
	size_t ip_len;	   /* 4 or 16; mapped IPv4 is given as IPv4 */
	weir_str sender;   /* envelope sender; "": HELO is the identity */
	weir_str helo;
	weir_str receiver; /* our name, or "" */
	int64_t now_ms;	   /* wall clock */
};

/* One question and what came of it. */
struct spf_lookup {
	struct spf_lookup *next;
	uint16_t type;
	int status;	 /* enum weir_status */
	uint32_t count;	 /* answers */
	const char *name;
	const char *data; /* answers, printable, separated by line feeds; the
			     first of them when there are many */
};

struct spf_outcome {
	enum spf_result result;
	bool helo;		 /* the identity is HELO, not MAIL FROM */
	const char *domain;	 /* the identity's; "" if it is no name */
	const char *explanation; /* of the domain on fail; "": it has none */
	const char *mechanism;	 /* that decided, as published; "" if none */
	const char *inner;	 /* what matched inside an include, or "" */
	const char *inner_domain;
	const char *record;	 /* the first one found, printable; or "" */
	const char *problem;	 /* of permerror, temperror and none, or "" */
	uint32_t terms, voids;	 /* counted against the limits */
	uint32_t lookup_count;
	const struct spf_lookup *lookups; /* in order */
};

struct spf_question {
	const char *name; /* as weir.dns wants it; until the answer is given */
	uint16_t type;	  /* enum weir_dns_type */
};

struct spf_eval;

/* NULL: out of memory. */
struct spf_eval *spf_eval_create(const struct spf_input *input);
void spf_eval_destroy(struct spf_eval **e);
/* The next question; false: it is decided. */
bool spf_eval_next(struct spf_eval *e, struct spf_question *out);
/* The answer to it.  Records may be in any order and of any number. */
void spf_eval_answer(struct spf_eval *e, const struct weir_dns_answer *a);
/* Time is up: temperror, if it is not decided yet. */
void spf_eval_expire(struct spf_eval *e, const char *problem);
/* Everything that is known; valid until destroy. */
const struct spf_outcome *spf_eval_outcome(const struct spf_eval *e);

/* "pass" and so on. */
const char *spf_result_name(enum spf_result result);
/* The answers, or why there are none. */
const char *spf_lookup_text(const struct spf_lookup *lookup);
/* "TXT" and so on. */
const char *spf_type_name(uint16_t type);

#endif
