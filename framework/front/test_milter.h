/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_milter - what an MTA would send, by script; for tests.
 *
 * A script is a row of commands by their octet, each with usual arguments:
 * "OCHMRTLNBE".  Small letters are macros: c, m, i and q come before CONNECT,
 * MAIL, MAIL and DATA.  "(Xabc)" is a packet X with the data abc and no NUL behind it.
 */
#ifndef WEIR_FRONT_TEST_MILTER_H
#define WEIR_FRONT_TEST_MILTER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

extern uint32_t test_milter_version, test_milter_protocol; /* offered */
extern size_t test_milter_body;	   /* octets of a chunk */
extern size_t test_milter_address; /* octets of an address; 0: usual ones */

void test_milter_script(struct buf *out, const char *script);
/* The octets that name the replies in a stream, as a string; panics if the
   stream is not made of whole packets. */
void test_milter_codes(const struct buf *stream, char *out, size_t cap);
/* The n-th reply, from its octet on; ptr NULL: there is none. */
weir_str test_milter_reply(const struct buf *stream, unsigned n);

#endif
