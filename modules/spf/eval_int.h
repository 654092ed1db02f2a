/* SPDX-License-Identifier: GPL-2.0-or-later */
/* eval_int - what the files of the evaluation share. */
#ifndef SPF_EVAL_INT_H
#define SPF_EVAL_INT_H

#include "eval.h"

/* What is being waited for, or what comes next. */
enum spf_state {
	SPF_STATE_RECORD,  /* the TXT of a frame's domain */
	SPF_STATE_TERM,	   /* evaluate the next term */
	SPF_STATE_ADDRESS, /* addresses of a */
	SPF_STATE_EXISTS,
	SPF_STATE_MX,
	SPF_STATE_MX_ADDRESS,
	SPF_STATE_PTR,
	SPF_STATE_PTR_ADDRESS,
	SPF_STATE_EXP,	   /* decided: where is the explanation? */
	SPF_STATE_EXP_TEXT,
	SPF_STATE_EXP_READY, /* its text is here */
	SPF_STATE_DONE
};

/* A record that is being evaluated; the next one up includes it. */
struct spf_frame {
	char domain[SPF_NAME_SIZE];
	struct spf_record *record; /* owned; NULL until it has been read */
	uint32_t index;		   /* of the term at work */
	bool redirected;
};

struct spf_eval {
	struct spf_outcome outcome;
	enum spf_state state;
	struct spf_frame frames[SPF_DEPTH_MAX];
	uint32_t depth;	       /* index of the top frame */
	bool counted;	       /* the term at work is, against the limit */
	bool asking;	       /* a question is out */
	uint16_t type;	       /* of it */

	/* names to look at one after the other */
	char names[SPF_NAMES_LIMIT][SPF_NAME_SIZE];
	uint32_t nnames, name;

	/* names of the client; validated ones */
	bool ptr_known, ptr_failed;
	bool ptr_term;	       /* asked for by the mechanism */
	enum spf_state ptr_back; /* where to go on then */
	char ptrs[SPF_NAMES_LIMIT][SPF_NAME_SIZE];
	uint32_t nptrs;

	uint8_t ip[16];
	size_t ip_len;
	struct spf_macro_values values;
	char address[64];      /* %{i} */
	char client[48];       /* %{c} */
	char time[24];
	char *text;	       /* what values point at; owned */
	struct spf_lookup *lookups, **tail; /* owned */
	char *matched;	       /* outcome strings; owned */
	char *inner;
	char *first_record;
	char *exp;	       /* text of the explanation, not expanded */
	char identity[SPF_NAME_SIZE];
	char inner_domain[SPF_NAME_SIZE];
	char asked[SPF_ESCAPED_SIZE];
	char explanation[SPF_EXPLANATION_SIZE];
	char problem[SPF_PROBLEM_SIZE + SPF_NAME_SIZE];
};

/* eval.c: ask for a name; the answer goes to `state`. */
void spf_eval_ask(struct spf_eval *e, enum spf_state state, uint16_t type,
    const char *name);
/* The check ends here. */
void spf_eval_decide(struct spf_eval *e, enum spf_result result);
__attribute__((format(printf, 3, 4))) void spf_eval_fail(struct spf_eval *e,
    enum spf_result result, const char *format, ...);
/* Count a lookup without answer; false: too many, it is decided. */
bool spf_eval_void(struct spf_eval *e);
/* Addresses of the answer that are the client's (within a prefix). */
bool spf_eval_match(const struct spf_eval *e, const struct weir_dns_answer *a,
    unsigned int cidr4, unsigned int cidr6);
bool spf_eval_in(const uint8_t *a, const uint8_t *b, unsigned int bits);
/* A or AAAA, as the client has it. */
uint16_t spf_eval_family(const struct spf_eval *e);

/* The name that a term is about; false: none that could exist. */
bool spf_eval_expand(struct spf_eval *e, const struct spf_term *t,
    char out[SPF_NAME_SIZE]);

/* eval_exp.c: after a fail. */
void spf_exp_start(struct spf_eval *e);
void spf_exp_text(struct spf_eval *e, const struct weir_dns_answer *a);
void spf_exp_expand(struct spf_eval *e);

/* eval_ptr.c: the validated names of the client; then back to `back`. */
void spf_ptr_start(struct spf_eval *e, bool term, enum spf_state back);
void spf_ptr_names(struct spf_eval *e, const struct weir_dns_answer *a);
void spf_ptr_address(struct spf_eval *e, const struct weir_dns_answer *a);
/* One of them is the domain or below it. */
bool spf_ptr_below(const struct spf_eval *e, const char *domain);
/* %{p} for this domain. */
weir_str spf_ptr_best(const struct spf_eval *e, const char *domain);

/* evidence.c: what people see of it. */
bool spf_evidence_lookup(struct spf_eval *e, uint16_t type,
    const struct weir_dns_answer *a);
/* A copy of the text with odd octets as \DDD, cut at max; NULL: no memory. */
char *spf_evidence_text(weir_str text, size_t max);

#endif
