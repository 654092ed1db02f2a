/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * names - all values that some reader may take a MIME parameter to have.
 *
 * Mail programs read Content-Disposition and Content-Type each in its own way:
 * RFC 2231 pieces in any order, encoded words inside quotes, comments, stray
 * quotes, the first or the last of two.  A filter that picks one reading is
 * walked around; so the answer here is the set.  It is bounded in number and
 * octets, and says so when the bound cut it.  Pure functions over a pool.
 */
#ifndef WEIR_MAIL_NAMES_H
#define WEIR_MAIL_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/types.h>

struct pool;

#define NAMES_MAX 24	    /* values kept */
#define NAMES_OCTETS 1024   /* of each; a longer one gives head and tail */
#define NAMES_VALUE 16384   /* octets of a header value that are read */

struct names {
	weir_str v[NAMES_MAX]; /* UTF-8, all different, likely ones first */
	unsigned n;
	unsigned whole; /* how often the parameter was given in one piece */
	bool more;	/* there were more, or longer ones */
};

/* Add the values of the parameter key that can be read out of a raw header
   value (folded as it is).  out must be zeroed before its first use. */
void names_param(struct pool *pool, weir_str value, const char *key,
    struct names *out);

/* Add the plausible file names of a part to out: "filename" and "name" in all
   of the n raw values of its Content-Disposition and Content-Type fields, also
   as a file system or a viewer may cut them (paths, NUL, trailing dots,
   invisible characters). */
void names_collect(struct pool *pool, const weir_str *values, unsigned n,
    struct names *out);

/* Add one name found elsewhere (uuencode, yEnc). */
void names_add_file(struct pool *pool, weir_str name, struct names *out);

/* Do they disagree about what follows the last dot? */
bool names_differ(const struct names *names);

#endif
