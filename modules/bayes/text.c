/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text.h"

#include <stdlib.h>

/* text_load - up to eight octets as a number, the first one lowest */
static uint64_t
text_load(const char *p, size_t len)
{
	uint64_t v = 0;

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	if (len >= 8) {
		memcpy(&v, p, 8);
		return v;
	}
#endif
	for (size_t i = 0; i < len && i < 8; i++)
		v |= (uint64_t)(unsigned char)p[i] << (8 * i);
	return v;
}

/* text_hash - eight octets at a time */
uint64_t
text_hash(uint64_t seed, const char *p, size_t len)
{
	uint64_t h = text_mix(seed, len);

	for (; len > 8; p += 8, len -= 8)
		h = text_mix(h, text_load(p, 8));
	return text_mix(h, text_load(p, len));
}

/* text_begins - has it this beginning? */
bool
text_begins(weir_str s, const char *lower)
{
	size_t i = 0;

	for (; lower[i] != '\0'; i++) {
		if (i == s.len || text_lower(s.ptr[i]) != lower[i])
			return false;
	}
	return true;
}

/* text_equals - is it this word? */
bool
text_equals(weir_str s, const char *lower)
{
	for (size_t i = 0; i < s.len; i++) {
		if (lower[i] == '\0' || text_lower(s.ptr[i]) != lower[i])
			return false;
	}
	return lower[s.len] == '\0';
}

/* text_trim - without blanks around */
weir_str
text_trim(weir_str s)
{
	while (s.len > 0 && text_is_space(s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	while (s.len > 0 && text_is_space(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

/* text_find - where does a word stand? */
const char *
text_find(weir_str s, const char *lower)
{
	size_t n = strlen(lower);

	for (; s.len >= n; s.ptr++, s.len--) {
		if (text_lower(*s.ptr) == *lower && text_begins(s, lower))
			return s.ptr;
	}
	return NULL;
}

/* text_room - grow by doubling */
bool
text_room(struct text_buf *b, size_t n)
{
	size_t cap = b->cap > 0 ? b->cap : 4096;
	char *p;

	if (n <= b->cap - b->len)
		return true;
	while (cap - b->len < n)
		cap *= 2;
	p = realloc(b->ptr, cap);
	if (p == NULL)
		return false;
	b->ptr = p;
	b->cap = cap;
	return true;
}

/* text_add - append octets */
void
text_add(struct text_buf *b, const char *p, size_t len)
{
	if (len == 0 || !text_room(b, len))
		return;
	memcpy(b->ptr + b->len, p, len);
	b->len += len;
}

/* text_add_char - append one */
void
text_add_char(struct text_buf *b, char c)
{
	if (b->len < b->cap || text_room(b, 1))
		b->ptr[b->len++] = c;
}

/* text_add_code - append a character */
void
text_add_code(struct text_buf *b, uint32_t code)
{
	if (code >= 0x110000 || (code >= 0xd800 && code < 0xe000))
		code = 0xfffd;
	if (code < 0x80) {
		text_add_char(b, (char)code);
		return;
	}
	if (code >= 0x10000) {
		text_add_char(b, (char)(0xf0 | code >> 18));
		text_add_char(b, (char)(0x80 | (code >> 12 & 0x3f)));
	} else if (code >= 0x800) {
		text_add_char(b, (char)(0xe0 | code >> 12));
	}
	if (code >= 0x800)
		text_add_char(b, (char)(0x80 | (code >> 6 & 0x3f)));
	else
		text_add_char(b, (char)(0xc0 | code >> 6));
	text_add_char(b, (char)(0x80 | (code & 0x3f)));
}

/* text_fini - free it */
void
text_fini(struct text_buf *b)
{
	free(b->ptr);
	b->ptr = NULL;
	b->len = b->cap = 0;
}

/* text_code - read a character */
size_t
text_code(const char *p, const char *end, uint32_t *code_out)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char c = (unsigned char)*p;
	size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 :
	    c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
	uint32_t code;

	*code_out = 0xfffd;
	if (n == 1)
		*code_out = c;
	if (n < 2 || (size_t)(end - p) < n)
		return 1;
	code = c & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 1;
		code = code << 6 | (p[i] & 0x3f);
	}
	if (code < least[n] || code >= 0x110000 ||
	    (code >= 0xd800 && code < 0xe000))
		return 1;
	*code_out = code;
	return n;
}

/* text_is_utf8 - nothing in it is malformed */
bool
text_is_utf8(weir_str s)
{
	const char *p = s.ptr, *end = p + s.len;
	uint32_t code;
	size_t n;

	while (p < end) {
		if ((unsigned char)*p < 0x80) {
			p++;
			continue;
		}
		n = text_code(p, end, &code);
		if (n == 1)
			return false;
		p += n;
	}
	return true;
}
