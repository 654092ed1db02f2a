/* SPDX-License-Identifier: GPL-2.0-or-later */
/* name - what a file's name says about it.  Pure functions on UTF-8. */
#ifndef ATTACHMENT_NAME_H
#define ATTACHMENT_NAME_H

#include <weir/types.h>

#include "category.h"

#define NAME_EXTENSION 24 /* octets of an extension that are looked at */

/* Kinds of content that should go together with an extension or a declared
   type; ANY goes together with everything. */
enum name_class {
	NAME_CLASS_ANY = 0,
	NAME_CLASS_IMAGE,
	NAME_CLASS_AUDIO,
	NAME_CLASS_VIDEO,
	NAME_CLASS_PDF,
	NAME_CLASS_OFFICE,
	NAME_CLASS_ARCHIVE,
	NAME_CLASS_PROGRAM,
	NAME_CLASS_TEXT
};

/* The categories that follow from a name: its extension, what hides it. */
uint64_t name_categories(weir_str name);
/* The same for a set of names, with NAMES_DIFFER. */
uint64_t name_set_categories(const weir_str *names, size_t n);
/* What its extension promises; of a MIME type the same. */
enum name_class name_class(weir_str name);
enum name_class name_type_class(weir_str type);
/* What a declared type alone says. */
uint64_t name_type_categories(weir_str type);
/* Content of one class under the name or declaration of another: worth a word?
   Only where both say something definite, and nobody does it in good faith. */
bool name_mismatch(enum name_class seen, enum name_class said);
/* Behind the last slash or backslash. */
weir_str name_base(weir_str path);
/* Its extension in lower case, without what Windows drops at the end;
   returns its length, 0 if there is none. */
size_t name_extension(weir_str name, char out[NAME_EXTENSION]);

#endif
