/* SPDX-License-Identifier: GPL-2.0-or-later */
/* decode_charset - any charset to UTF-8, by iconv with a small cache. */
#include <errno.h>
#include <iconv.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/pool.h"
#include "base/text.h"
#include "mail/decode.h"

#define CHARSET_NAME_MAX 40
#define CHARSET_KEEP 8
#define CHARSET_NONE ((iconv_t)-1)

struct charset_slot {
	char name[CHARSET_NAME_MAX]; /* "" while unused */
	iconv_t cd;		     /* CHARSET_NONE: iconv has no such one */
};

/* Loop thread only. */
static struct charset_slot slots[CHARSET_KEEP];
static unsigned slot_next;

/* 0x80 to 0x9f of windows-1252; the five holes stay controls */
static const uint16_t cp1252[32] = { 0x20ac, 0x81, 0x201a, 0x192, 0x201e,
	0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d,
	0x17d, 0x8f, 0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013,
	0x2014, 0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0x9d, 0x17e, 0x178 };

/* decode_cp1252 - one octet as UTF-8, at most 3 octets */
static size_t
decode_cp1252(char *dst, unsigned char c)
{
	unsigned cp = c >= 0x80 && c < 0xa0 ? cp1252[c - 0x80] : c;

	if (cp < 0x80) {
		dst[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		dst[0] = (char)(0xc0 | cp >> 6);
		dst[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	dst[0] = (char)(0xe0 | cp >> 12);
	dst[1] = (char)(0x80 | (cp >> 6 & 0x3f));
	dst[2] = (char)(0x80 | (cp & 0x3f));
	return 3;
}

/* decode_charset_name - a clean lower-case copy; false if it is no name */
static bool
decode_charset_name(weir_str in, char out[CHARSET_NAME_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < in.len; i++) {
		char c = text_lower(in.ptr[i]);

		if (c == '"' || c == '\'' || text_is_space((unsigned char)c))
			continue;
		/* no "/": iconv takes options behind it */
		if (!text_is_alpha(c) && !text_is_digit(c) && c != '-' &&
		    c != '_' && c != '.' && c != ':' && c != '+')
			return false;
		if (n + 1 == CHARSET_NAME_MAX)
			return false;
		out[n++] = c;
	}
	out[n] = '\0';
	return n != 0;
}

/* decode_charset_open - the kept handle for a clean name, or CHARSET_NONE */
static iconv_t
decode_charset_open(const char *name)
{
	struct charset_slot *s;

	for (unsigned i = 0; i < CHARSET_KEEP; i++) {
		if (strcmp(slots[i].name, name) == 0) {
			if (slots[i].cd != CHARSET_NONE)
				iconv(slots[i].cd, NULL, NULL, NULL, NULL);
			return slots[i].cd;
		}
	}
	s = &slots[slot_next];
	slot_next = (slot_next + 1) % CHARSET_KEEP;
	if (s->name[0] != '\0' && s->cd != CHARSET_NONE)
		iconv_close(s->cd);
	snprintf(s->name, sizeof(s->name), "%s", name);
	/* a converter with a history of overruns, and no mail uses it */
	s->cd = strstr(name, "cn-ext") != NULL ? CHARSET_NONE :
						 iconv_open("UTF-8", name);
	return s->cd;
}

/* decode_charset_is_ascii_based - ASCII octets mean ASCII in it */
static bool
decode_charset_is_ascii_based(const char *name)
{
	static const char *const prefixes[] = { "us-ascii", "ascii", "utf-8",
		"utf8", "iso-8859", "iso8859", "windows-", "cp125", "koi8",
		"gb2312", "gbk", "gb18030", "big5", "euc-", NULL };

	for (unsigned i = 0; prefixes[i] != NULL; i++) {
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	}
	return false;
}

/* decode_utf16_order - the byte order of UTF-16 without a mark, by where the
   zero octets are */
static const char *
decode_utf16_order(weir_str src)
{
	size_t even = 0, odd = 0, n = src.len < 512 ? src.len : 512;

	if (n >= 2 &&
	    (memcmp(src.ptr, "\xff\xfe", 2) == 0 ||
		memcmp(src.ptr, "\xfe\xff", 2) == 0))
		return "utf-16";
	for (size_t i = 0; i < n; i++) {
		if (src.ptr[i] == '\0' && i % 2 == 0)
			even++;
		else if (src.ptr[i] == '\0')
			odd++;
	}
	return even > odd ? "utf-16be" : "utf-16le";
}

/* decode_is_ascii - no octet above 127 */
static bool
decode_is_ascii(weir_str s)
{
	size_t i = 0;
	uint64_t w;

	for (; s.len - i >= sizeof(w); i += sizeof(w)) {
		memcpy(&w, s.ptr + i, sizeof(w));
		if ((w & 0x8080808080808080u) != 0)
			return false;
	}
	for (; i < s.len; i++) {
		if ((s.ptr[i] & 0x80) != 0)
			return false;
	}
	return true;
}

/* decode_cut - the longest prefix of whole characters within max octets */
static size_t
decode_cut(weir_str s, size_t max)
{
	if (s.len <= max)
		return s.len;
	while (max > 0 && (s.ptr[max] & 0xc0) == 0x80)
		max--;
	return max;
}

/* decode_convert - through iconv, or octet by octet where it refuses */
static weir_str
decode_convert(struct pool *pool, iconv_t cd, weir_str src, size_t max)
{
	struct buf out = BUF_INIT;
	char *in = (char *)(uintptr_t)src.ptr, one[4];
	size_t left = src.len;
	weir_str result;

	while (left > 0 && out.len <= max) {
		size_t room = left < 4096 ? left + left / 2 + 16 : 8192, n;
		char *p = buf_reserve(&out, room), *start = p;
		int e = EILSEQ;

		if (cd != CHARSET_NONE)
			e = iconv(cd, &in, &left, &p, &room) == (size_t)-1 ?
			    errno :
			    0;
		out.len += (size_t)(p - start);
		if (left == 0 || (e != EILSEQ && e != EINVAL))
			continue;
		do {
			n = decode_cp1252(one, (unsigned char)*in);
			buf_add(&out, one, n);
			in++;
			left--;
		} while (cd == CHARSET_NONE && left > 0 && out.len <= max);
	}
	result = (weir_str){ out.ptr != NULL ? out.ptr : "", out.len };
	result.len = decode_cut(result, max);
	result = pool_str(pool, result);
	buf_fini(&out);
	return result;
}

/* decode_utf8_at - length of the well-formed character at p, or 0 */
static size_t
decode_utf8_at(const char *p, size_t left)
{
	unsigned char c = (unsigned char)*p;
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	return n <= left && text_is_utf8((weir_str){ p, n }) ? n : 0;
}

/* decode_repair - what is UTF-8 stays, other octets are windows-1252 */
static weir_str
decode_repair(struct pool *pool, weir_str src, size_t max)
{
	struct buf out = BUF_INIT;
	weir_str result;
	char one[4];
	size_t n;

	for (size_t i = 0; i < src.len && out.len <= max; i += n) {
		n = decode_utf8_at(src.ptr + i, src.len - i);
		if (n != 0) {
			buf_add(&out, src.ptr + i, n);
			continue;
		}
		n = 1;
		buf_add(&out, one,
		    decode_cp1252(one, (unsigned char)src.ptr[i]));
	}
	result = (weir_str){ out.ptr != NULL ? out.ptr : "", out.len };
	result.len = decode_cut(result, max);
	result = pool_str(pool, result);
	buf_fini(&out);
	return result;
}

/* decode_charset - to UTF-8, whatever it is */
weir_str
decode_charset(struct pool *pool, weir_str charset, weir_str src, size_t max)
{
	char name[CHARSET_NAME_MAX];
	bool named = decode_charset_name(charset, name);
	bool ascii = decode_is_ascii(src), utf8;
	iconv_t cd = CHARSET_NONE;

	utf8 = ascii || text_is_utf8(src);
	if (utf8 &&
	    (!named || strcmp(name, "utf-8") == 0 ||
		strcmp(name, "utf8") == 0 ||
		(ascii && decode_charset_is_ascii_based(name)))) {
		src.len = decode_cut(src, max);
		return src;
	}
	if (named && (strcmp(name, "utf-16") == 0 ||
			 strcmp(name, "utf16") == 0))
		snprintf(name, sizeof(name), "%s", decode_utf16_order(src));
	/* what calls itself ASCII or Latin-1 is windows-1252 in practice */
	if (named && strcmp(name, "us-ascii") != 0 &&
	    strcmp(name, "iso-8859-1") != 0 && strcmp(name, "utf-8") != 0 &&
	    strcmp(name, "utf8") != 0)
		cd = decode_charset_open(name);
	if (cd == CHARSET_NONE && named && strcmp(name, "iso-8859-1") == 0)
		return decode_convert(pool, cd, src, max);
	if (cd != CHARSET_NONE)
		src = decode_convert(pool, cd, src, max);
	/* iconv lets code points through that are none */
	if (!text_is_utf8(src))
		return decode_repair(pool, src, max);
	src.len = decode_cut(src, max);
	return src;
}

/* decode_fini - close the handles */
void
decode_fini(void)
{
	for (unsigned i = 0; i < CHARSET_KEEP; i++) {
		if (slots[i].name[0] != '\0' && slots[i].cd != CHARSET_NONE)
			iconv_close(slots[i].cd);
		slots[i].name[0] = '\0';
	}
	slot_next = 0;
}
