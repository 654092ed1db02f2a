/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * disclaimer - texts at the top or the end of a message.
 *
 * They go into the text that a reader sees: the first text part, and each
 * reading of a multipart/alternative, in the part's own charset and transfer
 * encoding; all other octets stay.  Where a part can't take them (a charset
 * without such letters, 7 bit), or there is no text, the message becomes the
 * first part of a multipart/mixed whose other part they are, as it was, octet
 * by octet.  Signed and encrypted mail, reports, and mail whose structure can
 * be read in two ways are left alone.  Loop thread.
 */
#ifndef WEIR_LUA_DISCLAIMER_H
#define WEIR_LUA_DISCLAIMER_H

#include <weir/weir.h>

#include "base/buf.h"
#include "base/vec.h"

#define DISCLAIMER_TEXT_MAX 8192 /* octets of one, macros expanded */

/* Texts are UTF-8; html "" is made from text. */
struct disclaimer {
	weir_str text, html, separator;
	bool top;
};

/* A change of the header that goes with the body. */
struct disclaimer_field {
	char *name, *value; /* value NULL: delete */
	uint32_t n;	    /* occurrence, from 1; 0: add */
};

struct disclaimer_result {
	struct buf body;
	VEC(struct disclaimer_field) fields;
};

/* Why this mail is left alone, or NULL. At eom. */
const char *disclaimer_refusal(const struct weir_mime *mime, weir_call *call);

/* The new body for all n, of a mail that is not left alone. A weir_status. */
int disclaimer_build(const struct weir_host *host,
    const struct weir_mime *mime, weir_call *call,
    const struct disclaimer *list, size_t n, struct disclaimer_result *out);
void disclaimer_result_fini(struct disclaimer_result *r);

/* disclaimer_text.c */

/* UTF-8 to a charset (as declared; "" is US-ASCII): false if it has no such
   letters, or is none that ASCII can stand beside. */
bool disclaimer_charset(weir_str charset, weir_str utf8, struct buf *out);
/* Line ends to CRLF, no line longer than 900 octets. */
void disclaimer_lines(weir_str in, struct buf *out);
/* UTF-8 HTML as ASCII with numeric references. */
void disclaimer_ascii_html(weir_str in, struct buf *out);
/* Text as HTML. */
void disclaimer_to_html(weir_str in, struct buf *out);
/* CRLF lines as quoted-printable, joined: both ends are in the middle of a
   line for the reader, and stand at the beginning of a line here. */
void disclaimer_qp(weir_str in, struct buf *out);
/* In lines of 76, with a line end behind the last. */
void disclaimer_base64(weir_str in, struct buf *out);

#endif
