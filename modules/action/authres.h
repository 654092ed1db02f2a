/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * authres - Authentication-Results (RFC 8601).
 *
 * Pure functions. [any]
 */
#ifndef ACTION_AUTHRES_H
#define ACTION_AUTHRES_H

#include <weir/weir.h>

/* One method: "spf", "pass", "smtp.mailfrom", "example.com". */
struct authres_method {
	const char *method;
	weir_str result;
	const char *property;
	weir_str value; /* empty: no property */
};

/* Does a field (raw value) claim to be written under this authserv-id?  What
   can't be read but names the id counts as a claim. */
bool authres_claims(weir_str raw, const char *id);
/* The value; its length.  Results that are no words are left out. */
size_t authres_build(const char *id, const struct authres_method *methods,
    size_t n, char *out, size_t size);

#endif
