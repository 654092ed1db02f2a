/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "charset.h"

#include <errno.h>

#include "reader.h"

/* windows-1252, 0x80 to 0x9f */
static const uint16_t charset_1252[32] = {
	0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
	0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd,
	0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
	0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178
};

/* charset_init - nothing open */
void
charset_init(struct charset *c)
{
	memset(c, 0, sizeof(*c));
}

/* charset_fini - close all */
void
charset_fini(struct charset *c)
{
	for (unsigned i = 0; i < CHARSET_OPEN; i++) {
		if (c->open[i].name[0] != '\0' &&
		    c->open[i].cd != (iconv_t)-1)
			iconv_close(c->open[i].cd);
		c->open[i].name[0] = '\0';
	}
}

/* charset_find - an open converter, or a new one in the place of the oldest;
   a name that iconv does not know is remembered, too */
static iconv_t
charset_find(struct charset *c, weir_str name)
{
	char word[32];
	size_t i;

	if (name.len == 0 || name.len >= sizeof(word))
		return (iconv_t)-1;
	for (i = 0; i < name.len; i++) {
		word[i] = text_lower(name.ptr[i]);
		/* "//" would ask iconv for more than a name */
		if (!text_is_alpha(word[i]) && !text_is_digit(word[i]) &&
		    strchr("-_.:+", word[i]) == NULL)
			return (iconv_t)-1;
	}
	word[i] = '\0';
	for (i = 0; i < CHARSET_OPEN; i++) {
		if (strcmp(c->open[i].name, word) == 0)
			return c->open[i].cd;
	}
	i = c->next++ % CHARSET_OPEN;
	if (c->open[i].name[0] != '\0' && c->open[i].cd != (iconv_t)-1)
		iconv_close(c->open[i].cd);
	memcpy(c->open[i].name, word, sizeof(word));
	c->open[i].cd = iconv_open("UTF-8", word);
	return c->open[i].cd;
}

/* charset_is_ascii - eight octets at a time */
static bool
charset_is_ascii(weir_str s)
{
	uint64_t v;
	size_t i = 0;

	for (; i + 8 <= s.len; i += 8) {
		memcpy(&v, s.ptr + i, 8);
		if ((v & UINT64_C(0x8080808080808080)) != 0)
			return false;
	}
	for (; i < s.len; i++) {
		if ((unsigned char)s.ptr[i] >= 0x80)
			return false;
	}
	return true;
}

/* charset_latin - windows-1252, which browsers read for latin1, too */
static void
charset_latin(weir_str text, struct text_buf *out)
{
	if (!text_room(out, text.len))
		return;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		text_add_code(out, c >= 0x80 && c < 0xa0 ?
			charset_1252[c - 0x80] : c);
	}
}

/* charset_iconv - by the C library; bad octets become U+FFFD */
static void
charset_iconv(iconv_t cd, weir_str text, struct text_buf *out)
{
	char *in = (char *)(uintptr_t)text.ptr, *dst;
	size_t left = text.len, room;

	iconv(cd, NULL, NULL, NULL, NULL);
	while (left > 0) {
		if (!text_room(out, left + 16))
			return;
		dst = out->ptr + out->len;
		room = out->cap - out->len;
		if (iconv(cd, &in, &left, &dst, &room) != (size_t)-1)
			left = 0;
		else if (errno != E2BIG && left > 0) {
			out->len = (size_t)(dst - out->ptr);
			text_add_code(out, 0xfffd);
			in++;
			left--;
			continue;
		}
		out->len = (size_t)(dst - out->ptr);
	}
}

/* charset_decode - by the declared charset, checked against the text */
void
charset_decode(struct charset *c, weir_str name, weir_str text,
    struct text_buf *out)
{
	iconv_t cd;

	/* modal charsets are written in ASCII octets */
	if (charset_is_ascii(text) && !text_begins(name, "iso-2022") &&
	    !text_begins(name, "utf-7") && !text_begins(name, "utf-16") &&
	    !text_begins(name, "hz")) {
		text_add(out, text.ptr, text.len);
		return;
	}
	if (text_begins(name, "utf-8") || text_begins(name, "utf8") ||
	    name.len == 0 || text_begins(name, "us-ascii")) {
		if (text_is_utf8(text))
			text_add(out, text.ptr, text.len);
		else
			charset_latin(text, out);
		return;
	}
	if (text_begins(name, "iso-8859-1") && name.len == 10) {
		charset_latin(text, out);
		return;
	}
	if (text_equals(name, "windows-1252")) {
		charset_latin(text, out);
		return;
	}
	cd = charset_find(c, name);
	if (cd != (iconv_t)-1)
		charset_iconv(cd, text, out);
	else if (text_is_utf8(text))
		text_add(out, text.ptr, text.len);
	else
		charset_latin(text, out);
}

/* charset_word - an encoded word at p; returns where it ends, or NULL */
static const char *
charset_word(struct charset *c, const char *p, const char *end,
    struct text_buf *out)
{
	const char *name = p + 2, *q, *stop;
	struct text_buf raw = { NULL, 0, 0 };
	weir_str text, charset;
	char kind;

	q = memchr(name, '?', (size_t)(end - name));
	if (q == NULL || q == name || end - q < 4 || q[2] != '?')
		return NULL;
	charset = (weir_str){ name, (size_t)(q - name) };
	/* RFC 2231 language */
	if (memchr(name, '*', charset.len) != NULL)
		charset.len = (size_t)((const char *)memchr(name, '*',
		    charset.len) - name);
	kind = text_lower(q[1]);
	if (kind != 'q' && kind != 'b')
		return NULL;
	text.ptr = q + 3;
	for (stop = text.ptr; stop + 1 < end; stop++) {
		if (stop[0] == '?' && stop[1] == '=')
			break;
		if (*stop == '\n')
			return NULL;
	}
	if (stop + 1 >= end)
		return NULL;
	text.len = (size_t)(stop - text.ptr);
	if (kind == 'q')
		reader_decode_qp(text, text.len, true, &raw);
	else
		reader_decode_base64(text, text.len, &raw);
	if (raw.len > 0)
		charset_decode(c, charset, (weir_str){ raw.ptr, raw.len },
		    out);
	text_fini(&raw);
	return stop + 2;
}

/* charset_header - a value as it is shown */
void
charset_header(struct charset *c, weir_str value, struct text_buf *out)
{
	const char *p = value.ptr, *end = p + value.len, *next, *q;
	bool encoded = false;

	while (p < end) {
		if (*p == '=' && end - p > 6 && p[1] == '?' &&
		    (next = charset_word(c, p, end, out)) != NULL) {
			p = next;
			encoded = true;
			continue;
		}
		/* blanks between encoded words are not shown */
		for (q = p; encoded && q < end && text_is_space(*q); q++)
			;
		if (q > p && end - q > 2 && q[0] == '=' && q[1] == '?') {
			p = q;
			continue;
		}
		encoded = false;
		for (q = p + 1; q < end && *q != '=' && *q != '\n' &&
		     *q != '\r'; q++)
			;
		if (*p == '\n' || *p == '\r')
			p++;
		if (q > p)
			charset_decode(c, (weir_str){ "", 0 },
			    (weir_str){ p, (size_t)(q - p) }, out);
		p = q;
	}
}
