/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reader - a raw message as header fields and parts, for counting words.
 *
 * weir.mime finds every reading of a message; this one only the usual one, but
 * in any thread, where folders of mail are learned.  Pure: no state, nothing is
 * copied, time is linear in the message for each level of nesting, and there are
 * at most READER_DEPTH of those. [any]
 */
#ifndef BAYES_READER_H
#define BAYES_READER_H

#include <weir/types.h>

#include "text.h"

#define READER_FIELDS 400 /* of the message; later ones are not looked at */
#define READER_VALUE ((size_t)4096) /* octets of a field that are looked at */
#define READER_PARTS 100  /* leaves; the last one is all the rest */
#define READER_DEPTH 8

enum reader_encoding {
	READER_IDENTITY,
	READER_QP,
	READER_BASE64,
	READER_OTHER /* uuencode and what nobody knows */
};

struct reader_field {
	weir_str name, value; /* value: raw, may be folded */
};

/* A part without parts of its own. */
struct reader_part {
	weir_str type;	  /* "text/html", as written; "" if not declared */
	weir_str charset; /* as written, or "" */
	weir_str name;	  /* a file name, raw, or "" */
	weir_str disposition;
	weir_str body;
	enum reader_encoding encoding;
	unsigned depth;
};

struct reader {
	struct reader_field fields[READER_FIELDS];
	unsigned n_fields;
	struct reader_part parts[READER_PARTS];
	unsigned n_parts;
	unsigned multiparts;
	bool truncated; /* a limit cut something */
};

/* Read a message: header, empty line, body, with CR LF or LF line ends.  Slices
   point into raw. */
void reader_read(struct reader *r, weir_str raw);

/* Parameter of a structured field, without quotes: "charset" of a content
   type.  RFC 2231 pieces: only the first. "" if there is none. */
weir_str reader_param(weir_str value, const char *name);

/* Append the content of a part after transfer decoding, at most max octets;
   false: it was cut. */
bool reader_decode(const struct reader_part *part, size_t max,
    struct text_buf *out);
void reader_decode_qp(weir_str in, size_t max, bool header,
    struct text_buf *out);
void reader_decode_base64(weir_str in, size_t max, struct text_buf *out);

#endif
