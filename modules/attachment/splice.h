/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * splice - a mail with some parts cut out or put in anew, all other octets as
 * they were.  Pure over malloc.
 */
#ifndef ATTACHMENT_SPLICE_H
#define ATTACHMENT_SPLICE_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/types.h>

/* Octets [from, to) of the mail become text. */
struct splice {
	size_t from, to;
	char *text; /* owned */
	size_t len;
};

/* A text as a part: header, empty line, content; the caller frees.  alone: only
   the content, encoded as *encoding says ("7bit", "quoted-printable"). */
char *splice_notice(const char *text, bool alone, const char **encoding,
    size_t *len);
/* Where the line that announces a part begins; head: where the part's header
   does.  SIZE_MAX: there is no such line. */
size_t splice_delimiter(weir_str raw, size_t head);
/* A part's header [head, body) with other type and name; the caller frees. */
char *splice_renamed(weir_str header, const char *name, size_t *len);
/* A name that no program runs: printable, without folders, with the suffix. */
void splice_safe_name(weir_str name, const char *suffix, char *buf,
    size_t cap);
/* The mail from body on with all splices made; they are sorted, one inside
   another is dropped.  The caller frees; NULL: no memory. */
char *splice_make(weir_str raw, size_t body, struct splice *v, size_t n,
    size_t *len);

#endif
