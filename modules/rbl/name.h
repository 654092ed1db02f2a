/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * name - from addresses, host names and links to what lists are asked.
 *
 * Input is hostile: everything that is no plain host name is refused, never
 * guessed at.  Pure functions. [any]
 */
#ifndef RBL_NAME_H
#define RBL_NAME_H

#include <weir/weir.h>

#define NAME_SIZE 254	 /* a domain name with NUL */
#define NAME_REVERSE_SIZE 64

/* An address, or a name if len is 0. */
struct subject {
	size_t len; /* 4, 16 or 0 */
	unsigned char addr[16];
	char text[NAME_SIZE]; /* as shown to people */
};

/* Is the address one that lists know about: not private, not reserved? The
   blocks for documentation count as public. */
bool name_is_public(const unsigned char *addr, size_t len);
/* "7.113.0.203", or 32 nibbles. */
void name_reverse(char *out, size_t size, const unsigned char *addr,
    size_t len);
/* A host name in lower case ASCII without last dot: at least two labels,
   IDN as A-labels. */
bool name_host(char out[NAME_SIZE], weir_str in);
/* The registered domain of a host name. */
bool name_registered(char out[NAME_SIZE], const char *host);
/* From an address literal or number in any form that browsers take, or a
   host name. */
bool name_subject(struct subject *s, weir_str host);
/* The host of a link: user, port and path are dropped, %XX decoded.
   mailto: gives the domain. */
bool name_link(struct subject *s, weir_str url);
/* The domain of an envelope address. */
bool name_sender(struct subject *s, weir_str address);

#endif
