/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * record - SPF records as RFC 7208 writes them, and nothing else.
 *
 * The whole record is read before anything of it is believed: one mistake
 * anywhere refuses it.  What comes out holds only what the grammar allows, with
 * numbers in range and macros that expand.  Pure functions. [any]
 */
#ifndef SPF_RECORD_H
#define SPF_RECORD_H

#include <weir/weir.h>

#define SPF_RECORD_MAX 16384 /* octets of a record that is still read */
#define SPF_TERMS_MAX 1024
#define SPF_PROBLEM_SIZE 200

enum spf_kind {
	SPF_KIND_ALL,
	SPF_KIND_INCLUDE,
	SPF_KIND_A,
	SPF_KIND_MX,
	SPF_KIND_PTR,
	SPF_KIND_IP4,
	SPF_KIND_IP6,
	SPF_KIND_EXISTS,
	SPF_KIND_REDIRECT,
	SPF_KIND_EXP,
	SPF_KIND_MODIFIER /* a modifier that RFC 7208 does not know */
};

struct spf_term {
	enum spf_kind kind;
	char qualifier;	   /* + - ~ ?; of mechanisms */
	uint8_t cidr4, cidr6; /* 32 and 128 unless given */
	bool uses_name;	   /* its spec holds the macro p */
	uint8_t addr[16];  /* of ip4 and ip6, host bits cleared */
	weir_str spec;	   /* domain-spec, or "" */
	weir_str text;	   /* as published */
};

struct spf_record {
	const struct spf_term *redirect, *exp; /* or NULL */
	uint32_t count;
	const struct spf_term *terms; /* in order, modifiers among them */
	weir_str text;
};

/* Is this TXT an SPF record, whatever follows the version (RFC 7208 4.5)? */
bool spf_record_is(weir_str txt);
/* Read it.  WEIR_E_INVAL: problem (SPF_PROBLEM_SIZE) says in ASCII what is
   wrong; WEIR_E_NOMEM. The text is copied. */
int spf_record_parse(weir_str text, struct spf_record **out, char *problem);
void spf_record_free(struct spf_record **record);
/* The same record in one spelling: lower case, single blanks, nothing that is
   the default, networks without host bits, modifiers last, none that is
   unknown.  What any other reader gets to see.  The length, or WEIR_E_LIMIT;
   NUL behind it. */
int spf_record_print(const struct spf_record *record, char *out,
    size_t size);

#endif
