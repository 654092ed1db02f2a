/* SPDX-License-Identifier: GPL-2.0-or-later */
/* names_set - the set of values, and what file systems make of a name. */
#include <string.h>

#include "base/pool.h"
#include "base/text.h"
#include "mail/decode.h"
#include "mail/names_int.h"

/* names_put - add one value if it is new */
static void
names_put(struct names_ctx *ctx, weir_str s)
{
	struct names *out = ctx->out;

	if (s.len == 0)
		return;
	for (unsigned i = 0; i < out->n; i++) {
		if (out->v[i].len == s.len &&
		    memcmp(out->v[i].ptr, s.ptr, s.len) == 0)
			return;
	}
	if (out->n == NAMES_MAX) {
		out->more = true;
		return;
	}
	out->v[out->n++] = pool_str(ctx->keep, s);
}

/* names_put_sized - the same; of a long one the head and the tail, since the
   tail has the extension and the head is what others would show */
static void
names_put_sized(struct names_ctx *ctx, weir_str s)
{
	size_t cut = NAMES_OCTETS, skip;

	if (s.len <= NAMES_OCTETS) {
		names_put(ctx, s);
		return;
	}
	ctx->out->more = true;
	for (skip = s.len - NAMES_OCTETS;
	     skip < s.len && (s.ptr[skip] & 0xc0) == 0x80; skip++)
		;
	names_put(ctx, (weir_str){ s.ptr + skip, s.len - skip });
	while (cut > 0 && (s.ptr[cut] & 0xc0) == 0x80)
		cut--;
	names_put(ctx, (weir_str){ s.ptr, cut });
}

/* names_hidden - length of the invisible character at p, or 0: controls, soft
   hyphen, zero-width and bidi marks, tags */
static size_t
names_hidden(const unsigned char *p, size_t left)
{
	if (p[0] < 0x20 || p[0] == 0x7f)
		return 1;
	if (left >= 2 && p[0] == 0xc2 && (p[1] < 0xa0 || p[1] == 0xad))
		return 2;
	if (left >= 2 && p[0] == 0xd8 && p[1] == 0x9c)
		return 2; /* U+061C */
	if (left >= 3 && p[0] == 0xe2 && p[1] == 0x80 &&
	    ((p[2] >= 0x8b && p[2] <= 0x8f) || (p[2] >= 0xa8 && p[2] <= 0xae)))
		return 3; /* U+200B.. U+200F, U+2028.. U+202E */
	if (left >= 3 && p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa0 &&
	    p[2] <= 0xaf)
		return 3; /* U+2060.. U+206F */
	if (left >= 3 && p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf)
		return 3; /* U+FEFF */
	if (left >= 4 && p[0] == 0xf3 && p[1] == 0xa0)
		return 4; /* U+E0000.. */
	return 0;
}

/* names_strip_hidden - a copy without what nobody sees, and without quotes */
static weir_str
names_strip_hidden(struct pool *pool, weir_str s)
{
	char *p = NULL;
	size_t n = 0, len;

	for (size_t i = 0; i < s.len; i += len) {
		len = names_hidden((const unsigned char *)s.ptr + i,
		    s.len - i);
		if (len == 0 && s.ptr[i] == '"')
			len = 1;
		if (len != 0) {
			if (p == NULL) {
				p = pool_strndup(pool, s.ptr, s.len);
				n = i;
			}
			continue;
		}
		len = 1;
		if (p != NULL)
			p[n++] = s.ptr[i];
	}
	if (p == NULL)
		return s;
	p[n] = '\0';
	return (weir_str){ p, n };
}

/* names_trim_end - without the dots and spaces that Windows drops */
static weir_str
names_trim_end(weir_str s)
{
	while (s.len > 0 &&
	    (s.ptr[s.len - 1] == '.' ||
		text_is_space((unsigned char)s.ptr[s.len - 1])))
		s.len--;
	return s;
}

/* names_file - a name, and what remains of it in a file system */
static void
names_file(struct names_ctx *ctx, weir_str s)
{
	const char *nul = s.len != 0 ? memchr(s.ptr, '\0', s.len) : NULL;

	s = text_trim(s);
	names_put_sized(ctx, s);
	if (nul != NULL && nul > s.ptr)
		names_put_sized(ctx,
		    names_trim_end((weir_str){ s.ptr,
			(size_t)(nul - s.ptr) }));
	s = names_strip_hidden(ctx->pool, s);
	names_put_sized(ctx, s);
	s = names_trim_end(s);
	names_put_sized(ctx, s);
	for (size_t i = s.len; i > 0; i--) {
		if (s.ptr[i - 1] == '/' || s.ptr[i - 1] == '\\') {
			s.ptr += i;
			s.len -= i;
			names_put_sized(ctx, text_trim(s));
			break;
		}
	}
}

/* names_text - octets in a charset as one value */
void
names_text(struct names_ctx *ctx, weir_str charset, weir_str s)
{
	s = decode_charset(ctx->pool, charset, s, NAMES_VALUE);
	if (ctx->file)
		names_file(ctx, s);
	else
		names_put_sized(ctx, s);
}

/* names_add_file - a name from elsewhere */
void
names_add_file(struct pool *pool, weir_str name, struct names *out)
{
	struct names_ctx ctx = { pool_create(1024, 0), pool, out, "name", 4,
		true, 0, 0, NULL };

	names_text(&ctx, (weir_str){ "", 0 }, name);
	pool_destroy(&ctx.pool);
}

/* names_extension - what follows the last dot, cleaned */
static weir_str
names_extension(weir_str s)
{
	s = names_trim_end(s);
	for (size_t i = s.len; i > 0; i--) {
		if (s.ptr[i - 1] == '.')
			return (weir_str){ s.ptr + i, s.len - i };
		if (s.ptr[i - 1] == '/' || s.ptr[i - 1] == '\\')
			break;
	}
	return (weir_str){ s.ptr + s.len, 0 };
}

/* names_differ - is there more than one extension */
bool
names_differ(const struct names *names)
{
	for (unsigned i = 1; i < names->n; i++) {
		if (!text_case_equal(names_extension(names->v[0]),
			names_extension(names->v[i])))
			return true;
	}
	return names->more;
}
