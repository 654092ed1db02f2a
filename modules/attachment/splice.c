/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "splice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPLICE_LINE 72u /* of quoted-printable */

struct out {
	char *p;
	size_t n, room;
	bool bad;
};

/* out_add - append */
static void
out_add(struct out *o, const char *s, size_t n)
{
	if (o->bad)
		return;
	if (n > o->room - o->n) {
		size_t room = (o->n + n) * 2 + 64;
		char *more = realloc(o->p, room);

		if (more == NULL) {
			o->bad = true;
			return;
		}
		o->p = more;
		o->room = room;
	}
	if (n > 0)
		memcpy(o->p + o->n, s, n);
	o->n += n;
}

/* out_text - append a C string */
static void
out_text(struct out *o, const char *s)
{
	out_add(o, s, strlen(s));
}

/* out_take - what is there, or NULL */
static char *
out_take(struct out *o, size_t *len)
{
	if (o->bad) {
		free(o->p);
		return NULL;
	}
	*len = o->n;
	return o->p;
}

/* splice_is_plain - short lines of ASCII need no encoding */
static bool
splice_is_plain(const char *text)
{
	size_t line = 0;

	for (; *text != '\0'; text++) {
		if ((unsigned char)*text >= 0x7f || line > 990)
			return false;
		line = *text == '\n' ? 0 : line + 1;
	}
	return true;
}

/* splice_quoted - as quoted-printable (RFC 2045 6.7), LF becomes CR LF */
static void
splice_quoted(struct out *o, const char *text)
{
	size_t line = 0;

	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		char code[4];

		if (c == '\n') {
			out_text(o, "\r\n");
			line = 0;
			continue;
		}
		if (line >= SPLICE_LINE) {
			out_text(o, "=\r\n");
			line = 0;
		}
		if (c < ' ' || c >= 0x7f || c == '=' ||
		    (c == ' ' && (text[1] == '\n' || text[1] == '\0'))) {
			snprintf(code, sizeof(code), "=%02X", c);
			out_text(o, code);
			line += 3;
		} else {
			out_add(o, text, 1);
			line++;
		}
	}
	out_text(o, "\r\n");
}

/* splice_lines - as it is, LF becomes CR LF */
static void
splice_lines(struct out *o, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			out_text(o, "\r\n");
		else
			out_add(o, text, 1);
	}
	out_text(o, "\r\n");
}

/* splice_notice - a text part */
char *
splice_notice(const char *text, bool alone, const char **encoding, size_t *len)
{
	struct out o = { NULL, 0, 0, false };

	*encoding = splice_is_plain(text) ? "7bit" : "quoted-printable";
	if (!alone) {
		out_text(&o, "Content-Type: text/plain; charset=utf-8\r\n"
		    "Content-Transfer-Encoding: ");
		out_text(&o, *encoding);
		out_text(&o, "\r\nContent-Disposition: inline\r\n\r\n");
	}
	if (**encoding == '7')
		splice_lines(&o, text);
	else
		splice_quoted(&o, text);
	return out_take(&o, len);
}

/* splice_delimiter - the line before the header */
size_t
splice_delimiter(weir_str raw, size_t head)
{
	size_t at;

	if (head < 3 || head > raw.len || raw.ptr[head - 1] != '\n')
		return SIZE_MAX;
	at = head - 1;
	while (at > 0 && raw.ptr[at - 1] != '\n')
		at--;
	if (head - at < 4 || memcmp(raw.ptr + at, "--", 2) != 0)
		return SIZE_MAX;
	return at;
}

/* splice_is_field - does the line begin that field? */
static bool
splice_is_field(const char *line, size_t n, const char *name)
{
	size_t len = strlen(name);

	return n > len && strncasecmp(line, name, len) == 0 &&
	    (line[len] == ':' || line[len] == ' ' || line[len] == '\t');
}

/* splice_renamed - all fields but those with a type or a name */
char *
splice_renamed(weir_str header, const char *name, size_t *len)
{
	struct out o = { NULL, 0, 0, false };
	bool drop = false;
	size_t at = 0;

	out_text(&o, "Content-Type: application/octet-stream;\r\n\tname=\"");
	out_text(&o, name);
	out_text(&o, "\"\r\nContent-Disposition: attachment;\r\n"
	    "\tfilename=\"");
	out_text(&o, name);
	out_text(&o, "\"\r\n");
	while (at < header.len) {
		const char *line = header.ptr + at;
		const char *lf = memchr(line, '\n', header.len - at);
		size_t n = lf != NULL ? (size_t)(lf - line) + 1 :
					header.len - at;

		at += n;
		/* the empty line ends it: ours does */
		if (n == 0 || *line == '\n' || (n == 2 && *line == '\r'))
			continue;
		if (*line != ' ' && *line != '\t')
			drop = splice_is_field(line, n, "Content-Type") ||
			    splice_is_field(line, n, "Content-Disposition") ||
			    splice_is_field(line, n, "Content-Description");
		if (!drop)
			out_add(&o, line, n);
	}
	out_text(&o, "\r\n");
	return out_take(&o, len);
}

/* splice_safe_name - what is left of a name */
void
splice_safe_name(weir_str name, const char *suffix, char *buf, size_t cap)
{
	size_t n = 0, end = strlen(suffix);

	for (size_t i = name.len; i > 0; i--) {
		if (name.ptr[i - 1] == '/' || name.ptr[i - 1] == '\\') {
			name.ptr += i;
			name.len -= i;
			break;
		}
	}
	for (size_t i = 0; i < name.len && n + end + 2 < cap; i++) {
		unsigned char c = (unsigned char)name.ptr[i];

		if ((c & 0xc0) == 0x80)
			continue;
		buf[n++] = c > ' ' && c < 0x7f && c != '"' && c != ';' &&
		    c != '\'' && c != '%' ? (char)c : '_';
	}
	while (n > 0 && buf[n - 1] == '.')
		n--;
	if (n == 0)
		buf[n++] = '_';
	memcpy(buf + n, suffix, end + 1);
}

/* splice_compare - by place; of two that begin together the larger first */
static int
splice_compare(const void *pa, const void *pb)
{
	const struct splice *a = pa, *b = pb;

	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	return a->to > b->to ? -1 : a->to < b->to;
}

/* splice_make - copy, with the gaps filled */
char *
splice_make(weir_str raw, size_t body, struct splice *v, size_t n, size_t *len)
{
	struct out o = { NULL, 0, 0, false };
	size_t at = body;

	qsort(v, n, sizeof(*v), splice_compare);
	for (size_t i = 0; i < n; i++) {
		if (v[i].to > raw.len || v[i].to < v[i].from)
			continue;
		if (v[i].from < at) {
			/* inside of what is gone; what sticks out goes, too */
			at = v[i].to > at ? v[i].to : at;
			continue;
		}
		out_add(&o, raw.ptr + at, v[i].from - at);
		out_add(&o, v[i].text, v[i].len);
		at = v[i].to;
	}
	out_add(&o, raw.ptr + at, raw.len - at);
	return out_take(&o, len);
}
