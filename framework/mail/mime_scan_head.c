/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mime_scan_head - the header of an entity, and what it declares. */
#include <string.h>

#include <weir/ext/mime.h>

#include "base/text.h"
#include "mail/mime.h"
#include "mail/mime_scan.h"
#include "mail/names.h"

#define SCAN_BAD_LINES 4   /* more of them: it is content, not a header */
#define SCAN_BOUND_LONG 70 /* RFC 2046 section 5.1.1 */
#define SCAN_BOUNDS 8	   /* readings of one declaration */
/* GMime reads their addresses at 40 ns an octet */
#define SCAN_INNER_MAX ((size_t)4 << 20)

/* The walk over one header. */
struct scan_head {
	struct mime_scan *s;
	uint32_t ent;
	weir_str *open; /* value that a continuation line extends */
	unsigned lines, bad;
	bool odd; /* the field before is none to some readers */
	bool cr;  /* the line before ended with a bare CR */
};

/* mime_scan_mailboxes - how many authors a From value names */
static unsigned
mime_scan_mailboxes(weir_str v)
{
	unsigned n = 0, deep = 0;
	bool quoted = false, angle = false, some = false;

	for (size_t i = 0; i < v.len; i++) {
		char c = v.ptr[i];

		if (c == '\\') {
			i++;
		} else if (c == '"' && deep == 0) {
			quoted = !quoted;
		} else if (quoted) {
			continue;
		} else if (c == '(') {
			deep++;
		} else if (c == ')' && deep > 0) {
			deep--;
		} else if (deep > 0) {
			continue;
		} else if (c == '<' || c == '>') {
			/* a second address without a comma between */
			if (c == '<' && angle)
				n++;
			angle = angle || c == '<';
			some = true;
		} else if (c == ',' || c == ';') {
			n += some;
			some = angle = false;
		} else if (!text_is_space((unsigned char)c)) {
			some = true;
		}
	}
	return n + some;
}

/* mime_scan_authors - of all From fields; the ones not kept count one each */
unsigned
mime_scan_authors(const struct mime_scan *s)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < s->from.n; i++)
		n += i < MIME_SCAN_FIELDS ? mime_scan_mailboxes(s->from.v[i]) :
					    1;
	return n;
}

/* mime_scan_field_add - keep one more value of a repeated field */
static weir_str *
mime_scan_field_add(struct mime_scan_field *f, weir_str v)
{
	if (f->n++ >= MIME_SCAN_FIELDS)
		return NULL;
	f->v[f->n - 1] = v;
	return &f->v[f->n - 1];
}

/* mime_scan_field - a field line; the kinds that matter are kept */
static void
mime_scan_field(struct scan_head *h, weir_str name, weir_str v)
{
	struct mime_scan_ent *e = &h->s->ents.v[h->ent];

	h->open = NULL;
	if (name.len == 4 && h->ent == 0 && text_case_equals(name, "from")) {
		h->open = mime_scan_field_add(&h->s->from, v);
		return;
	}
	if (name.len < 10 || text_lower(name.ptr[0]) != 'c' ||
	    !text_case_equals((weir_str){ name.ptr, 8 }, "content-"))
		return;
	name.ptr += 8;
	name.len -= 8;
	if (text_case_equals(name, "type"))
		h->open = mime_scan_field_add(&e->type, v);
	else if (text_case_equals(name, "transfer-encoding"))
		h->open = mime_scan_field_add(&e->encoding, v);
	else if (text_case_equals(name, "disposition"))
		h->open = mime_scan_field_add(&e->disposition, v);
	else if (text_case_equals(name, "id") && e->content_id.len == 0) {
		e->content_id = v;
		h->open = &e->content_id;
	}
}

/* mime_scan_field_line - a line that should be a field; false: it is not */
static bool
mime_scan_field_line(struct scan_head *h, weir_str t)
{
	const char *colon = memchr(t.ptr, ':', t.len);
	size_t n = 0;

	if (colon == NULL || colon == t.ptr)
		return false;
	while (t.ptr + n < colon && t.ptr[n] > ' ' && t.ptr[n] < 127)
		n++;
	h->odd = t.ptr + n < colon;
	if (h->odd)
		mime_scan_note(h->s, WEIR_MIME_A_BAD_HEADER,
		    "a field name with a blank or a strange octet in it");
	mime_scan_field(h, (weir_str){ t.ptr, n },
	    (weir_str){ colon + 1, t.len - (size_t)(colon + 1 - t.ptr) });
	return true;
}

/* mime_scan_head_line - one line of a header that is not empty */
static void
mime_scan_head_line(struct scan_head *h, const struct mime_scan_line *line)
{
	struct mime_scan_ent *e = &h->s->ents.v[h->ent];
	weir_str t = { h->s->raw.ptr + line->begin, line->eol - line->begin };

	if ((t.ptr[0] == ' ' || t.ptr[0] == '\t') && h->lines > 1) {
		if (h->open != NULL)
			h->open->len = (size_t)(t.ptr + t.len - h->open->ptr);
		t = text_trim(t);
		if (t.len == 0 && e->start[2] == 0)
			e->start[2] = line->next;
		if ((h->odd || h->bad != 0) && t.len > 8 &&
		    text_case_equals((weir_str){ t.ptr, 8 }, "content-"))
			mime_scan_field_line(h, t);
		return;
	}
	if (mime_scan_field_line(h, t))
		return;
	if (h->cr && h->open != NULL)
		h->open->len = (size_t)(t.ptr + t.len - h->open->ptr);
	else
		h->open = NULL;
	if (h->lines == 1 && h->ent == 0 &&
	    (text_has_prefix(t, "From ") || text_has_prefix(t, ">From "))) {
		/* a mailbox file's own line */
		e->head = line->next;
		return;
	}
	mime_scan_note(h->s, WEIR_MIME_A_BAD_HEADER,
	    "a header line that is no field");
	h->odd = true;
	if (h->bad++ == 0) {
		e->start[0] = line->begin;
		e->start[1] = line->next;
	}
}

/* mime_scan_head - read a header until its empty line, a delimiter, or too
   much that is no header */
void
mime_scan_head(struct mime_scan *s)
{
	struct scan_head h = { s, s->cur, NULL, 0, 0, false, false };
	struct mime_scan_ent *e = &s->ents.v[s->cur];
	struct mime_scan_line line;
	bool close;

	s->pos = e->head;
	while (mime_scan_next(s, s->pos, &line)) {
		weir_str t = { s->raw.ptr + line.begin, line.eol - line.begin };

		if (t.len == 0) {
			s->pos = line.next;
			break;
		}
		if (t.len > 2 && t.ptr[0] == '-' && t.ptr[1] == '-' &&
		    mime_scan_match(s, t, &close) != MIME_SCAN_NONE) {
			mime_scan_note(s, WEIR_MIME_A_BAD_HEADER,
			    "a delimiter inside a header");
			break;
		}
		h.lines++;
		if ((h.lines > s->limits->header_lines ||
			line.next - e->head > s->limits->header_octets) &&
		    (e->flags & MIME_SCAN_TRUNCATED) == 0) {
			mime_scan_note(s, WEIR_MIME_A_HEADER,
			    "a header of more lines or octets than the limit");
			e->flags |= MIME_SCAN_TRUNCATED;
			if (s->safe > line.begin)
				s->safe = line.begin;
		}
		mime_scan_head_line(&h, &line);
		h.cr = line.cr;
		s->pos = line.next;
		if (h.bad > SCAN_BAD_LINES) {
			s->pos = e->start[0];
			break;
		}
	}
	e->body = e->end = s->pos;
	if ((e->flags & MIME_SCAN_EMBEDDED) == 0)
		return;
	s->inner += e->body - e->head;
	if (s->inner > SCAN_INNER_MAX && s->safe > e->head) {
		mime_scan_note(s, WEIR_MIME_A_HEADER,
		    "embedded messages with too much header in all");
		s->safe = e->head;
	}
}

/* mime_scan_token - the main value, bare; a blank behind type/subtype ends it,
   elsewhere blanks are left out */
void
mime_scan_token(weir_str v, char *out, size_t cap)
{
	unsigned deep = 0;
	size_t n = 0, slash = 0;

	for (size_t i = 0; i < v.len && n + 1 < cap; i++) {
		char c = v.ptr[i];

		if (deep == 0 && slash != 0 && n > slash &&
		    text_is_space((unsigned char)c))
			break;
		if (c == '(')
			deep++;
		else if (c == ')' && deep > 0)
			deep--;
		else if (deep == 0 && c == ';' && n != 0)
			break;
		else if (deep == 0 && c > ' ' && c != '"' && c != '\\' &&
		    c != ';' && c != 127)
			out[n++] = text_lower(c);
		if (c == '/' && deep == 0)
			slash = n;
	}
	out[n] = '\0';
}

/* mime_scan_is_identity - is the declared encoding one that changes nothing */
static bool
mime_scan_is_identity(struct mime_scan *s, const struct mime_scan_ent *e,
    bool composite)
{
	static const char *const plain[] = { "", "7bit", "8bit", "binary",
		NULL };
	static const char *const known[] = { "base64", "quoted-printable",
		"x-uuencode", "uuencode", "x-uue", "uue", "x-yenc", NULL };
	char token[32];

	if (e->encoding.n == 0)
		return true;
	if (e->encoding.n > 1)
		mime_scan_note(s, WEIR_MIME_A_DUP_ENCODING,
		    "two Content-Transfer-Encoding fields in one header");
	mime_scan_token(e->encoding.v[0], token, sizeof(token));
	for (unsigned i = 0; plain[i] != NULL; i++) {
		if (strcmp(token, plain[i]) == 0)
			return true;
	}
	if (composite)
		mime_scan_note(s, WEIR_MIME_A_BAD_ENCODING,
		    "a multipart or message with a transfer encoding");
	for (unsigned i = 0; known[i] != NULL; i++) {
		if (strcmp(token, known[i]) == 0)
			return false;
	}
	mime_scan_note(s, WEIR_MIME_A_BAD_ENCODING,
	    "an unknown transfer encoding");
	return false;
}

/* mime_scan_nested - does the boundary collide with one around it */
static void
mime_scan_nested(struct mime_scan *s, weir_str inner)
{
	uint32_t up = s->ents.v[s->cur].parent;

	for (; up != MIME_SCAN_NONE; up = s->ents.v[up].parent) {
		const struct mime_scan_ent *e = &s->ents.v[up];
		weir_str outer;

		if (e->bounds == 0)
			continue;
		outer = s->bounds.v[e->bound].text;
		if (inner.len <= outer.len && inner.len != 0 &&
		    memcmp(outer.ptr, inner.ptr, inner.len) == 0)
			mime_scan_note(s, WEIR_MIME_A_NESTED_BOUNDARY,
			    "a boundary equals or begins one around it");
	}
}

/* mime_scan_boundaries - declare all readings of the boundary parameter */
static void
mime_scan_boundaries(struct mime_scan *s, bool multipart)
{
	const struct mime_scan_ent *e = &s->ents.v[s->cur];
	struct names names;
	uint32_t kept = e->type.n < MIME_SCAN_FIELDS ? e->type.n :
						       MIME_SCAN_FIELDS;

	memset(&names, 0, sizeof(names));
	for (uint32_t i = 0; i < kept; i++)
		names_param(s->pool, e->type.v[i], "boundary", &names);
	if (names.whole > 1)
		mime_scan_note(s, WEIR_MIME_A_DUP_BOUNDARY,
		    "two boundary parameters for one multipart");
	else if (names.n > 1)
		mime_scan_note(s, WEIR_MIME_A_DUP_BOUNDARY,
		    "a boundary parameter that can be read in two ways");
	if (names.n > 0 && !multipart)
		mime_scan_note(s, WEIR_MIME_A_BAD_BOUNDARY,
		    "a boundary for what is no multipart");
	if (names.n == 0 && multipart) {
		mime_scan_note(s, WEIR_MIME_A_BAD_BOUNDARY,
		    "a multipart without a boundary");
		s->ents.v[s->cur].flags |= MIME_SCAN_GUESS;
	}
	if (names.n == 0 && !multipart)
		return;
	s->ents.v[s->cur].flags |= MIME_SCAN_MULTI;
	for (unsigned i = 0; i < names.n && i < SCAN_BOUNDS; i++) {
		mime_scan_nested(s, names.v[i]);
		if (names.v[i].len > SCAN_BOUND_LONG)
			mime_scan_note(s, WEIR_MIME_A_BAD_BOUNDARY,
			    "a boundary of more than 70 octets");
		mime_scan_bound_add(s, s->cur, names.v[i]);
	}
}

/* mime_scan_declare - what kind of entity is it */
void
mime_scan_declare(struct mime_scan *s)
{
	struct mime_scan_ent *e = &s->ents.v[s->cur];
	bool multipart, message, digest;
	char token[64] = "";

	if (e->type.n != 0)
		mime_scan_token(e->type.v[0], token, sizeof(token));
	if (e->type.n > 1)
		mime_scan_note(s, WEIR_MIME_A_DUP_CONTENT_TYPE,
		    "two Content-Type fields in one header");
	digest = e->parent != MIME_SCAN_NONE && token[0] == '\0' &&
	    (s->ents.v[e->parent].flags & MIME_SCAN_DIGEST) != 0;
	multipart = strstr(token, "multipart") != NULL;
	message = digest || strcmp(token, "message/rfc822") == 0 ||
	    strcmp(token, "message/global") == 0 ||
	    strcmp(token, "message/news") == 0;
	if (strcmp(token, "message/partial") == 0 ||
	    strcmp(token, "message/external-body") == 0)
		mime_scan_note(s, WEIR_MIME_A_PARTIAL,
		    "content that is elsewhere, or only a piece");
	if (strcmp(token, "multipart/digest") == 0)
		e->flags |= MIME_SCAN_DIGEST;
	/* without a type that means something, delimiters may be guessed */
	if (strchr(token, '/') == NULL)
		e->flags |= MIME_SCAN_GUESS;
	if (!mime_scan_is_identity(s, e, multipart || message))
		message = false;
	if (e->depth >= s->limits->depth &&
	    (multipart || message || e->type.n != 0)) {
		if (!multipart && !message)
			return;
		mime_scan_note(s, WEIR_MIME_A_DEPTH,
		    "parts nested deeper than the limit");
		e->flags |= MIME_SCAN_TRUNCATED;
		e->flags &= ~(unsigned)MIME_SCAN_GUESS;
		if (s->safe > e->head)
			s->safe = e->head;
		return;
	}
	if (message)
		e->flags |= MIME_SCAN_MESSAGE;
	else if (e->type.n != 0)
		mime_scan_boundaries(s, multipart);
}
