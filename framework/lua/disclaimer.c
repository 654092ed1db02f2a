/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/disclaimer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/map.h"
#include "base/text.h"

#define DISCLAIMER_PARTS 1024 /* that are looked at */
#define DISCLAIMER_TARGETS 16
#define DISCLAIMER_DEPTH 16
#define DISCLAIMER_BODY_MAX ((size_t)48 * 1024 * 1024)
#define DISCLAIMER_PGP 65536 /* octets of a text where a block is looked for */

enum { ENCODING_IDENTITY, ENCODING_QP, ENCODING_BASE64 };

/* Octets from at to at + cut of the message give way to text. */
struct disclaimer_splice {
	size_t at, cut;
	struct buf text;
};

/* One run over a message. */
struct disclaimer_work {
	const struct weir_host *host;
	const struct weir_mime *mime;
	weir_call *call;
	weir_str raw;
	const struct disclaimer *list;
	size_t n;
	struct weir_mime_part *parts;
	uint32_t nparts;
	uint32_t targets[DISCLAIMER_TARGETS];
	uint32_t ntargets;
	VEC(struct disclaimer_splice) splices;
};

/* disclaimer_result_fini - free it */
void
disclaimer_result_fini(struct disclaimer_result *r)
{
	buf_fini(&r->body);
	for (size_t i = 0; i < r->fields.n; i++) {
		free(r->fields.v[i].name);
		free(r->fields.v[i].value);
	}
	vec_fini(&r->fields);
}

/* disclaimer_is_sealed - may nobody change what is in such a part */
static bool
disclaimer_is_sealed(weir_str type)
{
	static const char *const types[] = { "multipart/signed",
		"multipart/encrypted", "application/pkcs7-mime",
		"application/x-pkcs7-mime", "application/pgp",
		"application/pgp-encrypted", NULL };

	for (int i = 0; types[i] != NULL; i++) {
		if (text_case_equals(type, types[i]))
			return true;
	}
	return false;
}

/* disclaimer_has_pgp - a block of RFC 4880 in the text itself */
static bool
disclaimer_has_pgp(const struct weir_mime *mime, weir_call *call,
    uint32_t part)
{
	static const char mark[] = "-----BEGIN PGP ";
	weir_str data = WEIR_STR("");

	mime->part_data(call, part, DISCLAIMER_PGP, &data);
	return data.len > 0 &&
	    memmem(data.ptr, data.len, mark, sizeof(mark) - 1) != NULL;
}

/* disclaimer_refusal - what is left as it is */
const char *
disclaimer_refusal(const struct weir_mime *mime, weir_call *call)
{
	uint32_t parts = 0, n = 0, code;
	weir_str detail;

	if (mime->part_count(call, &parts) != WEIR_OK || parts == 0)
		return "it can't be read";
	for (uint32_t i = 0; i < parts; i++) {
		struct weir_mime_part p = { .size = sizeof(p) };

		if (mime->part(call, i, &p) != WEIR_OK)
			return "it can't be read";
		if ((p.flags & (WEIR_MIME_EMBEDDED | WEIR_MIME_ALTERNATE)) !=
		    0)
			continue;
		if (disclaimer_is_sealed(p.type) ||
		    ((p.flags & WEIR_MIME_TEXT) != 0 &&
			disclaimer_has_pgp(mime, call, i)))
			return "it is signed or encrypted";
		if (i == 0 && text_case_equals(p.type, "multipart/report"))
			return "it is a report";
	}
	if (mime->anomaly_count(call, &n) != WEIR_OK)
		return "it can't be read";
	for (uint32_t i = 0; i < n; i++) {
		if (mime->anomaly_at(call, i, &code, &detail) != WEIR_OK)
			continue;
		if (code <= WEIR_MIME_A_NESTED_BOUNDARY ||
		    code == WEIR_MIME_A_PARTIAL)
			return "its structure is ambiguous or incomplete";
	}
	return NULL;
}

/* disclaimer_find - the texts that a reader sees at or below part i */
static void
disclaimer_find(struct disclaimer_work *w, uint32_t i, unsigned depth)
{
	const struct weir_mime_part *p = &w->parts[i];
	bool all = text_case_equals(p->type, "multipart/alternative");

	if (depth > DISCLAIMER_DEPTH || w->ntargets == DISCLAIMER_TARGETS)
		return;
	if ((p->flags & WEIR_MIME_LEAF) != 0) {
		if ((p->flags & WEIR_MIME_TEXT) != 0 &&
		    (p->flags & WEIR_MIME_ATTACHMENT) == 0)
			w->targets[w->ntargets++] = i;
		return;
	}
	if ((p->flags & WEIR_MIME_MESSAGE) != 0)
		return;
	for (uint32_t k = i + 1; k < w->nparts; k++) {
		if (w->parts[k].parent != i ||
		    (w->parts[k].flags & WEIR_MIME_ALTERNATE) != 0)
			continue;
		disclaimer_find(w, k, depth + 1);
		if (!all)
			return;
	}
}

/* disclaimer_bounds - where the content of a part ends, its line end in front
   of the next boundary not included; false: nobody knows */
static bool
disclaimer_bounds(const struct disclaimer_work *w,
    const struct weir_mime_part *p, size_t *begin, size_t *end)
{
	const char *raw = w->raw.ptr;

	*begin = (size_t)p->raw_offset;
	*end = (size_t)(p->raw_offset + p->raw_length);
	if (*end > w->raw.len || *begin > *end)
		return false;
	if (*end == w->raw.len)
		return p->parent == UINT32_MAX;
	if (w->raw.len - *end >= 2 && memcmp(raw + *end, "--", 2) == 0 &&
	    *end >= *begin + 2 && memcmp(raw + *end - 2, "\r\n", 2) == 0)
		*end -= 2;
	return w->raw.len - *end >= 4 &&
	    memcmp(raw + *end, "\r\n--", 4) == 0;
}

/* disclaimer_hex - value of a digit, or -1 */
static int
disclaimer_hex(char c)
{
	if (text_is_digit((unsigned char)c))
		return c - '0';
	c = text_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* disclaimer_step - one octet of the content at raw[*i], soft line ends left
   out; -1: the end */
static int
disclaimer_step(const struct disclaimer_work *w, bool qp, size_t *i,
    size_t end)
{
	const char *raw = w->raw.ptr;
	int high, low;

	while (qp && *i + 2 < end && raw[*i] == '=' && raw[*i + 1] == '\r' &&
	    raw[*i + 2] == '\n')
		*i += 3;
	if (*i >= end)
		return -1;
	if (qp && raw[*i] == '=' && *i + 2 < end &&
	    (high = disclaimer_hex(raw[*i + 1])) >= 0 &&
	    (low = disclaimer_hex(raw[*i + 2])) >= 0) {
		*i += 3;
		return high << 4 | low;
	}
	return (unsigned char)raw[(*i)++];
}

/* disclaimer_is_tag - does that tag begin at i; *behind: what follows */
static bool
disclaimer_is_tag(const struct disclaimer_work *w, bool qp, size_t i,
    size_t end, const char *tag, size_t *behind)
{
	for (; *tag != '\0'; tag++) {
		int c = disclaimer_step(w, qp, &i, end);

		if (c < 0 || text_lower((char)c) != *tag)
			return false;
	}
	*behind = i;
	return true;
}

/* disclaimer_html_place - in a document: behind <body ...> or in front of
   </body>; what has neither has it at its end */
static size_t
disclaimer_html_place(const struct disclaimer_work *w, bool qp, size_t begin,
    size_t end, bool top)
{
	static const char *const ends[] = { "</body", "</html" };
	static const char *const tops[] = { "<body", "<html" };
	size_t behind;

	for (int t = 0; t < 2 && !top; t++) {
		for (size_t i = end; i-- > begin;) {
			if (w->raw.ptr[i] == '<' && disclaimer_is_tag(w, qp,
			    i, end, ends[t], &behind))
				return i;
		}
	}
	for (int t = 0; t < 2 && top; t++) {
		for (size_t i = begin; i < end; i++) {
			int c;

			if (w->raw.ptr[i] != '<' || !disclaimer_is_tag(w, qp,
			    i, end, tops[t], &behind))
				continue;
			do
				c = disclaimer_step(w, qp, &behind, end);
			while (c >= 0 && c != '>');
			return behind;
		}
	}
	return top ? begin : end;
}

/* disclaimer_join - all texts for one end, as this kind of part has them, in
   its charset; false: it can't be said */
static bool
disclaimer_join(const struct disclaimer_work *w,
    const struct weir_mime_part *p, bool top, struct buf *out)
{
	bool html = (p->flags & WEIR_MIME_HTML) != 0, ok;
	struct buf all = BUF_INIT, lines = BUF_INIT;

	for (size_t i = 0; i < w->n; i++) {
		const struct disclaimer *d = &w->list[i];
		struct buf one = BUF_INIT, sep = BUF_INIT;

		if (d->top != top)
			continue;
		if (html && d->html.len > 0)
			buf_add(&one, d->html.ptr, d->html.len);
		else if (html)
			disclaimer_to_html(d->text, &one);
		else
			buf_add(&one, d->text.ptr, d->text.len);
		if (d->separator.len > 0 && html) {
			disclaimer_to_html(d->separator, &sep);
			buf_add_str(&sep, "<br>");
		} else {
			buf_add(&sep, d->separator.ptr, d->separator.len);
		}
		buf_add_str(&all, html ? "<div>" : "");
		if (!top && sep.len > 0)
			buf_printf(&all, "%s\n", sep.ptr);
		buf_add(&all, one.ptr, one.len);
		if (top && sep.len > 0)
			buf_printf(&all, "%s%s", html ? "<br>\n" : "\n",
			    sep.ptr);
		buf_add_str(&all, html ? "</div>\n" : "\n");
		buf_fini(&one);
		buf_fini(&sep);
	}
	disclaimer_lines(buf_str(&all), &lines);
	if (html) {
		struct buf ascii = BUF_INIT;

		disclaimer_ascii_html(buf_str(&lines), &ascii);
		ok = disclaimer_charset(p->charset, buf_str(&ascii), out);
		buf_fini(&ascii);
	} else {
		ok = disclaimer_charset(p->charset, buf_str(&lines), out);
	}
	buf_fini(&all);
	buf_fini(&lines);
	return ok;
}

/* disclaimer_is_ascii - 7 bits */
static bool
disclaimer_is_ascii(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)s[i] >= 0x80)
			return false;
	}
	return true;
}

/* disclaimer_put - text (CRLF lines) at an offset of the message */
static void
disclaimer_put(struct disclaimer_work *w, const struct weir_mime_part *p,
    size_t begin, size_t end, size_t at, weir_str text)
{
	bool qp = p->encoding == ENCODING_QP;
	bool line = at == begin || w->raw.ptr[at - 1] == '\n';
	struct disclaimer_splice *s = vec_push(&w->splices);

	*s = (struct disclaimer_splice){ at, 0, BUF_INIT };
	if (qp && at == end && at >= begin + 3 &&
	    memcmp(w->raw.ptr + at - 3, "=\r\n", 3) == 0) {
		buf_add_str(&s->text, "\r\n");
	} else if (!line && at == end) {
		/* a text that does not end in a line end; a soft one would
		   take the first for its own */
		if (qp && w->raw.ptr[at - 1] == '=')
			buf_add_str(&s->text, "\r\n");
		buf_add_str(&s->text, "\r\n");
	} else if (!line) {
		buf_add_str(&s->text, "\r\n");
	}
	if (qp)
		disclaimer_qp(text, &s->text);
	else
		buf_add(&s->text, text.ptr, text.len);
	/* in front of a boundary the line end is the boundary's */
	if (at == end && !line && end < w->raw.len && s->text.len >= 2)
		s->text.len -= 2;
}

/* disclaimer_put_base64 - the whole part anew */
static bool
disclaimer_put_base64(struct disclaimer_work *w, uint32_t part, size_t begin,
    size_t end, weir_str top, weir_str bottom)
{
	bool html = (w->parts[part].flags & WEIR_MIME_HTML) != 0;
	struct disclaimer_work in = *w;
	struct disclaimer_splice *s;
	struct buf all = BUF_INIT;
	size_t a, b;

	if (w->mime->part_data(w->call, part, DISCLAIMER_BODY_MAX, &in.raw) !=
	    WEIR_OK)
		return false;
	if (in.raw.len >= 2 && (memcmp(in.raw.ptr, "\xff\xfe", 2) == 0 ||
	    memcmp(in.raw.ptr, "\xfe\xff", 2) == 0))
		return false;
	a = html && top.len > 0 ? disclaimer_html_place(&in, false, 0,
	    in.raw.len, true) : 0;
	b = html && bottom.len > 0 ? disclaimer_html_place(&in, false, 0,
	    in.raw.len, false) : in.raw.len;
	if (b < a)
		b = in.raw.len;
	buf_add(&all, in.raw.ptr, a);
	buf_add(&all, top.ptr, top.len);
	buf_add(&all, in.raw.ptr + a, b - a);
	if (bottom.len > 0 && b > 0 && in.raw.ptr[b - 1] != '\n')
		buf_add_str(&all, "\r\n");
	buf_add(&all, bottom.ptr, bottom.len);
	buf_add(&all, in.raw.ptr + b, in.raw.len - b);
	s = vec_push(&w->splices);
	*s = (struct disclaimer_splice){ begin, end - begin, BUF_INIT };
	disclaimer_base64(buf_str(&all), &s->text);
	if (end < w->raw.len)
		s->text.len -= 2;
	buf_fini(&all);
	return true;
}

/* disclaimer_target - into one part; false: it can't take them */
static bool
disclaimer_target(struct disclaimer_work *w, uint32_t part)
{
	const struct weir_mime_part *p = &w->parts[part];
	bool html = (p->flags & WEIR_MIME_HTML) != 0, ok;
	bool qp = p->encoding == ENCODING_QP;
	struct buf top = BUF_INIT, bottom = BUF_INIT;
	size_t begin, end;

	if (p->encoding > ENCODING_BASE64 ||
	    !disclaimer_bounds(w, p, &begin, &end))
		return false;
	ok = disclaimer_join(w, p, true, &top) &&
	    disclaimer_join(w, p, false, &bottom);
	/* 8 bits only where there are some */
	if (ok && p->encoding == ENCODING_IDENTITY &&
	    (!disclaimer_is_ascii(top.ptr, top.len) ||
		!disclaimer_is_ascii(bottom.ptr, bottom.len)))
		ok = !disclaimer_is_ascii(w->raw.ptr + begin, end - begin);
	if (ok && p->encoding == ENCODING_BASE64) {
		ok = disclaimer_put_base64(w, part, begin, end, buf_str(&top),
		    buf_str(&bottom));
	} else if (ok) {
		size_t a = html ? disclaimer_html_place(w, qp, begin, end,
		    true) : begin;
		size_t b = html ? disclaimer_html_place(w, qp, begin, end,
		    false) : end;

		if (top.len > 0)
			disclaimer_put(w, p, begin, end, a, buf_str(&top));
		if (bottom.len > 0)
			disclaimer_put(w, p, begin, end, b < a ? end : b,
			    buf_str(&bottom));
	}
	buf_fini(&top);
	buf_fini(&bottom);
	return ok;
}

/* disclaimer_splice_order - by place */
static int
disclaimer_splice_order(const void *a, const void *b)
{
	const struct disclaimer_splice *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

/* disclaimer_apply - the body with everything put in */
static void
disclaimer_apply(struct disclaimer_work *w, struct buf *out)
{
	size_t from = (size_t)w->parts[0].raw_offset;

	if (w->splices.n > 1)
		qsort(w->splices.v, w->splices.n, sizeof(w->splices.v[0]),
		    disclaimer_splice_order);
	for (size_t i = 0; i < w->splices.n; i++) {
		const struct disclaimer_splice *s = &w->splices.v[i];

		buf_add(out, w->raw.ptr + from, s->at - from);
		buf_add(out, s->text.ptr, s->text.len);
		from = s->at + s->cut;
	}
	buf_add(out, w->raw.ptr + from, w->raw.len - from);
}

/* disclaimer_field - one change of the header */
static void
disclaimer_field(struct disclaimer_result *out, const char *name, uint32_t n,
    const char *value)
{
	struct disclaimer_field *f = vec_push(&out->fields);

	f->name = xstrdup(name);
	f->value = value != NULL ? xstrdup(value) : NULL;
	f->n = n;
}

/* disclaimer_move - the fields about the content, from the message's header
   into that of its first part */
static void
disclaimer_move(struct disclaimer_work *w, const char *type,
    struct disclaimer_result *out)
{
	uint32_t count = w->host->header_count(w->call, NULL);
	bool typed = false, version = false;

	for (uint32_t i = 0; i < count; i++) {
		weir_str name, value, v;
		char copy[200];

		if (w->host->header_at(w->call, NULL, i, &name, &value) !=
		    WEIR_OK || name.len >= sizeof(copy))
			continue;
		version |= text_case_equals(name, "MIME-Version");
		if (name.len < 8 || !text_case_equals((weir_str){ name.ptr,
		    8 }, "Content-"))
			continue;
		memcpy(copy, name.ptr, name.len);
		copy[name.len] = '\0';
		buf_printf(&out->body, "%s:", copy);
		for (size_t k = 0; k < value.len; k++) {
			if (value.ptr[k] == '\n')
				buf_add_char(&out->body, '\r');
			if (value.ptr[k] != '\r')
				buf_add_char(&out->body, value.ptr[k]);
		}
		buf_add_str(&out->body, "\r\n");
		v = text_trim(value);
		if (text_case_equals(name, "Content-Type")) {
			disclaimer_field(out, copy, 1, type);
			typed = true;
		} else if (!text_case_equals(name,
		    "Content-Transfer-Encoding") ||
		    text_case_equals(v, "quoted-printable") ||
		    text_case_equals(v, "base64")) {
			disclaimer_field(out, copy, 1, NULL);
		}
	}
	if (!typed)
		disclaimer_field(out, "Content-Type", 0, type);
	if (!version)
		disclaimer_field(out, "MIME-Version", 0, "1.0");
}

/* disclaimer_own - a part with the texts of one end, if there are any */
static void
disclaimer_own(const struct disclaimer_work *w, const char *boundary,
    bool top, struct buf *out)
{
	struct weir_mime_part p = { .charset = WEIR_STR("utf-8") };
	struct buf text = BUF_INIT;

	if (disclaimer_join(w, &p, top, &text) && text.len > 0) {
		buf_printf(out, "--%s\r\nContent-Type: text/plain; "
		    "charset=utf-8\r\nContent-Transfer-Encoding: "
		    "quoted-printable\r\nContent-Disposition: inline\r\n\r\n",
		    boundary);
		disclaimer_qp(buf_str(&text), out);
		buf_add_str(out, "\r\n");
	}
	buf_fini(&text);
}

/* disclaimer_wrap - the message and the texts side by side */
static void
disclaimer_wrap(struct disclaimer_work *w, struct disclaimer_result *out)
{
	uint64_t seed = map_hash(w->raw.ptr, w->raw.len);
	size_t from = (size_t)w->parts[0].raw_offset;
	char boundary[64], type[128];

	do
		snprintf(boundary, sizeof(boundary), "=_weir_%016llx",
		    (unsigned long long)seed++);
	while (memmem(w->raw.ptr, w->raw.len, boundary, strlen(boundary)) !=
	    NULL);
	snprintf(type, sizeof(type), "multipart/mixed;\n boundary=\"%s\"",
	    boundary);
	disclaimer_own(w, boundary, true, &out->body);
	buf_printf(&out->body, "--%s\r\n", boundary);
	disclaimer_move(w, type, out);
	buf_add_str(&out->body, "\r\n");
	buf_add(&out->body, w->raw.ptr + from, w->raw.len - from);
	buf_add_str(&out->body, "\r\n");
	disclaimer_own(w, boundary, false, &out->body);
	buf_printf(&out->body, "--%s--\r\n", boundary);
}

/* disclaimer_read - the parts of the message */
static int
disclaimer_read(struct disclaimer_work *w)
{
	uint32_t n = 0;
	int status = w->mime->raw(w->call, &w->raw);

	if (status == WEIR_OK)
		status = w->mime->part_count(w->call, &n);
	if (status != WEIR_OK)
		return status;
	if (n == 0 || w->raw.len > DISCLAIMER_BODY_MAX)
		return WEIR_E_LIMIT;
	if (n > DISCLAIMER_PARTS)
		n = DISCLAIMER_PARTS;
	w->parts = xcalloc(n, sizeof(*w->parts));
	for (; w->nparts < n; w->nparts++) {
		w->parts[w->nparts].size = sizeof(w->parts[0]);
		status = w->mime->part(w->call, w->nparts,
		    &w->parts[w->nparts]);
		if (status != WEIR_OK)
			return status;
	}
	return w->parts[0].raw_offset <= w->raw.len ? WEIR_OK :
						      WEIR_E_INTERNAL;
}

/* disclaimer_build - into the parts, or around them */
int
disclaimer_build(const struct weir_host *host, const struct weir_mime *mime,
    weir_call *call, const struct disclaimer *list, size_t n,
    struct disclaimer_result *out)
{
	struct disclaimer_work w = { .host = host, .mime = mime, .call = call,
		.list = list, .n = n };
	int status = disclaimer_read(&w);
	bool ok;

	if (status == WEIR_OK) {
		disclaimer_find(&w, 0, 0);
		ok = w.ntargets > 0;
		for (uint32_t i = 0; i < w.ntargets && ok; i++)
			ok = disclaimer_target(&w, w.targets[i]);
		if (ok)
			disclaimer_apply(&w, &out->body);
		else
			disclaimer_wrap(&w, out);
	}
	for (size_t i = 0; i < w.splices.n; i++)
		buf_fini(&w.splices.v[i].text);
	vec_fini(&w.splices);
	free(w.parts);
	return status;
}
