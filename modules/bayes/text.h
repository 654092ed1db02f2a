/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * text - octets: lower case, comparing, hashing; UTF-8.
 *
 * Pure functions over slices, without locale. [any]
 */
#ifndef BAYES_TEXT_H
#define BAYES_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <weir/types.h>

/* A growing buffer that is used again and again.  Out of memory and beyond
   max it takes no more. */
struct text_buf {
	char *ptr;
	size_t len, cap;
};

/* text_lower - of an ASCII octet */
static inline char
text_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static inline bool
text_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool
text_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
text_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* text_mix - two numbers to one that depends on every bit of both */
static inline uint64_t
text_mix(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 r;

	r = a ^ UINT64_C(0x9e3779b97f4a7c15);
	r *= b ^ UINT64_C(0xe7037ed1a0b428db);
	return (uint64_t)r ^ (uint64_t)(r >> 64);
}

/* Hash of octets; the same on every machine: it is stored. */
uint64_t text_hash(uint64_t seed, const char *p, size_t len);

bool text_equals(weir_str s, const char *lower); /* case-insensitively */
bool text_begins(weir_str s, const char *lower);
weir_str text_trim(weir_str s);
/* First place of a lower-case word, whatever the case; NULL: none. */
const char *text_find(weir_str s, const char *lower);

/* Make room for n more octets; false: there is none. */
bool text_room(struct text_buf *b, size_t n);
void text_add(struct text_buf *b, const char *p, size_t len);
void text_add_char(struct text_buf *b, char c);
/* Append a code point as UTF-8; impossible ones become U+FFFD. */
void text_add_code(struct text_buf *b, uint32_t code);
void text_fini(struct text_buf *b);

/* Decode one code point of [p, end); returns octets taken, at least 1.  A bad
   octet gives U+FFFD. */
size_t text_code(const char *p, const char *end, uint32_t *code_out);
bool text_is_utf8(weir_str s);

#endif
