/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire - what worker and helper say to each other.
 *
 * Request: the direction and the parts to look at, where they are in the mail
 * and how they are encoded.  Response: one row for every part that was asked
 * for, in the same order, then objects found inside of parts, those first that
 * matter most; what did not fit is said by a flag.  Numbers are LEB128, strings
 * have a length in front.  Pure functions; every reader is bounded and answers
 * false to anything malformed: neither side believes the other.
 */
#ifndef ATTACHMENT_WIRE_H
#define ATTACHMENT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/types.h>

#define WIRE_MAGIC 0x31747461u /* "att1" */
#define WIRE_PARTS 4096u
#define WIRE_TYPES 128u	 /* different types in one response */
#define WIRE_NAMES 24u	 /* of one object */
#define WIRE_TEXT 1024u	 /* octets of a name or path */
#define WIRE_MAX 65000u	 /* octets of a message */

/* flags of a request's part */
#define WIRE_PART_MAIL (1u << 0) /* declared as a mail: message/rfc822 */
/* flags of a response */
#define WIRE_MORE (1u << 0) /* objects were left out */

struct wire_part {
	uint32_t index; /* ascending */
	uint32_t encoding, reading, flags;
	uint64_t offset, length; /* in the mail */
};

/* What was found about a part that was asked for. */
struct wire_row {
	uint64_t categories; /* its own and all that is inside */
	uint64_t own;	     /* of the part itself */
	uint64_t size;
	uint32_t type; /* in the table of types */
	uint32_t files;	/* inside */
};

struct wire_object {
	uint32_t row;	/* the part it is in: index into the rows */
	uint32_t type;	/* in the table of types */
	uint64_t categories, size;
	weir_str path;	/* inside the part, all levels */
	weir_str names[WIRE_NAMES]; /* its own plausible names */
	uint32_t n_names;
};

/* Octets being written into memory of the caller. */
struct wire_out {
	unsigned char *p;
	size_t n, cap;
	bool full; /* something did not fit; n is as it was before */
};

/* Octets being read. */
struct wire_in {
	const unsigned char *p;
	size_t n;
	bool bad;
};

void wire_put(struct wire_out *out, uint64_t number);
void wire_put_text(struct wire_out *out, weir_str text);
uint64_t wire_get(struct wire_in *in, uint64_t max);
weir_str wire_get_text(struct wire_in *in, size_t max);

/* Request: head, then each part. */
void wire_request_head(struct wire_out *out, uint32_t direction,
    uint32_t parts);
void wire_request_part(struct wire_out *out, const struct wire_part *part);
bool wire_request_read(struct wire_in *in, uint32_t *direction,
    uint32_t *parts);
bool wire_request_read_part(struct wire_in *in, struct wire_part *part,
    uint64_t octets);

/* Response: head with the table of types, rows, objects to the end. */
void wire_response_head(struct wire_out *out, uint32_t flags,
    const weir_str *types, uint32_t n_types, uint32_t rows);
void wire_response_row(struct wire_out *out, const struct wire_row *row);
void wire_response_object(struct wire_out *out, const struct wire_object *o);

struct wire_response {
	uint32_t flags, n_types, rows;
	weir_str types[WIRE_TYPES];
};
bool wire_response_read(struct wire_in *in, struct wire_response *head);
bool wire_response_read_row(struct wire_in *in,
    const struct wire_response *head, struct wire_row *row);
bool wire_response_read_object(struct wire_in *in,
    const struct wire_response *head, struct wire_object *o);

#endif
