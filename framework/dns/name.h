/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * name - domain names: text to wire form and back.
 *
 * A struct dns_name is always valid: lower-cased wire form with the root
 * octet, labels of 1..63 octets, 255 octets in all (RFC 1035 3.1).  As text
 * the last dot is absent (the root is ""); octets other than printable ASCII,
 * and those that mean something in zone files (. \ " ( ) ; @ $), stand as
 * \DDD, so that text never holds a blank or a control character.
 * Pure functions, any thread.
 */
#ifndef WEIR_DNS_NAME_H
#define WEIR_DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_NAME_WIRE_MAX 255
#define DNS_NAME_TEXT_MAX 1024 /* 253 octets, each \DDD, and NUL */

struct dns_name {
	size_t len; /* octets used, the root octet included */
	uint8_t octets[DNS_NAME_WIRE_MAX];
};

/* Text to name; last dot optional, \DDD and \X understood, "." is the root.
   WEIR_E_INVAL: empty, empty label, label > 63, name > 253 octets, bad \. */
int dns_name_parse(const char *text, size_t len, struct dns_name *out);
/* Name to text with a NUL behind; returns its length. */
size_t dns_name_print(const struct dns_name *name,
    char out[DNS_NAME_TEXT_MAX]);
/* Read a name of a DNS message at *off, following compression pointers that
   point strictly backwards; *off ends behind it.  WEIR_E_INVAL if malformed. */
int dns_name_read(const uint8_t *msg, size_t len, size_t *off,
    struct dns_name *out);
/* Step over a name without decoding what its pointer points at. */
int dns_name_skip(const uint8_t *msg, size_t len, size_t *off);
/* The octet at text[*i] with \DDD and \X resolved, *i ends behind it; -1 if
   malformed.  *i must be below len. */
int dns_unescape(const char *text, size_t len, size_t *i);
bool dns_name_equal(const struct dns_name *a, const struct dns_name *b);
/* Is name equal to parent or below it? */
bool dns_name_under(const struct dns_name *name,
    const struct dns_name *parent);

#endif
