/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tuple - what greylisting remembers somebody by.
 *
 * A tuple is a client identity, a normalised sender and a recipient, all in
 * lower case.  The identity is the first of these that is known:
 *   spf:example.com     the sending domain that SPF authenticated
 *   dns:example.com     organisational domain of the forward-confirmed name
 *   net:192.0.2.0/24    the netblock
 * Keys are text: no field contains a blank or a control character, fields are
 * split by one blank, and what is too long is cut and ends with a hash of the
 * rest.  Pure functions. [any]
 */
#ifndef GREYLIST_TUPLE_H
#define GREYLIST_TUPLE_H

#include <weir/weir.h>

#define TUPLE_IDENTITY_SIZE 128	/* with NUL */
#define TUPLE_ADDRESS_SIZE 128	/* with NUL */
#define TUPLE_KEY_SIZE (2 + TUPLE_IDENTITY_SIZE + 2 * TUPLE_ADDRESS_SIZE)

/* "net:..." from the address in network order (len 4 or 16). */
void tuple_netblock(char *out, size_t size, const unsigned char *addr,
    size_t len, int mask4, int mask6);
/* "dns:..."; false if the name has no organisational domain or looks as if
   it were made from the address (dynamic pools: any customer of the provider
   has such a name). addr may be NULL. */
bool tuple_domain(char *out, size_t size, weir_str name,
    const unsigned char *addr, size_t len);
/* "spf:..." */
void tuple_spf(char *out, size_t size, weir_str domain);
/* The envelope sender: extension removed, whole numbers in the local part
   become #, "<>" for the null sender. */
void tuple_sender(char *out, size_t size, weir_str sender);
/* The envelope recipient. */
void tuple_recipient(char *out, size_t size, weir_str recipient);
/* "t identity sender recipient"; the length. */
size_t tuple_key(char *out, size_t size, const char *identity,
    const char *sender, const char *recipient);

#endif
