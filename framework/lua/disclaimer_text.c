/* SPDX-License-Identifier: GPL-2.0-or-later */
/* disclaimer_text - charsets and transfer encodings of what is put in. */
#include <iconv.h>
#include <string.h>

#include "base/text.h"
#include "lua/disclaimer.h"

#define LINE_MAX_OCTETS 900 /* RFC 5322 2.1.1: 998 */
#define QP_LINE 72
#define CHARSET_MAX 40

/* Charsets in which what stands before changes what ASCII means. */
static const char *const stateful[] = { "utf-7", "utf7", "unicode-1-1-utf-7",
	"hz-gb-2312", "hz", "iso-2022-kr", "iso-2022-cn", "iso-2022-cn-ext",
	"utf-16", "utf-32", NULL };

/* disclaimer_iconv - all of in, or nothing */
static bool
disclaimer_iconv(iconv_t cd, weir_str in, struct buf *out)
{
	size_t room = in.len * 4 + 64, left = room, inleft = in.len;
	char *src = (char *)(uintptr_t)in.ptr, *dst = buf_reserve(out, room);

	iconv(cd, NULL, NULL, NULL, NULL);
	/* what can't be said exactly is not said (the count of iconv) */
	if (iconv(cd, &src, &inleft, &dst, &left) != 0 ||
	    iconv(cd, NULL, NULL, &dst, &left) != 0)
		return false;
	out->len += room - left;
	out->ptr[out->len] = '\0';
	return true;
}

/* disclaimer_charset - or say that it can't be */
bool
disclaimer_charset(weir_str charset, weir_str utf8, struct buf *out)
{
	static const char probe[] = "Az09 <>&\"'=-+~{}\r\n";
	char name[CHARSET_MAX + 1];
	struct buf test = BUF_INIT;
	iconv_t cd;
	bool ok;

	if (charset.len > CHARSET_MAX)
		return false;
	memcpy(name, charset.ptr, charset.len);
	name[charset.len] = '\0';
	text_lower_in_place(name, charset.len);
	if (name[0] == '\0')
		strcpy(name, "us-ascii");
	/* no "/": iconv takes options behind it */
	if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.:+") !=
	    strlen(name))
		return false;
	for (int i = 0; stateful[i] != NULL; i++) {
		if (strcmp(name, stateful[i]) == 0)
			return false;
	}
	cd = iconv_open(name, "utf-8");
	if (cd == (iconv_t)-1)
		return false;
	ok = disclaimer_iconv(cd, weir_str_of(probe), &test) &&
	    text_equals(buf_str(&test), probe) &&
	    disclaimer_iconv(cd, utf8, out);
	iconv_close(cd);
	buf_fini(&test);
	return ok;
}

/* disclaimer_lines - line ends, and no line too long */
void
disclaimer_lines(weir_str in, struct buf *out)
{
	size_t line = 0;

	for (size_t i = 0; i < in.len; i++) {
		char c = in.ptr[i];

		if (c == '\r' || c == '\0')
			continue;
		if (c == '\n' || line >= LINE_MAX_OCTETS) {
			buf_add_str(out, "\r\n");
			line = 0;
			if (c == '\n')
				continue;
		}
		/* break where a word ends, if one does in time */
		if (c == ' ' && line > LINE_MAX_OCTETS - 100) {
			buf_add_str(out, "\r\n");
			line = 0;
			continue;
		}
		/* never inside a character */
		if (((unsigned char)c & 0xc0) != 0x80 || line > 0)
			line++;
		buf_add_char(out, c);
	}
}

/* disclaimer_code_point - the character at s; *n: its octets */
static unsigned
disclaimer_code_point(const unsigned char *s, size_t len, size_t *n)
{
	static const unsigned char masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	unsigned cp;

	*n = s[0] < 0xc0 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (*n > len)
		*n = 1;
	cp = s[0] & masks[*n];
	for (size_t i = 1; i < *n; i++)
		cp = cp << 6 | (s[i] & 0x3f);
	return cp;
}

/* disclaimer_ascii_html - numeric references */
void
disclaimer_ascii_html(weir_str in, struct buf *out)
{
	size_t n;

	for (size_t i = 0; i < in.len; i += n) {
		const unsigned char *s =
		    (const unsigned char *)in.ptr + i;

		n = 1;
		if (s[0] < 0x80)
			buf_add_char(out, (char)s[0]);
		else
			buf_printf(out, "&#%u;", disclaimer_code_point(s,
			    in.len - i, &n));
	}
}

/* disclaimer_to_html - what HTML needs */
void
disclaimer_to_html(weir_str in, struct buf *out)
{
	for (size_t i = 0; i < in.len; i++) {
		switch (in.ptr[i]) {
		case '<':
			buf_add_str(out, "&lt;");
			break;
		case '>':
			buf_add_str(out, "&gt;");
			break;
		case '&':
			buf_add_str(out, "&amp;");
			break;
		case '\n':
			buf_add_str(out, "<br>\n");
			break;
		default:
			buf_add_char(out, in.ptr[i]);
			break;
		}
	}
}

/* disclaimer_qp - RFC 2045 6.7 */
void
disclaimer_qp(weir_str in, struct buf *out)
{
	size_t line = 0;

	for (size_t i = 0; i < in.len; i++) {
		unsigned char c = (unsigned char)in.ptr[i];
		bool end = i + 1 == in.len || in.ptr[i + 1] == '\r';

		if (c == '\r')
			continue;
		if (c == '\n') {
			buf_add_str(out, "\r\n");
			line = 0;
			continue;
		}
		if (line >= QP_LINE) {
			buf_add_str(out, "=\r\n");
			line = 0;
		}
		/* blanks at the end of a line, a From and a dot in front: what
		   a relay might touch is encoded */
		if (c < ' ' || c > '~' || c == '=' || (c == ' ' && end) ||
		    (line == 0 && (c == '.' || c == 'F' || c == '-'))) {
			buf_printf(out, "=%02X", c);
			line += 3;
		} else {
			buf_add_char(out, (char)c);
			line++;
		}
	}
}

/* disclaimer_base64 - RFC 2045 6.8 */
void
disclaimer_base64(weir_str in, struct buf *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *s = (const unsigned char *)in.ptr;
	char *p = buf_reserve(out, in.len / 3 * 4 + in.len / 57 * 2 + 16);
	char *begin = p;

	for (size_t i = 0; i < in.len; i += 3) {
		uint32_t v = (uint32_t)s[i] << 16;

		if (i > 0 && i % 57 == 0) {
			*p++ = '\r';
			*p++ = '\n';
		}
		if (i + 1 < in.len)
			v |= (uint32_t)s[i + 1] << 8;
		if (i + 2 < in.len)
			v |= s[i + 2];
		*p++ = digits[v >> 18];
		*p++ = digits[v >> 12 & 63];
		*p++ = i + 1 < in.len ? digits[v >> 6 & 63] : '=';
		*p++ = i + 2 < in.len ? digits[v & 63] : '=';
	}
	out->len += (size_t)(p - begin);
	buf_add_str(out, "\r\n");
}
