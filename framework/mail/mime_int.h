/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mime_int - what mime.c, mime_tree.c and mime_read.c share. */
#ifndef WEIR_MAIL_MIME_INT_H
#define WEIR_MAIL_MIME_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/ext/mime.h>
#include <weir/types.h>

#include "base/vec.h"
#include "mail/decode.h"
#include "mail/mime.h"
#include "mail/mime_scan.h"

struct mime_item {
	struct weir_mime_part part; /* what the outside sees */
	uint32_t ent;		    /* in the scan, or MIME_SCAN_NONE */
	enum decode_base64 how; /* with quoted-printable: not 0 is drop */
	weir_str head; /* raw header */
	weir_str *names;
	bool decoded;
	bool cut;      /* data is not all of it */
	weir_str data; /* once decoded */
	weir_str text; /* once asked for; ptr NULL before */
	VEC(weir_str) links;   /* found while the text was made */
	weir_str part_of[2];   /* the latest cut copies of data and text */
};

#define MIME_ENCODINGS 4

struct mime {
	struct pool *pool;
	struct mime_limits limits;
	struct mime_scan scan;
	VEC(struct mime_item) items;
	size_t decoded; /* octets so far */
	size_t html;	/* octets given to the HTML parser so far */
	size_t taken;	/* from the budget */
	bool linked;	/* links were looked for */
	VEC(weir_str) links;
	struct map link_seen;
};

/* An item for content [body, end) under the header [head, body): flags and
   fields from the entity ent where there is one.  Returns its index. */
uint32_t mime_item_add(struct mime *m, uint32_t ent, uint32_t parent,
    size_t head, size_t body, size_t end);
/* Let GMime read, add its parts. */
void mime_tree_read(struct mime *m);
/* Add the parts of other readings. */
void mime_alternate(struct mime *m);
/* Release what the items hold outside the pool. */
void mime_read_fini(struct mime *m);
/* The content of an item, decoded once. */
weir_str mime_item_data(struct mime *m, uint32_t item);
/* The first field of that name in a raw header; false: there is none. */
bool mime_field_find(weir_str head, const char *name, weir_str *out);
/* Encodings that the declaration can mean, likely one first; at
   least one. */
unsigned mime_encodings(struct mime *m, const struct mime_scan_field *field,
    uint32_t out[MIME_ENCODINGS]);

#endif
