/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mail/mime_scan.h"

#include <string.h>

#include <weir/ext/mime.h>

#include "base/check.h"
#include "base/text.h"
#include "mail/mime.h"

#define SCAN_BOUND_MAX 1024 /* octets of a boundary that are compared */
#define SCAN_PREFIX_MIN 6   /* shorter ones must match to the end of line */
#define SCAN_PREFIX_UP 16   /* open multiparts tried for a mere prefix */

/* mime_scan_note - the first of each code counts */
void
mime_scan_note(struct mime_scan *s, unsigned code, const char *detail)
{
	expect(code < MIME_SCAN_ANOMALIES);
	if ((s->seen & 1u << code) != 0)
		return;
	s->seen |= 1u << code;
	s->detail[code] = text_slice(detail);
}

/* mime_scan_next - the line at pos; a bare CR ends one too, CR CR LF is one
   line end */
bool
mime_scan_next(struct mime_scan *s, size_t pos, struct mime_scan_line *line)
{
	const char *p = s->raw.ptr + pos, *end = s->raw.ptr + s->raw.len;
	const char *lf, *cr, *eol;

	if (p >= end)
		return false;
	lf = memchr(p, '\n', (size_t)(end - p));
	eol = lf != NULL ? lf : end;
	line->begin = pos;
	line->next = (size_t)((lf != NULL ? lf + 1 : end) - s->raw.ptr);
	if (eol > p && eol[-1] == '\r')
		eol--;
	else if (lf != NULL && s->crlf)
		mime_scan_note(s, WEIR_MIME_A_BARE_CR,
		    "a line feed stands alone among CR LF line ends");
	cr = memchr(p, '\r', (size_t)(eol - p));
	line->cr = false;
	if (cr != NULL) {
		mime_scan_note(s, WEIR_MIME_A_BARE_CR,
		    "a carriage return stands inside a line");
		eol = cr;
		while (cr < end && *cr == '\r')
			cr++;
		if (cr < end && *cr == '\n')
			cr++;
		else
			cr = eol + 1, line->cr = true;
		line->next = (size_t)(cr - s->raw.ptr);
	}
	line->eol = (size_t)(eol - s->raw.ptr);
	return true;
}

/* mime_scan_ent_add - a new entity at offset head; the last that the limit
   allows is the whole rest of the message */
static uint32_t
mime_scan_ent_add(struct mime_scan *s, uint32_t parent, size_t head,
    size_t line)
{
	struct mime_scan_ent *e = vec_push(&s->ents), *up;

	e->parent = parent;
	e->head = e->body = e->end = head;
	if (parent != MIME_SCAN_NONE) {
		up = &s->ents.v[parent];
		up->kids++;
		e->depth = up->depth + 1;
		if ((up->flags & (MIME_SCAN_EMBEDDED | MIME_SCAN_MESSAGE)) != 0)
			e->flags |= MIME_SCAN_EMBEDDED;
	}
	if (s->ents.n >= s->limits->parts && s->ents.n > 1) {
		mime_scan_note(s, WEIR_MIME_A_PARTS,
		    "more parts than the limit; the last one is all the rest");
		e->flags |= MIME_SCAN_TRUNCATED | MIME_SCAN_REST;
		e->end = s->raw.len;
		if (s->safe > line)
			s->safe = line;
		s->pos = s->raw.len;
	}
	return (uint32_t)(s->ents.n - 1);
}

/* mime_scan_bound_key - a boundary as it is compared: without blanks behind */
static weir_str
mime_scan_bound_key(weir_str t)
{
	while (t.len > 0 && text_is_space((unsigned char)t.ptr[t.len - 1]))
		t.len--;
	if (t.len > SCAN_BOUND_MAX)
		t.len = SCAN_BOUND_MAX;
	return t;
}

/* mime_scan_bound_add - declare a boundary; the latest owner has it */
void
mime_scan_bound_add(struct mime_scan *s, uint32_t ent, weir_str text)
{
	struct mime_scan_ent *e = &s->ents.v[ent];
	struct mime_scan_bound *b;
	weir_str key = mime_scan_bound_key(text);
	uintptr_t was;

	if (key.len == 0)
		return;
	was = (uintptr_t)map_get(&s->by_text, key);
	if (was != 0 && s->bounds.v[was - 1].ent == ent)
		return;
	b = vec_push(&s->bounds);
	b->text = key;
	b->ent = ent;
	if (e->bounds == 0)
		e->bound = (uint32_t)(s->bounds.n - 1);
	/* a guessed one may come late: the range then spans what is between,
	   which only a prefix match looks at */
	e->bounds = (uint32_t)s->bounds.n - e->bound;
	map_set(&s->by_text, key, (void *)(uintptr_t)s->bounds.n);
}

/* mime_scan_prefix - is the line a delimiter with something behind it */
static uint32_t
mime_scan_prefix(struct mime_scan *s, weir_str t, bool *close)
{
	uint32_t ent = s->cur, n = 0;

	for (unsigned up = 0; up < SCAN_PREFIX_UP && ent != MIME_SCAN_NONE;
	     up++, ent = s->ents.v[ent].parent) {
		const struct mime_scan_ent *e = &s->ents.v[ent];

		for (uint32_t i = e->bound; i < e->bound + e->bounds; i++) {
			weir_str b = s->bounds.v[i].text;

			/* the work on one line is bounded */
			if (++n > 4 * SCAN_PREFIX_UP)
				return MIME_SCAN_NONE;
			if (s->bounds.v[i].ent != ent ||
			    b.len < SCAN_PREFIX_MIN || b.len > t.len ||
			    memcmp(b.ptr, t.ptr, b.len) != 0)
				continue;
			*close = t.len >= b.len + 2 && t.ptr[b.len] == '-' &&
			    t.ptr[b.len + 1] == '-';
			return i;
		}
	}
	return MIME_SCAN_NONE;
}

/* mime_scan_match - which boundary is this line a delimiter of */
uint32_t
mime_scan_match(struct mime_scan *s, weir_str line, bool *close)
{
	weir_str t = { line.ptr + 2, line.len - 2 };
	uintptr_t i;

	*close = false;
	if (s->bounds.n == 0)
		return MIME_SCAN_NONE;
	t = mime_scan_bound_key(t);
	i = (uintptr_t)map_get(&s->by_text, t);
	if (i == 0 && t.len > 2 && t.ptr[t.len - 1] == '-' &&
	    t.ptr[t.len - 2] == '-') {
		i = (uintptr_t)map_get(&s->by_text,
		    mime_scan_bound_key((weir_str){ t.ptr, t.len - 2 }));
		*close = i != 0;
	}
	if (i != 0)
		return (uint32_t)(i - 1);
	return mime_scan_prefix(s, t, close);
}

/* mime_scan_line_end - offset of the line end that stands before pos */
static size_t
mime_scan_line_end(const struct mime_scan *s, size_t pos)
{
	if (pos > 0 && s->raw.ptr[pos - 1] == '\n')
		pos--;
	if (pos > 0 && s->raw.ptr[pos - 1] == '\r')
		pos--;
	return pos;
}

/* mime_scan_finish - cur and what it is in, up to but not including top, end
   at pos */
static void
mime_scan_finish(struct mime_scan *s, uint32_t top, size_t pos)
{
	if (s->block != MIME_SCAN_NONE) {
		struct mime_scan_ent *b = &s->ents.v[s->block];

		/* the delimiter may follow its first line at once */
		b->end = pos < b->body ? b->body : pos;
	}
	s->block = MIME_SCAN_NONE;
	for (uint32_t i = s->cur; i != MIME_SCAN_NONE && i != top;
	     i = s->ents.v[i].parent) {
		struct mime_scan_ent *e = &s->ents.v[i];

		if (e->end < pos)
			e->end = pos < e->body ? e->body : pos;
		if ((e->flags & (MIME_SCAN_MULTI | MIME_SCAN_CLOSED)) ==
		    MIME_SCAN_MULTI)
			mime_scan_note(s, WEIR_MIME_A_NO_END,
			    "a multipart ends without its last delimiter");
	}
}

/* mime_scan_delimiter - a delimiter line: back to its multipart, closed or
   not, and on to the next entity; true if a header follows */
static bool
mime_scan_delimiter(struct mime_scan *s, uint32_t bound, bool close,
    const struct mime_scan_line *line)
{
	uint32_t owner = s->bounds.v[bound].ent;

	mime_scan_finish(s, owner, mime_scan_line_end(s, line->begin));
	s->pos = line->next;
	s->cur = owner;
	if (close) {
		s->ents.v[owner].flags |= MIME_SCAN_CLOSED;
		if (s->ents.v[owner].end < line->next)
			s->ents.v[owner].end = line->next;
		return false;
	}
	s->cur = mime_scan_ent_add(s, owner, line->next, line->begin);
	return true;
}

/* mime_scan_guess - may a line that looks like a delimiter be one, though
   nothing declares it: a Content- field must follow.  Returns the multipart
   that it would divide, or NONE */
static uint32_t
mime_scan_guess(struct mime_scan *s, weir_str text, size_t next)
{
	const struct mime_scan_ent *e = &s->ents.v[s->cur];
	bool any = (e->flags & (MIME_SCAN_GUESS | MIME_SCAN_MULTI)) != 0 &&
	    e->kids == 0;

	if (text.len < 4 || s->raw.len - next < 8 ||
	    !text_case_equals((weir_str){ s->raw.ptr + next, 8 }, "content-"))
		return MIME_SCAN_NONE;
	if (any)
		return s->cur;
	/* once one was guessed, any other may be as good */
	if (e->parent != MIME_SCAN_NONE &&
	    (s->ents.v[e->parent].flags & MIME_SCAN_GUESS) != 0)
		return e->parent;
	return MIME_SCAN_NONE;
}

/* mime_scan_guessed - believe a delimiter: the line, and its first word */
static void
mime_scan_guessed(struct mime_scan *s, uint32_t owner, weir_str t)
{
	const char *blank = memchr(t.ptr, ' ', t.len);

	mime_scan_note(s, WEIR_MIME_A_BAD_BOUNDARY,
	    "a delimiter that no boundary declares");
	s->ents.v[owner].flags |= MIME_SCAN_MULTI;
	if (blank != NULL)
		mime_scan_bound_add(s, owner,
		    (weir_str){ t.ptr, (size_t)(blank - t.ptr) });
	mime_scan_bound_add(s, owner, t);
}

/* mime_scan_block - uuencode and yEnc begin and end inside a text */
static void
mime_scan_block(struct mime_scan *s, weir_str text,
    const struct mime_scan_line *line)
{
	struct mime_scan_ent *e;
	unsigned flag = MIME_SCAN_UU;
	size_t digits = 6;
	const char *p;

	if (s->block != MIME_SCAN_NONE) {
		e = &s->ents.v[s->block];
		flag = e->flags & (MIME_SCAN_UU | MIME_SCAN_YENC);
		if ((flag == MIME_SCAN_UU && text.len <= 4 &&
			text_equals(text_trim(text), "end")) ||
		    (flag == MIME_SCAN_YENC &&
			text_has_prefix(text, "=yend"))) {
			e->end = line->next;
			s->block = MIME_SCAN_NONE;
		}
		return;
	}
	if (text_has_prefix(text, "=ybegin ")) {
		flag = MIME_SCAN_YENC;
		p = memmem(text.ptr, text.len, " name=", 6);
		if (p == NULL)
			return;
		p += 6;
	} else {
		if (!text_has_prefix(text, "begin "))
			return;
		while (digits < text.len && text.ptr[digits] >= '0' &&
		    text.ptr[digits] <= '7')
			digits++;
		if (digits < 9 || digits > 10 || digits + 1 >= text.len ||
		    text.ptr[digits] != ' ')
			return;
		p = text.ptr + digits + 1;
	}
	s->block = mime_scan_ent_add(s, s->cur, line->next, line->begin);
	e = &s->ents.v[s->block];
	e->flags |= flag;
	e->name = text_trim((weir_str){ p,
	    (size_t)(text.ptr + text.len - p) });
}

/* mime_scan_body - lines until a header begins; false at the end */
static bool
mime_scan_body(struct mime_scan *s)
{
	struct mime_scan_line line;
	bool close;

	while (mime_scan_next(s, s->pos, &line)) {
		weir_str text = { s->raw.ptr + line.begin,
			line.eol - line.begin };
		uint32_t b, owner;

		if (text.len >= 2 && text.ptr[0] == '-' && text.ptr[1] == '-') {
			b = mime_scan_match(s, text, &close);
			owner = b == MIME_SCAN_NONE ?
			    mime_scan_guess(s, text, line.next) :
			    MIME_SCAN_NONE;
			if (owner != MIME_SCAN_NONE) {
				mime_scan_guessed(s, owner, (weir_str){
					text.ptr + 2, text.len - 2 });
				b = mime_scan_match(s, text, &close);
			}
			if (b != MIME_SCAN_NONE) {
				if (mime_scan_delimiter(s, b, close, &line))
					return true;
				continue;
			}
		} else if (text.len >= 3 &&
		    (text.ptr[0] == 'b' || text.ptr[0] == 'e' ||
			text.ptr[0] == '=')) {
			mime_scan_block(s, text, &line);
		}
		/* the limit on parts moves it to the end */
		if (s->pos < line.next)
			s->pos = line.next;
	}
	return false;
}

/* mime_scan_run - the walk */
void
mime_scan_run(struct mime_scan *s, struct pool *pool, weir_str raw,
    const struct mime_limits *limits)
{
	const char *lf = raw.len != 0 ? memchr(raw.ptr, '\n', raw.len) : NULL;
	unsigned authors;

	memset(s, 0, sizeof(*s));
	s->pool = pool;
	s->raw = raw;
	s->limits = limits;
	s->safe = raw.len;
	s->block = MIME_SCAN_NONE;
	s->crlf = lf != NULL && lf > raw.ptr && lf[-1] == '\r';
	if (raw.len != 0 && memchr(raw.ptr, '\0', raw.len) != NULL)
		mime_scan_note(s, WEIR_MIME_A_BARE_CR,
		    "the message has a NUL in it");
	s->cur = mime_scan_ent_add(s, MIME_SCAN_NONE, 0, 0);
	do {
		if ((s->ents.v[s->cur].flags & MIME_SCAN_REST) != 0)
			break;
		mime_scan_head(s);
		mime_scan_declare(s);
		if ((s->ents.v[s->cur].flags & MIME_SCAN_MESSAGE) != 0) {
			s->cur = mime_scan_ent_add(s, s->cur, s->pos, s->pos);
			continue;
		}
		if (!mime_scan_body(s))
			break;
	} while (true);
	mime_scan_finish(s, MIME_SCAN_NONE, raw.len);
	authors = mime_scan_authors(s);
	if (authors != 1)
		mime_scan_note(s, WEIR_MIME_A_MULTI_FROM,
		    authors == 0 ? "no author in a From field" :
				   "more than one author in From");
}

/* mime_scan_fini - free the arrays */
void
mime_scan_fini(struct mime_scan *s)
{
	vec_fini(&s->ents);
	vec_fini(&s->bounds);
	map_fini(&s->by_text);
}
