/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mail/decode.h"

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/pool.h"
#include "base/text.h"

#define B64_JUNK 0x80 /* not of the alphabet */

/* decode_b64_value - six bits, or B64_JUNK */
static const uint8_t *
decode_b64_table(void)
{
	static uint8_t table[256];
	static bool ready;
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789+/";

	if (!ready) {
		memset(table, B64_JUNK, sizeof(table));
		for (unsigned i = 0; i < 64; i++)
			table[(unsigned char)alphabet[i]] = (uint8_t)i;
		ready = true;
	}
	return table;
}

/* decode_put - one octet more if there is room */
static inline bool
decode_put(char *dst, size_t cap, size_t *n, unsigned c, bool *more)
{
	if (*n == cap) {
		*more = true;
		return false;
	}
	dst[(*n)++] = (char)c;
	return true;
}

/* decode_b64_flush - the octets of an unfinished group */
static size_t
decode_b64_flush(char *dst, size_t cap, size_t n, uint32_t acc,
    unsigned have, bool *more)
{
	if (have == 2)
		decode_put(dst, cap, &n, acc >> 4, more);
	if (have == 3) {
		decode_put(dst, cap, &n, acc >> 10, more);
		decode_put(dst, cap, &n, acc >> 2, more);
	}
	return n;
}

/* decode_base64 - base64 as one kind of reader takes it */
size_t
decode_base64(char *dst, size_t cap, weir_str src, enum decode_base64 how,
    bool *more)
{
	const uint8_t *table = decode_b64_table();
	const uint8_t *p = (const uint8_t *)src.ptr, *end = p + src.len;
	uint32_t acc = 0;
	unsigned have = 0;
	size_t n = 0;

	while (p < end) {
		uint8_t v;

		/* whole groups without anything odd: nearly all of it */
		while (have == 0 && end - p >= 4 && cap - n >= 3) {
			uint32_t a = table[p[0]], b = table[p[1]],
				 c = table[p[2]], d = table[p[3]];

			if (((a | b | c | d) & B64_JUNK) != 0)
				break;
			a = a << 18 | b << 12 | c << 6 | d;
			dst[n] = (char)(a >> 16);
			dst[n + 1] = (char)(a >> 8);
			dst[n + 2] = (char)a;
			n += 3;
			p += 4;
		}
		if (p == end)
			break;
		v = table[*p++];
		if (how == DECODE_B64_ZERO && p[-1] == '=')
			v = 0;
		if (v != B64_JUNK) {
			acc = acc << 6 | v;
			if (++have < 4)
				continue;
			have = 0;
			if (!decode_put(dst, cap, &n, acc >> 16, more) ||
			    !decode_put(dst, cap, &n, acc >> 8, more) ||
			    !decode_put(dst, cap, &n, acc, more))
				return n;
		} else if (p[-1] == '\n') {
			if (how == DECODE_B64_LINE)
				have = 0;
		} else if (p[-1] == '=') {
			if (have < 2 || how == DECODE_B64_SKIP)
				continue;
			n = decode_b64_flush(dst, cap, n, acc, have, more);
			have = 0;
			if (how == DECODE_B64_STOP)
				return n;
		} else if (how == DECODE_B64_HASH && p[-1] > ' ') {
			p = memchr(p, '\n', (size_t)(end - p));
			if (p == NULL)
				break;
		}
	}
	return decode_b64_flush(dst, cap, n, acc, have, more);
}

/* decode_base64_is_odd - would readers disagree? */
bool
decode_base64_is_odd(weir_str src)
{
	const uint8_t *table = decode_b64_table();
	const uint8_t *p = (const uint8_t *)src.ptr;
	size_t i = 0, line = 0;
	unsigned have = 0, pads = 0;

	for (; i < src.len; i++) {
		if (pads == 0 && have == 0 && src.len - i >= 4 &&
		    ((table[p[i]] | table[p[i + 1]] | table[p[i + 2]] |
			 table[p[i + 3]]) &
			B64_JUNK) == 0) {
			i += 3;
			line += 4;
			continue;
		}
		if (table[p[i]] != B64_JUNK) {
			if (pads != 0)
				return true;
			have = (have + 1) % 4;
			line++;
		} else if (p[i] == '=') {
			pads++;
			if (have == 0 || have + pads > 4 || have == 1)
				return true;
		} else if (p[i] == '\n') {
			/* a line that is not made of whole groups */
			if (line != 0 && have != 0 && pads == 0)
				return true;
			line = 0;
		} else if (p[i] != '\r' && p[i] != ' ' && p[i] != '\t') {
			return true;
		}
	}
	return false;
}

/* decode_hex - value of a hex digit or -1 */
static int
decode_hex(unsigned c)
{
	if (c >= '0' && c <= '9')
		return (int)c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? (int)c - 'a' + 10 : -1;
}

/* decode_qp_line - one line without its end; returns false if cap cut it; soft
   tells that the line goes on */
static bool
decode_qp_line(char *dst, size_t cap, size_t *n, weir_str line, bool drop,
    bool *soft, bool *more)
{
	const char *p = line.ptr, *end = p + line.len;

	while (end > p && (end[-1] == ' ' || end[-1] == '\t' ||
			      end[-1] == '\r'))
		end--;
	*soft = false;
	while (p < end) {
		const char *eq = memchr(p, '=', (size_t)(end - p));
		size_t run = (size_t)((eq != NULL ? eq : end) - p);
		int hi, lo;

		if (run > cap - *n) {
			run = cap - *n;
			*more = true;
		}
		memcpy(dst + *n, p, run);
		*n += run;
		if (*more)
			return false;
		if (eq == NULL)
			break;
		p = eq + 1;
		if (p == end) {
			*soft = true;
			break;
		}
		hi = decode_hex((unsigned char)p[0]);
		lo = end - p > 1 ? decode_hex((unsigned char)p[1]) : -1;
		if (hi >= 0 && lo >= 0) {
			if (!decode_put(dst, cap, n, (unsigned)(hi << 4 | lo),
				more))
				return false;
			p += 2;
		} else if (drop) {
			for (int i = 0; i < 2 && p < end && *p != '='; i++)
				p++;
		} else if (!decode_put(dst, cap, n, '=', more)) {
			return false;
		}
	}
	return true;
}

/* decode_qp - quoted-printable; a "=" that is no code stands for itself */
size_t
decode_qp(char *dst, size_t cap, weir_str src, bool drop, bool *more)
{
	const char *p = src.ptr, *end = p + src.len;
	size_t n = 0;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *eol = nl != NULL ? nl : end;
		bool soft, crlf = eol > p && eol[-1] == '\r';

		if (!decode_qp_line(dst, cap, &n,
			(weir_str){ p, (size_t)(eol - p) }, drop, &soft,
			more))
			return n;
		if (nl == NULL)
			break;
		if (!soft && ((crlf && !decode_put(dst, cap, &n, '\r', more)) ||
				 !decode_put(dst, cap, &n, '\n', more)))
			return n;
		p = nl + 1;
	}
	return n;
}

/* decode_qp_is_odd - is any "=" without its code */
bool
decode_qp_is_odd(weir_str src)
{
	const char *p = src.ptr, *end = p + src.len;

	while (p < end && (p = memchr(p, '=', (size_t)(end - p))) != NULL) {
		p++;
		if (end - p >= 2 && decode_hex((unsigned char)p[0]) >= 0 &&
		    decode_hex((unsigned char)p[1]) >= 0) {
			p += 2;
			continue;
		}
		while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
			p++;
		if (p < end && *p != '\n')
			return true;
	}
	return false;
}

/* decode_uu_line - one line of uuencoded data */
static bool
decode_uu_line(char *dst, size_t cap, size_t *n, weir_str line, bool *more)
{
	const unsigned char *p = (const unsigned char *)line.ptr;
	size_t want, got = 0;

	while (line.len > 0 &&
	    (p[line.len - 1] == '\r' || p[line.len - 1] == '\n'))
		line.len--;
	if (line.len == 0 || p[0] < ' ' || p[0] > '`')
		return true;
	want = (p[0] - ' ') & 63u;
	for (size_t i = 1; got < want; i += 4) {
		uint32_t acc = 0;

		/* trailing blanks may have been cut on the way */
		if (i >= line.len)
			return true;
		for (size_t k = 0; k < 4; k++)
			acc = acc << 6 |
			    (i + k < line.len ? (p[i + k] - ' ') & 63u : 0);
		for (int shift = 16; shift >= 0 && got < want; shift -= 8) {
			if (!decode_put(dst, cap, n, acc >> shift, more))
				return false;
			got++;
		}
	}
	return true;
}

/* decode_uu - uuencode, with or without its begin and end lines */
size_t
decode_uu(char *dst, size_t cap, weir_str src, bool *more)
{
	const char *p = src.ptr, *end = p + src.len;
	size_t n = 0;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		weir_str line = { p, (size_t)((nl != NULL ? nl : end) - p) };

		p = nl != NULL ? nl + 1 : end;
		if (text_has_prefix(line, "begin "))
			continue;
		if (text_equals(text_trim(line), "end"))
			break;
		if (!decode_uu_line(dst, cap, &n, line, more))
			break;
	}
	return n;
}

/* decode_yenc - yEnc, without its =y lines */
size_t
decode_yenc(char *dst, size_t cap, weir_str src, bool *more)
{
	const char *p = src.ptr, *end = p + src.len;
	size_t n = 0;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *eol = nl != NULL ? nl : end;
		weir_str line = { p, (size_t)(eol - p) };

		p = nl != NULL ? nl + 1 : end;
		if (text_has_prefix(line, "=yend"))
			break;
		if (text_has_prefix(line, "=y"))
			continue;
		for (size_t i = 0; i < line.len; i++) {
			unsigned c = (unsigned char)line.ptr[i];

			if (c == '\r')
				continue;
			if (c == '=' && i + 1 < line.len)
				c = (unsigned char)line.ptr[++i] - 64u;
			if (!decode_put(dst, cap, &n, c - 42u, more))
				return n;
		}
	}
	return n;
}

/* decode_bound - an upper bound of the decoded size */
size_t
decode_bound(enum decode_encoding encoding, size_t len)
{
	return encoding == DECODE_BASE64 ? len / 4 * 3 + 3 : len;
}

/* An encoded word, in pieces. */
struct decode_word {
	weir_str charset, text;
	char kind; /* 'B' or 'Q' */
	size_t len; /* of the whole */
};

/* decode_word_at - is there "=?charset?Q?text?=" at the beginning of s */
static bool
decode_word_at(weir_str s, struct decode_word *w)
{
	const char *p = s.ptr + 2, *end = s.ptr + s.len, *q;

	if (s.len < 6 || p[-2] != '=' || p[-1] != '?')
		return false;
	q = memchr(p, '?', (size_t)(end - p) < 64 ? (size_t)(end - p) : 64);
	if (q == NULL || end - q < 3 || q[2] != '?')
		return false;
	w->charset = (weir_str){ p, (size_t)(q - p) };
	/* RFC 2231 section 5: a language behind the charset */
	p = memchr(w->charset.ptr, '*', w->charset.len);
	if (p != NULL)
		w->charset.len = (size_t)(p - w->charset.ptr);
	w->kind = (char)(q[1] & ~0x20);
	if (w->kind != 'B' && w->kind != 'Q')
		return false;
	w->text.ptr = p = q + 3;
	while ((q = memchr(p, '?', (size_t)(end - p))) != NULL) {
		if (q + 1 < end && q[1] == '=')
			break;
		p = q + 1;
	}
	/* a word that is never closed reaches to the end */
	w->text.len = (size_t)((q != NULL ? q : end) - w->text.ptr);
	w->len = q != NULL ? (size_t)(q + 2 - s.ptr) : s.len;
	return true;
}

/* decode_word_text - the octets of an encoded word */
static void
decode_word_text(const struct decode_word *w, struct buf *out)
{
	size_t cap = decode_bound(DECODE_BASE64, w->text.len) + w->text.len;
	char *dst = buf_reserve(out, cap + 1);
	bool more = false;
	size_t n = 0;

	if (w->kind == 'B') {
		out->len += decode_base64(dst, cap, w->text, DECODE_B64_JOIN,
		    &more);
		return;
	}
	for (size_t i = 0; i < w->text.len; i++) {
		unsigned c = (unsigned char)w->text.ptr[i];
		int hi, lo;

		if (c == '_') {
			c = ' ';
		} else if (c == '=' && w->text.len - i > 2) {
			hi = decode_hex((unsigned char)w->text.ptr[i + 1]);
			lo = decode_hex((unsigned char)w->text.ptr[i + 2]);
			if (hi >= 0 && lo >= 0) {
				c = (unsigned)(hi << 4 | lo);
				i += 2;
			}
		}
		dst[n++] = (char)c;
	}
	out->len += n;
}

/* decode_run - convert the octets gathered in one charset */
static void
decode_run(struct pool *pool, struct buf *run, weir_str charset,
    struct buf *out)
{
	weir_str text;

	if (run->len == 0)
		return;
	text = decode_charset(pool, charset, buf_str(run), SIZE_MAX);
	buf_add(out, text.ptr, text.len);
	buf_clear(run);
}

/* decode_header - unfold, decode the words */
weir_str
decode_header(struct pool *pool, weir_str raw)
{
	struct buf out = BUF_INIT, run = BUF_INIT;
	struct decode_word w;
	weir_str charset = { "", 0 }, result;
	size_t blank = 0; /* spaces behind the last encoded word */
	bool in_word = false;

	raw = text_trim(raw);
	for (size_t i = 0; i < raw.len; i++) {
		weir_str rest = { raw.ptr + i, raw.len - i };

		if (raw.ptr[i] == '\r' || raw.ptr[i] == '\n')
			continue;
		if (raw.ptr[i] == '=' && decode_word_at(rest, &w)) {
			/* neighbours of one charset may share a character */
			if (!in_word || !text_case_equal(charset, w.charset)) {
				decode_run(pool, &run, charset, &out);
				charset = w.charset;
			}
			decode_word_text(&w, &run);
			in_word = true;
			blank = 0;
			i += w.len - 1;
			continue;
		}
		if (in_word && text_is_space((unsigned char)raw.ptr[i])) {
			blank++;
			continue;
		}
		if (in_word) {
			decode_run(pool, &run, charset, &out);
			charset = (weir_str){ "", 0 };
			in_word = false;
			for (; blank > 0; blank--)
				buf_add_char(&run, ' ');
		}
		buf_add_char(&run,
		    raw.ptr[i] == '\t' ? ' ' : raw.ptr[i]);
	}
	decode_run(pool, &run, charset, &out);
	result = pool_str(pool,
	    (weir_str){ out.ptr != NULL ? out.ptr : "", out.len });
	buf_fini(&out);
	buf_fini(&run);
	return result;
}
