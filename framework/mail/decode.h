/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * decode - transfer encodings, charsets and encoded words, as mail has them.
 *
 * Nothing here fails because the input is broken: what can't be read is taken
 * as it stands, and the caller hears that something was odd.  All output is
 * bounded by the input or by a size given.  Loop thread only (the iconv
 * handles are kept between calls).
 */
#ifndef WEIR_MAIL_DECODE_H
#define WEIR_MAIL_DECODE_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/types.h>

struct pool;

/* As in weir_mime_part.encoding. */
enum decode_encoding {
	DECODE_IDENTITY = 0,
	DECODE_QP = 1,
	DECODE_BASE64 = 2,
	DECODE_UU = 3,
	DECODE_YENC = 4
};

/* How readers of base64 treat padding and junk. */
enum decode_base64 {
	DECODE_B64_JOIN = 0, /* "=" ends a group, what follows is read on */
	DECODE_B64_STOP = 1, /* "=" ends the data */
	DECODE_B64_SKIP = 2, /* "=" is junk like any other */
	DECODE_B64_LINE = 3, /* every line starts a group anew */
	DECODE_B64_ZERO = 4, /* "=" is six zero bits */
	DECODE_B64_HASH = 5, /* junk goes on to the end of its line */
	DECODE_B64_READINGS = 6
};

/* Each decodes src into dst, which holds cap octets, and returns how many it
   wrote.  *more is set when cap cut the output. */
size_t decode_base64(char *dst, size_t cap, weir_str src,
    enum decode_base64 how, bool *more);
/* drop: a "=" that begins no code is left out, with what would be its code */
size_t decode_qp(char *dst, size_t cap, weir_str src, bool drop, bool *more);
size_t decode_uu(char *dst, size_t cap, weir_str src, bool *more);
size_t decode_yenc(char *dst, size_t cap, weir_str src, bool *more);
/* Is there anything in src on which readers of base64 disagree? */
bool decode_base64_is_odd(weir_str src);
/* Has it a "=" that begins no code? */
bool decode_qp_is_odd(weir_str src);

/* Octets that src can become at most, for sizing dst. */
size_t decode_bound(enum decode_encoding encoding, size_t len);

/* src in that charset as UTF-8 of at most max octets.  Octets that are not of
   it are read as windows-1252; an unknown charset as UTF-8 first.  The result
   is src itself where that is valid UTF-8 already, else memory of the pool. */
weir_str decode_charset(struct pool *pool, weir_str charset, weir_str src,
    size_t max);

/* A header value unfolded, its encoded words decoded: RFC 2047, generously
   (inside quotes, broken padding, missing end).  Memory of the pool. */
weir_str decode_header(struct pool *pool, weir_str raw);

/* Release the iconv handles. */
void decode_fini(void);

#endif
