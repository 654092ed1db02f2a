/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cross - a second opinion: libspf2 is asked the same question in a helper
 * process, with the answers of the DNS that the evaluation has had.  Nothing
 * follows from it for the mail.
 *
 * A request is made of octets, 16-bit numbers (the high octet first) and texts
 * (16-bit length, octets):
 *
 *	octet length of the address (4 or 16), 16 octets of address
 *	text sender, text helo, text receiver
 *	then for each lookup: number type, octet enum cross_status, text name,
 *	number count, and as many pairs of number preference and text data
 *
 * The response is a word: a result, or CROSS_UNFIT, CROSS_INCOMPLETE.
 */
#ifndef SPF_CROSS_H
#define SPF_CROSS_H

#include <weir/ext/remote.h>
#include <weir/weir.h>

#define CROSS_LOOKUPS 128u /* of one request; an evaluation has fewer */
#define CROSS_UNFIT "unfit" /* a record is in error: libspf2 never sees it */
#define CROSS_INCOMPLETE "incomplete" /* it asked for what nobody had asked */

enum cross_status {
	CROSS_ANSWER,
	CROSS_NOTHING, /* no such name, or no such record */
	CROSS_FAILED   /* nobody knows */
};

/* helper.c; NULL-ended. */
extern const struct weir_helper *const spf_helpers[];

#endif
