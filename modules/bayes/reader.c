/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reader.h"

/* Header of one entity, while it is read. */
struct reader_head {
	weir_str type, encoding, disposition;
};

static void reader_entity(struct reader *r, weir_str raw, unsigned depth,
    bool digest);

/* reader_line_end - behind the line feed, or the end */
static const char *
reader_line_end(const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));

	return lf != NULL ? lf + 1 : end;
}

/* reader_is_empty - an empty line */
static bool
reader_is_empty(const char *p, const char *next)
{
	return p < next && (p[0] == '\n' ||
		(p[0] == '\r' && next - p == 2));
}

/* reader_field_end - behind the last folded line of a field */
static const char *
reader_field_end(const char *p, const char *end)
{
	do
		p = reader_line_end(p, end);
	while (p < end && (*p == ' ' || *p == '\t') &&
	    !reader_is_empty(p, end));
	return p;
}

/* reader_keep - a field of the message, or of a part */
static void
reader_keep(struct reader *r, struct reader_head *h, weir_str name,
    weir_str value, bool top)
{
	weir_str *slot = NULL;

	if (top && r->n_fields < READER_FIELDS)
		r->fields[r->n_fields++] =
		    (struct reader_field){ name, value };
	else if (top)
		r->truncated = true;
	if (name.len < 12 || !text_begins(name, "content-"))
		return;
	if (text_equals(name, "content-type"))
		slot = &h->type;
	else if (text_equals(name, "content-transfer-encoding"))
		slot = &h->encoding;
	else if (text_equals(name, "content-disposition"))
		slot = &h->disposition;
	if (slot != NULL && slot->len == 0)
		*slot = text_trim(value);
}

/* reader_header - the header; returns where the body begins */
static const char *
reader_header(struct reader *r, struct reader_head *h, weir_str raw, bool top)
{
	const char *p = raw.ptr, *end = p + raw.len, *next, *colon;

	/* the separator of an mbox is no field */
	if (top && raw.len > 5 && memcmp(p, "From ", 5) == 0)
		p = reader_line_end(p, end);
	for (; p < end; p = next) {
		next = reader_line_end(p, end);
		if (reader_is_empty(p, next))
			return next;
		colon = memchr(p, ':', (size_t)(next - p));
		if (colon == NULL || colon == p) {
			/* the header of a part may be missing */
			if (!top)
				return p;
			continue;
		}
		next = reader_field_end(p, end);
		reader_keep(r, h,
		    text_trim((weir_str){ p, (size_t)(colon - p) }),
		    text_trim((weir_str){ colon + 1,
			(size_t)(next - colon) - 1 }), top);
	}
	return end;
}

/* reader_skip_value - behind one parameter value */
static const char *
reader_skip_value(const char *p, const char *end)
{
	if (p < end && *p == '"') {
		for (p++; p < end && *p != '"'; p++) {
			if (*p == '\\' && p + 1 < end)
				p++;
		}
		return p < end ? p + 1 : end;
	}
	while (p < end && *p != ';')
		p++;
	return p;
}

/* reader_param - find it */
weir_str
reader_param(weir_str value, const char *name)
{
	const char *p = value.ptr, *end = p + value.len, *key, *start;
	size_t n = strlen(name);
	weir_str found;

	while (p < end && *p != ';')
		p++;
	while (p < end) {
		while (p < end && (*p == ';' || text_is_space(*p)))
			p++;
		key = p;
		while (p < end && *p != '=' && *p != ';')
			p++;
		if (p == end || *p == ';')
			continue;
		found = text_trim((weir_str){ key, (size_t)(p - key) });
		start = ++p;
		while (start < end && text_is_space(*start))
			start++;
		p = reader_skip_value(start, end);
		/* name, name*, name*0, name*0* */
		if (!text_begins(found, name) ||
		    (found.len > n && found.ptr[n] != '*'))
			continue;
		found = text_trim((weir_str){ start, (size_t)(p - start) });
		if (found.len > 0 && found.ptr[0] == '"') {
			found.ptr++;
			found.len--;
			if (found.len > 0 && found.ptr[found.len - 1] == '"')
				found.len--;
		}
		return found;
	}
	return (weir_str){ "", 0 };
}

/* reader_encoding - by its name */
static enum reader_encoding
reader_encoding(weir_str s)
{
	if (s.len == 0 || text_begins(s, "7bit") || text_begins(s, "8bit") ||
	    text_begins(s, "binary"))
		return READER_IDENTITY;
	if (text_begins(s, "quoted-printable"))
		return READER_QP;
	return text_begins(s, "base64") ? READER_BASE64 : READER_OTHER;
}

/* reader_leaf - a part without parts */
static void
reader_leaf(struct reader *r, const struct reader_head *h, weir_str body,
    unsigned depth)
{
	struct reader_part *p;
	size_t n = 0;

	if (r->n_parts == READER_PARTS) {
		r->truncated = true;
		return;
	}
	p = &r->parts[r->n_parts++];
	while (n < h->type.len && h->type.ptr[n] != ';' &&
	    !text_is_space(h->type.ptr[n]))
		n++;
	p->type = (weir_str){ h->type.ptr, n };
	p->charset = reader_param(h->type, "charset");
	n = 0;
	while (n < h->disposition.len && h->disposition.ptr[n] != ';' &&
	    !text_is_space(h->disposition.ptr[n]))
		n++;
	p->disposition = (weir_str){ h->disposition.ptr, n };
	p->name = reader_param(h->disposition, "filename");
	if (p->name.len == 0)
		p->name = reader_param(h->type, "name");
	p->encoding = reader_encoding(h->encoding);
	p->body = body;
	p->depth = depth;
}

/* reader_boundary - the next delimiter line; *last: the closing one */
static const char *
reader_boundary(const char *p, const char *end, weir_str boundary, bool *last)
{
	while (p < end) {
		const char *dash = p;

		if ((size_t)(end - p) >= boundary.len + 2 && dash[0] == '-' &&
		    dash[1] == '-' &&
		    memcmp(dash + 2, boundary.ptr, boundary.len) == 0) {
			dash += 2 + boundary.len;
			*last = end - dash >= 2 && dash[0] == '-' &&
			    dash[1] == '-';
			/* another boundary may begin with this one */
			if (*last || dash == end || text_is_space(*dash))
				return p;
		}
		p = reader_line_end(p, end);
	}
	return NULL;
}

/* reader_parts - between delimiters; false: there were none */
static bool
reader_parts(struct reader *r, weir_str body, weir_str boundary,
    unsigned depth, bool digest)
{
	const char *end = body.ptr + body.len, *p, *next;
	bool last = false;

	p = reader_boundary(body.ptr, end, boundary, &last);
	if (p == NULL)
		return false;
	while (!last && p != NULL && r->n_parts < READER_PARTS) {
		p = reader_line_end(p, end);
		next = reader_boundary(p, end, boundary, &last);
		reader_entity(r, (weir_str){ p,
			(size_t)((next != NULL ? next : end) - p) }, depth,
		    digest);
		p = next;
	}
	if (!last && p != NULL)
		r->truncated = true;
	return true;
}

/* reader_entity - header and body of a message or part */
static void
reader_entity(struct reader *r, weir_str raw, unsigned depth, bool digest)
{
	struct reader_head h = { { "", 0 }, { "", 0 }, { "", 0 } };
	const char *p = reader_header(r, &h, raw, depth == 0);
	weir_str body = { p, (size_t)(raw.ptr + raw.len - p) }, boundary;

	if (depth < READER_DEPTH && text_begins(h.type, "multipart/")) {
		boundary = reader_param(h.type, "boundary");
		r->multiparts++;
		if (boundary.len > 0 && boundary.len <= 200 &&
		    reader_parts(r, body, boundary, depth + 1,
			text_begins(h.type, "multipart/digest")))
			return;
		/* shown as text by every reader */
		h.type = (weir_str){ "text/plain", 10 };
	} else if (depth < READER_DEPTH &&
	    reader_encoding(h.encoding) == READER_IDENTITY &&
	    (text_begins(h.type, "message/rfc822") ||
		(digest && h.type.len == 0))) {
		reader_entity(r, body, depth + 1, false);
		return;
	}
	reader_leaf(r, &h, body, depth);
}

/* reader_read - the whole message */
void
reader_read(struct reader *r, weir_str raw)
{
	r->n_fields = r->n_parts = r->multiparts = 0;
	r->truncated = false;
	reader_entity(r, raw, 0, false);
}

/* reader_hex - value of a digit, or -1 */
static int
reader_hex(char c)
{
	if (text_is_digit(c))
		return c - '0';
	c = text_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* reader_decode_qp - RFC 2045 6.7; in header words "_" is a blank */
void
reader_decode_qp(weir_str in, size_t max, bool header, struct text_buf *out)
{
	const char *p = in.ptr, *end = p + in.len, *q;
	char *dst, *stop;

	if (max > in.len)
		max = in.len;
	if (max == 0 || !text_room(out, max))
		return;
	dst = out->ptr + out->len;
	stop = dst + max;
	while (p < end && dst < stop) {
		char c = *p++;

		if (c == '_' && header)
			c = ' ';
		if (c != '=') {
			*dst++ = c;
			continue;
		}
		if (end - p >= 2 && reader_hex(p[0]) >= 0 &&
		    reader_hex(p[1]) >= 0) {
			*dst++ = (char)(reader_hex(p[0]) << 4 |
			    reader_hex(p[1]));
			p += 2;
			continue;
		}
		/* a soft line break, blanks allowed before it */
		for (q = p; q < end && (*q == ' ' || *q == '\t' || *q == '\r');
		     q++)
			;
		if (q < end && *q == '\n')
			p = q + 1;
		else
			*dst++ = c;
	}
	out->len = (size_t)(dst - out->ptr);
}

/* value of a base64 digit and one; 65: pad; 0: none */
static const unsigned char reader_digits[256] = {
	['A'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
	19, 20, 21, 22, 23, 24, 25, 26,
	['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42,
	43, 44, 45, 46, 47, 48, 49, 50, 51, 52,
	['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62,
	['+'] = 63, ['/'] = 64, ['='] = 65
};

/* reader_decode_base64 - junk is skipped, padding ends a group */
void
reader_decode_base64(weir_str in, size_t max, struct text_buf *out)
{
	const unsigned char *p = (const unsigned char *)in.ptr;
	const unsigned char *end = p + in.len;
	uint32_t group = 0;
	unsigned n = 0;
	char *dst, *stop;

	if (max > in.len)
		max = in.len;
	if (max == 0 || !text_room(out, max))
		return;
	dst = out->ptr + out->len;
	stop = dst + max;
	for (; p < end && dst < stop; p++) {
		unsigned char v = reader_digits[*p];

		if (v == 65)
			n = 0;
		if (v == 0 || v == 65)
			continue;
		group = group << 6 | (v - 1u);
		if (n++ == 0)
			continue;
		/* whole octets as soon as their bits are there */
		*dst++ = (char)(group >> (n == 2 ? 4 : n == 3 ? 2 : 0));
		if (n == 4)
			n = 0;
	}
	out->len = (size_t)(dst - out->ptr);
}

/* reader_decode - the content */
bool
reader_decode(const struct reader_part *part, size_t max,
    struct text_buf *out)
{
	size_t before = out->len, n = part->body.len;

	if (part->encoding == READER_QP)
		reader_decode_qp(part->body, max, false, out);
	else if (part->encoding == READER_BASE64)
		reader_decode_base64(part->body, max, out);
	else
		text_add(out, part->body.ptr, n < max ? n : max);
	return out->len - before < max;
}
