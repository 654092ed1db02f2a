/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mail/names.h"

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/pool.h"
#include "base/text.h"
#include "mail/decode.h"
#include "mail/names_int.h"

/* names_percent - %XX decoded, appended to out */
static void
names_percent(weir_str s, struct buf *out)
{
	for (size_t i = 0; i < s.len; i++) {
		static const char digits[] = "0123456789abcdef";
		const char *hi, *lo;

		if (s.ptr[i] == '%' && s.len - i > 2 && s.ptr[i + 1] != '\0' &&
		    s.ptr[i + 2] != '\0') {
			hi = strchr(digits, text_lower(s.ptr[i + 1]));
			lo = strchr(digits, text_lower(s.ptr[i + 2]));
			if (hi != NULL && lo != NULL) {
				buf_add_char(out,
				    (char)((hi - digits) << 4 | (lo - digits)));
				i += 2;
				continue;
			}
		}
		buf_add_char(out, s.ptr[i]);
	}
}

/* names_charset - take "charset'language'" off the front of s */
static weir_str
names_charset(weir_str *s)
{
	const char *a = s->len != 0 ? memchr(s->ptr, '\'', s->len) : NULL, *b;
	weir_str charset = { "", 0 };

	if (a == NULL)
		return charset;
	b = memchr(a + 1, '\'', (size_t)(s->ptr + s->len - a - 1));
	if (b == NULL)
		return charset;
	charset = (weir_str){ s->ptr, (size_t)(a - s->ptr) };
	s->len -= (size_t)(b + 1 - s->ptr);
	s->ptr = b + 1;
	return charset;
}

/* names_emit - one reading of a value given in one piece */
static void
names_emit(struct names_ctx *ctx, weir_str s, bool ext)
{
	const weir_str none = { "", 0 };
	weir_str rest = s, charset;
	bool percent;

	if (s.len == 0)
		return;
	percent = memchr(s.ptr, '%', s.len) != NULL;
	if (!ext && memmem(s.ptr, s.len, "=?", 2) != NULL)
		names_text(ctx, none, decode_header(ctx->pool, s));
	if (!ext)
		names_text(ctx, none, s);
	if (!ext && !percent && memmem(s.ptr, s.len, "''", 2) == NULL)
		return;
	charset = names_charset(&rest);
	if (percent) {
		struct buf b = BUF_INIT;

		names_percent(rest, &b);
		names_text(ctx, charset, pool_str(ctx->pool, buf_str(&b)));
		buf_fini(&b);
	} else {
		names_text(ctx, charset, rest);
	}
}

/* names_without - a copy without any of the characters in drop; a backslash
   among them keeps the character behind it */
static weir_str
names_without(struct pool *pool, weir_str s, const char *drop)
{
	char *p = pool_alloc(pool, s.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '\\' && strchr(drop, '\\') != NULL) {
			if (++i < s.len)
				p[n++] = s.ptr[i];
		} else if (s.ptr[i] == '\0' ||
		    strchr(drop, s.ptr[i]) == NULL) {
			p[n++] = s.ptr[i];
		}
	}
	return (weir_str){ p, n };
}

/* names_until - the part of s before the first of the given characters that
   no backslash protects */
static weir_str
names_until(weir_str s, const char *stop, bool escapes)
{
	for (size_t i = 0; i < s.len; i++) {
		if (escapes && s.ptr[i] == '\\')
			i++;
		else if (s.ptr[i] != '\0' && strchr(stop, s.ptr[i]) != NULL)
			return (weir_str){ s.ptr, i };
	}
	return s;
}

/* names_quoted - the readings of a value that begins with a quote; first is
   the one of the RFC */
static void
names_quoted(struct names_ctx *ctx, weir_str s, bool ext, weir_str *first)
{
	weir_str in = { s.ptr + 1, s.len - 1 }, body, after, seg;
	bool closed, escaped;

	body = names_until(in, "\"", true);
	closed = body.len < in.len;
	after = text_trim((weir_str){ body.ptr + body.len,
	    in.len - body.len });
	if (closed) {
		after.ptr++;
		after.len--;
		after = text_trim(after);
	}
	escaped = body.len != 0 && memchr(body.ptr, '\\', body.len) != NULL;
	*first = escaped ? names_without(ctx->pool, body, "\\") : body;
	names_emit(ctx, *first, ext);
	if (escaped)
		names_emit(ctx, body, ext);
	if (closed && (after.len == 0 || after.ptr[0] == ';'))
		return;
	/* something follows the quote, or it is never closed */
	seg = text_trim(names_until(in, ";", false));
	names_emit(ctx, names_without(ctx->pool, seg, "\""), ext);
	names_emit(ctx, names_without(ctx->pool, seg, "\"\\"), ext);
	for (size_t i = seg.len; i > 0; i--) {
		if (seg.ptr[i - 1] == '"') {
			names_emit(ctx, (weir_str){ seg.ptr, i - 1 }, ext);
			break;
		}
	}
	/* both quotes kept, and only what comes before the first inner one */
	names_emit(ctx, names_until(in, "\"", false), ext);
	if (!closed)
		names_emit(ctx, names_until(s, "; \t", false), ext);
}

/* names_bare - the readings of a value without a quote in front */
static void
names_bare(struct names_ctx *ctx, weir_str s, bool ext, weir_str *first)
{
	weir_str seg = text_trim(names_until(s, ";", false));
	weir_str wide = text_trim(names_until(s, ";", true)), rest;

	*first = seg;
	names_emit(ctx, seg, ext);
	if (wide.len != 0 && memchr(wide.ptr, '\\', wide.len) != NULL) {
		names_emit(ctx, names_without(ctx->pool, wide, "\\"), ext);
		names_emit(ctx, names_without(ctx->pool, wide, "\\\""), ext);
	}
	if (seg.len != 0 && memchr(seg.ptr, '"', seg.len) != NULL)
		names_emit(ctx, names_without(ctx->pool, seg, "\""), ext);
	if (seg.len > 2 && seg.ptr[0] == '\'' && seg.ptr[seg.len - 1] == '\'')
		names_emit(ctx, (weir_str){ seg.ptr + 1, seg.len - 2 }, ext);
	rest = names_until(seg, " \t,", false);
	if (rest.len < seg.len)
		names_emit(ctx, rest, ext);
	/* a ";" that begins no parameter may belong to the value */
	rest = (weir_str){ seg.ptr + seg.len,
		(size_t)(s.ptr + s.len - seg.ptr) - seg.len };
	if (rest.len > 1 && memchr(rest.ptr, '=', rest.len) == NULL &&
	    text_trim((weir_str){ rest.ptr + 1, rest.len - 1 }).len != 0)
		names_emit(ctx, text_trim(s), ext);
}

/* names_piece_add - remember a continuation */
static void
names_piece_add(struct names_ctx *ctx, unsigned index, bool ext, weir_str v)
{
	if (ctx->piece == NULL)
		ctx->piece = pool_array(ctx->pool, struct names_piece,
		    NAMES_PIECES);
	if (ctx->pieces == NAMES_PIECES) {
		ctx->out->more = true;
		return;
	}
	ctx->piece[ctx->pieces++] =
	    (struct names_piece){ v, index, ext };
}

/* names_skip - past spaces */
static size_t
names_skip(weir_str s, size_t i)
{
	while (i < s.len && text_is_space((unsigned char)s.ptr[i]))
		i++;
	return i;
}

/* names_hit - the key stands at s: read "*N*=" and the value behind it;
   returns how far one may go on, 0 if it is no parameter */
static size_t
names_hit(struct names_ctx *ctx, weir_str s)
{
	size_t i = names_skip(s, ctx->key_len);
	bool ext = false, piece = false;
	unsigned index = 0;
	weir_str first = { "", 0 };

	if (i < s.len && s.ptr[i] == '*') {
		size_t digits = ++i;

		while (i < s.len && text_is_digit((unsigned char)s.ptr[i])) {
			if (i - digits < 6)
				index = index * 10 + (unsigned)(s.ptr[i] - '0');
			i++;
		}
		piece = i > digits;
		ext = !piece;
		i = names_skip(s, i);
		if (piece && i < s.len && s.ptr[i] == '*') {
			ext = true;
			i = names_skip(s, i + 1);
		}
	}
	if (i == s.len || s.ptr[i] != '=')
		return 0;
	i = names_skip(s, i + 1);
	s.ptr += i;
	s.len -= i;
	if (s.len > 3 * NAMES_OCTETS + 64) {
		s.len = 3 * NAMES_OCTETS + 64;
		/* only a value that is itself as long was cut by this */
		if (names_until(s, ";", false).len == s.len)
			ctx->out->more = true;
	}
	if (piece) {
		if (s.len != 0 && s.ptr[0] == '"') {
			first = names_until((weir_str){ s.ptr + 1, s.len - 1 },
			    "\"", true);
			first = names_without(ctx->pool, first, "\\");
		} else {
			first = text_trim(names_until(s, ";", false));
		}
		names_piece_add(ctx, index, ext, first);
		return i;
	}
	ctx->out->whole++;
	if (s.len != 0 && s.ptr[0] == '"')
		names_quoted(ctx, s, ext, &first);
	else
		names_bare(ctx, s, ext, &first);
	return i;
}

/* names_scan - find the key wherever a careless reader would */
static void
names_scan(struct names_ctx *ctx, weir_str s)
{
	char low = ctx->key[0], up = (char)(low - 32);

	if (s.len < ctx->key_len + 1 || memchr(s.ptr, '=', s.len) == NULL)
		return;
	for (size_t i = 0; i + ctx->key_len < s.len; i++) {
		weir_str rest = { s.ptr + i, s.len - i };
		char before = i > 0 ? s.ptr[i - 1] : ' ';

		if ((s.ptr[i] != low && s.ptr[i] != up) ||
		    text_is_alpha((unsigned char)before) ||
		    text_is_digit((unsigned char)before) || before == '-' ||
		    before == '_' ||
		    !text_case_equal((weir_str){ rest.ptr, ctx->key_len },
			(weir_str){ ctx->key, ctx->key_len }))
			continue;
		if (ctx->hits++ == NAMES_HITS ||
		    (ctx->out->n == NAMES_MAX && ctx->out->more)) {
			ctx->out->more = true;
			return;
		}
		names_hit(ctx, rest);
		i += ctx->key_len - 1;
	}
}

/* names_join - one reading of the pieces: those of the list of n indexes */
static void
names_join(struct names_ctx *ctx, const unsigned *list, unsigned n)
{
	struct buf b = BUF_INIT, plain = BUF_INIT;
	weir_str charset = { "", 0 };
	bool percent = false;

	for (unsigned i = 0; i < n; i++) {
		const struct names_piece *p = &ctx->piece[list[i]];
		weir_str v = p->value;

		if (i == 0 &&
		    (p->ext || memmem(v.ptr, v.len, "''", 2) != NULL))
			charset = names_charset(&v);
		if (p->ext)
			names_percent(v, &b);
		else
			buf_add(&b, v.ptr, v.len);
		names_percent(v, &plain);
		if (!p->ext && v.len != 0 && memchr(v.ptr, '%', v.len) != NULL)
			percent = true;
	}
	names_text(ctx, charset, pool_str(ctx->pool, buf_str(&b)));
	if (b.len > 1 && memmem(b.ptr, b.len, "=?", 2) != NULL)
		names_text(ctx, (weir_str){ "", 0 },
		    decode_header(ctx->pool, buf_str(&b)));
	if (percent)
		names_text(ctx, charset,
		    pool_str(ctx->pool, buf_str(&plain)));
	buf_fini(&b);
	buf_fini(&plain);
}

/* names_readings - put the pieces together in all orders that readers use */
static void
names_readings(struct names_ctx *ctx)
{
	unsigned order[NAMES_PIECES], list[NAMES_PIECES], uniq[NAMES_PIECES];
	unsigned n = ctx->pieces, k, gap = 0;

	if (n == 0)
		return;
	/* stable, by index; there are few */
	for (unsigned i = 0; i < n; i++) {
		for (k = i; k > 0 &&
		     ctx->piece[order[k - 1]].index > ctx->piece[i].index; k--)
			order[k] = order[k - 1];
		order[k] = i;
	}
	/* sorted, the first of equals; then the last of equals */
	for (unsigned last = 0; last < 2; last++) {
		k = 0;
		for (unsigned i = 0; i < n; i++) {
			if (i > 0 && ctx->piece[order[i]].index ==
				ctx->piece[order[i - 1]].index) {
				if (last)
					list[k - 1] = order[i];
				continue;
			}
			if (ctx->piece[order[i]].index != k && gap == 0)
				gap = k;
			uniq[k] = order[i];
			list[k++] = order[i];
		}
		names_join(ctx, list, k);
	}
	/* as they come */
	for (unsigned i = 0; i < n; i++)
		list[i] = i;
	names_join(ctx, list, n);
	names_join(ctx, order, n);
	/* up to the first gap */
	if (gap > 0)
		names_join(ctx, uniq, gap);
}

/* names_uncomment - a copy without comments; false if there are none */
static bool
names_uncomment(struct pool *pool, weir_str s, weir_str *out)
{
	char *p;
	size_t n = 0;
	unsigned deep = 0;
	bool quoted = false;

	if (s.len == 0 || memchr(s.ptr, '(', s.len) == NULL)
		return false;
	p = pool_alloc(pool, s.len + 1);
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (c == '\\' && i + 1 < s.len) {
			if (deep == 0) {
				p[n++] = c;
				p[n++] = s.ptr[i + 1];
			}
			i++;
		} else if (deep == 0 && c == '"') {
			quoted = !quoted;
			p[n++] = c;
		} else if (!quoted && c == '(') {
			deep++;
		} else if (deep > 0) {
			if (c == ')')
				deep--;
		} else {
			p[n++] = c;
		}
	}
	*out = (weir_str){ p, n };
	return true;
}

/* names_unfold - a copy without line ends, bounded; src itself if it has
   none */
static weir_str
names_unfold(struct names_ctx *ctx, weir_str src)
{
	char *p;
	size_t n = 0;

	if (src.len > NAMES_VALUE) {
		src.len = NAMES_VALUE;
		ctx->out->more = true;
	}
	if (src.len == 0 || (memchr(src.ptr, '\n', src.len) == NULL &&
				memchr(src.ptr, '\r', src.len) == NULL))
		return src;
	p = pool_alloc(ctx->pool, src.len + 1);
	for (size_t i = 0; i < src.len; i++) {
		if (src.ptr[i] != '\r' && src.ptr[i] != '\n')
			p[n++] = src.ptr[i];
	}
	return (weir_str){ p, n };
}

/* names_key - all values of one parameter in n header values */
static void
names_key(struct pool *pool, const weir_str *values, unsigned n,
    const char *key, bool file, struct names *out)
{
	struct names_ctx ctx = { pool_create(4096, 0), pool, out, key,
		strlen(key), file, 0, 0, NULL };
	weir_str s, bare;

	for (unsigned i = 0; i < n; i++) {
		s = names_unfold(&ctx, values[i]);
		names_scan(&ctx, s);
		if (names_uncomment(ctx.pool, s, &bare)) {
			unsigned whole = out->whole;

			/* pieces seen above come again: read them once */
			if (ctx.pieces == 0) {
				names_scan(&ctx, bare);
				out->whole = whole > out->whole - whole ?
				    whole :
				    out->whole - whole;
			}
		}
	}
	names_readings(&ctx);
	pool_destroy(&ctx.pool);
}

/* names_param - of any parameter */
void
names_param(struct pool *pool, weir_str value, const char *key,
    struct names *out)
{
	names_key(pool, &value, 1, key, false, out);
}

/* names_collect - of a part's file names */
void
names_collect(struct pool *pool, const weir_str *values, unsigned n,
    struct names *out)
{
	names_key(pool, values, n, "filename", true, out);
	names_key(pool, values, n, "name", true, out);
}
