/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * charset - text of any charset as UTF-8; header values decoded.
 *
 * Never fails: what can't be converted is read as UTF-8 if it is that, else as
 * windows-1252.  Converters of rare charsets are kept open. [any], one
 * struct charset a thread
 */
#ifndef BAYES_CHARSET_H
#define BAYES_CHARSET_H

#include <iconv.h>

#include "text.h"

#define CHARSET_OPEN 4

struct charset {
	struct {
		char name[32];
		iconv_t cd;
	} open[CHARSET_OPEN];
	unsigned next;
};

void charset_init(struct charset *c);
void charset_fini(struct charset *c);
/* Append the text as UTF-8. *foreign (may be NULL): it was no ASCII. */
void charset_decode(struct charset *c, weir_str name, weir_str text,
    struct text_buf *out);
/* Append a header value: unfolded, encoded words decoded (RFC 2047). */
void charset_header(struct charset *c, weir_str value, struct text_buf *out);

#endif
