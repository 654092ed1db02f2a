/* SPDX-License-Identifier: GPL-2.0-or-later */
/* names_int - what names.c (readings) and names_set.c (the set) share. */
#ifndef WEIR_MAIL_NAMES_INT_H
#define WEIR_MAIL_NAMES_INT_H

#include <stdbool.h>
#include <stddef.h>

#include "mail/names.h"

#define NAMES_PIECES 256 /* RFC 2231 continuations of one parameter */
#define NAMES_HITS 320	 /* occurrences of one parameter that are read */

/* One "key*N*=value". */
struct names_piece {
	weir_str value;
	unsigned index;
	bool ext;
};

struct names_ctx {
	struct pool *pool; /* scratch: readings are many, what is kept is not */
	struct pool *keep; /* the caller's */
	struct names *out;
	const char *key;
	size_t key_len;
	bool file; /* add what file systems make of it */
	unsigned hits;
	unsigned pieces;
	struct names_piece *piece; /* NAMES_PIECES of them once needed */
};

/* Add octets in a charset as one value; as a file name with its variants. */
void names_text(struct names_ctx *ctx, weir_str charset, weir_str s);

#endif
