/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * field - header values as the wire wants them.
 *
 * Pure functions; out is NUL-terminated, too long values are cut. [any]
 */
#ifndef ACTION_FIELD_H
#define ACTION_FIELD_H

#include <weir/weir.h>

/* Is this the name of a header field (RFC 5322 2.2)? */
bool field_is_name(weir_str name);
/* Clean UTF-8 text as ASCII: as it is, or in encoded words (RFC 2047). */
size_t field_encode(weir_str text, char *out, size_t size);
/* Fold after `name: ` at 78 octets, before blanks; what has none is broken
   by force before it reaches 998 (RFC 5322 2.1.1).  Line ends are LF. */
size_t field_fold(const char *name, weir_str value, char *out, size_t size);
/* A raw value as received, safe to hand to weir.edit: no CR or NUL, LF only
   before a blank, no blanks at its front. */
size_t field_clean(weir_str raw, char *out, size_t size);

#endif
