/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * text - octet tests and copies that know no locale.
 */
#ifndef WEIR_BASE_TEXT_H
#define WEIR_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/types.h>

static inline bool
text_is_alpha(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool
text_is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static inline bool
text_is_space(int c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static inline char
text_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* A slice over a C string; NULL gives the empty slice. */
weir_str text_slice(const char *s);
/* ASCII case-insensitive comparison */
bool text_case_equal(weir_str a, weir_str b);
bool text_case_equals(weir_str a, const char *b);
bool text_equals(weir_str a, const char *b);
bool text_has_prefix(weir_str s, const char *prefix); /* case matters */
void text_lower_in_place(char *s, size_t len);
weir_str text_trim(weir_str s); /* without spaces at both ends */
/* Is it well-formed UTF-8 (RFC 3629), NUL included? */
bool text_is_utf8(weir_str s);
/* Copy for logs and replies: octets that are not printable ASCII or
   well-formed UTF-8 (C0, C1, DEL, bidi controls) become \xNN; always ends with
   NUL, returns the length written (< cap). */
size_t text_escape(char *out, size_t cap, weir_str s);
/* Smallest edit distance pick for "did you mean": NULL if none is near. */
const char *text_nearest(const char *word, const char *const *choices);

/* "2026-01-31T12:00:00.000Z" (RFC 3339, UTC) */
void text_time(char out[32], int64_t wall_ms);

/* A template for mkstemp and mkdtemp: NAME-XXXXXX below $TMPDIR if that is
   absolute, else below /tmp. */
void text_temporary(char *out, size_t cap, const char *name);

#endif
