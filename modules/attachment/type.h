/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * type - what content is, by looking at it.
 *
 * Our own table knows what the scan can read or must block, exactly and fast;
 * libmagic says the rest.  What is declared or what a name says plays no part.
 */
#ifndef ATTACHMENT_TYPE_H
#define ATTACHMENT_TYPE_H

#include <weir/types.h>

#include "category.h"

/* How to read it further. */
enum type_kind {
	TYPE_OTHER = 0,
	TYPE_ZIP,
	TYPE_7Z,
	TYPE_RAR,
	TYPE_ARCHIVE,	  /* another one that libarchive reads */
	TYPE_FILTER,	  /* one compressed file, maybe a tar in it */
	TYPE_UNSUPPORTED, /* an archive that nobody reads */
	TYPE_ARJ,
	TYPE_OLE,
	TYPE_PDF,
	TYPE_RTF,
	TYPE_XML,
	TYPE_MAIL,
	TYPE_TNEF,
	TYPE_ONENOTE,
	TYPE_TEXT
};

#define TYPE_MIME 96 /* octets of a name of a type */

struct type {
	enum type_kind kind;
	uint64_t categories;
	char mime[TYPE_MIME];
};

struct magic_set;

/* libmagic's data; NULL: it can't be loaded, *why says so. */
struct magic_set *type_open(const char **why);
void type_close(struct magic_set *magic);
/* magic may be NULL: then what our table does not know is text or has no
   type.  texts: ask it what kind of text a text is, too. */
void type_detect(struct magic_set *magic, bool texts, weir_str data,
    struct type *out);
/* Does text begin like a mail: several fields of one? */
bool type_is_mail(weir_str data);

#endif
