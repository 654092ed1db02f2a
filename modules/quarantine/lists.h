/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lists - allow and block lists of users, domains and the site.
 *
 * An owner is an address, "@domain" or "*" (everybody).  An entry is an
 * address, a domain (with everything below it) or a pattern with * and ?; it
 * stands in one list of its owner only.  The most particular owner decides,
 * then the most particular entry (address, domain, pattern), then allow.
 */
#ifndef MODULES_QUARANTINE_LISTS_H
#define MODULES_QUARANTINE_LISTS_H

#include "store.h"

#define LISTS_ENTRY_MAX 512
#define LISTS_OCTETS_MAX 200000 /* of one owner's lists */
#define LISTS_FROM_MAX 16	/* addresses looked at in From */

enum lists_kind { LISTS_NONE = 0, LISTS_ALLOW = 1, LISTS_BLOCK = 2 };

struct lists_match {
	enum lists_kind kind;
	char entry[LISTS_ENTRY_MAX + 1];
	char owner[USER_MAX];
	int rank; /* private */
};

/* In lower case, "@domain" as "domain".  WEIR_E_INVAL: no entry. */
int lists_entry(const char *text, char out[LISTS_ENTRY_MAX + 1],
    struct fault *f);
/* An owner as stored. */
int lists_owner(const char *text, char out[USER_MAX], struct fault *f);

int lists_add(struct store *st, const char *owner, enum lists_kind kind,
    const char *entry, const char *who, struct fault *f);
/* WEIR_E_NOTFOUND: it stands in no list of the owner's (kind NONE), or not in
   this one. */
int lists_remove(struct store *st, const char *owner, enum lists_kind kind,
    const char *entry, const char *who, struct fault *f);
/* Is there any entry at all?  One system call, for the loop. */
bool lists_any(const struct store *st);

/* What the lists say of these addresses (lower case) to this recipient (lower
   case).  allow: whether an allow entry may count. */
int lists_find(struct store *st, const char *rcpt,
    const char *const *addresses, size_t n, bool allow,
    struct lists_match *out, struct fault *f);

/* Addresses of a From field's value, in lower case; how many, at most max. */
size_t lists_from(weir_str value, char (*out)[USER_MAX], size_t max);
/* Does the pattern match?  Linear in the product of the lengths at worst. */
bool lists_glob(const char *pattern, const char *text);

#endif
