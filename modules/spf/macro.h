/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * macro - the macros of RFC 7208 section 7: reading, checking, expanding.
 *
 * One reader serves all three, so that what was found sound is what is
 * expanded.  Everything is written into the caller's buffer with its length
 * checked; time and memory are bounded by the text's and the values' length.
 * Pure functions. [any]
 */
#ifndef SPF_MACRO_H
#define SPF_MACRO_H

#include <weir/weir.h>

/* A name as text without its last dot, and a NUL. */
#define SPF_NAME_SIZE 254

/* What a text may hold. */
enum spf_macro_kind {
	SPF_MACRO_DOMAIN,   /* domain-spec: ends in a top label or a macro */
	SPF_MACRO_MODIFIER, /* of an unknown modifier: c, r and t as well */
	SPF_MACRO_TEXT	    /* an explanation: c, r, t and blanks as well */
};

/* One piece of a macro string. */
struct spf_macro {
	weir_str literal; /* to be taken as it is, if letter is 0 */
	char letter;	  /* lower case */
	bool escape;	  /* it was upper case: URL-escape the value */
	bool reverse;
	uint32_t parts;	  /* how many from the right; 0: all */
	uint8_t delimiters; /* bits of SPF_MACRO_DELIMITERS; 0: the dot */
};
#define SPF_MACRO_DELIMITERS ".-+,/_="
/* Larger numbers of parts are all the same. */
#define SPF_MACRO_PARTS_MAX 65535

/* What the letters stand for. */
struct spf_macro_values {
	weir_str sender;   /* s */
	weir_str local;	   /* l */
	weir_str sender_domain; /* o */
	weir_str domain;   /* d */
	weir_str address;  /* i: dotted, also for IPv6 */
	weir_str name;	   /* p: "unknown" if there is none */
	weir_str family;   /* v: "in-addr" or "ip6" */
	weir_str helo;	   /* h */
	weir_str client;   /* c: the address for people */
	weir_str receiver; /* r */
	weir_str time;	   /* t */
};

/* Take the next piece off *text: 1, 0 at the end, WEIR_E_INVAL for a malformed
   macro or an octet that may not stand there. */
int spf_macro_next(weir_str *text, enum spf_macro_kind kind,
    struct spf_macro *out);
/* Is this text well-formed? *uses_name (may be NULL): does it need p? */
bool spf_macro_check(weir_str text, enum spf_macro_kind kind,
    bool *uses_name);
/* Expand an explanation; what does not fit is cut, octets that are no printable
   ASCII become "?".  The length, or WEIR_E_INVAL; NUL behind it. */
int spf_macro_text(weir_str text, const struct spf_macro_values *values,
    char *out, size_t size);
/* Expand a domain-spec: labels are taken off the left until it fits.  The
   length, or WEIR_E_INVAL if no name comes out that could be asked. */
int spf_macro_domain(weir_str text, const struct spf_macro_values *values,
    char out[SPF_NAME_SIZE]);
/* Could the DNS be asked for it: labels of 1..63 printable ASCII octets, 253
   in all, one dot at the end allowed. */
bool spf_macro_is_name(weir_str name);

#endif
