/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mail/mime.h"

#include <string.h>

#include "base/budget.h"
#include "base/pool.h"
#include "base/text.h"
#include "mail/html.h"
#include "mail/late.h"
#include "mail/mime_int.h"
#include "mail/names.h"

#define MIME_TOKEN 128 /* octets kept of a type */

static bool mime_ready; /* the libraries are */

/* mime_init - the libraries' own start, once */
void
mime_init(void)
{
	if (mime_ready)
		return;
	late_gmime();
	g_mime_init();
	html_init();
	mime_ready = true;
}

/* mime_fini - and their end */
void
mime_fini(void)
{
	decode_fini();
	if (!mime_ready)
		return;
	html_fini();
	g_mime_shutdown();
	mime_ready = false;
}

/* mime_field_find - the first field of that name */
bool
mime_field_find(weir_str head, const char *name, weir_str *out)
{
	size_t len = strlen(name), i = 0;
	bool found = false;

	while (i < head.len) {
		const char *p = head.ptr + i;
		const char *lf = memchr(p, '\n', head.len - i);
		const char *end = lf != NULL ? lf : head.ptr + head.len;
		size_t n = (size_t)(end - p);
		bool fold = n > 0 && (*p == ' ' || *p == '\t');

		if (found && !fold)
			break;
		if (found) {
			out->len = (size_t)(p + n - out->ptr);
		} else if (!fold && n > len &&
		    text_case_equal((weir_str){ p, len },
			(weir_str){ name, len })) {
			size_t k = len;

			while (k < n && (p[k] == ' ' || p[k] == '\t'))
				k++;
			if (k < n && p[k] == ':') {
				*out = (weir_str){ p + k + 1, n - k - 1 };
				found = true;
			}
		}
		i += n + 1;
	}
	if (found)
		*out = text_trim(*out);
	return found;
}

/* mime_encoding_of - one word of an encoding field; false: nobody knows it */
static bool
mime_encoding_of(const char *word, bool exact, uint32_t *out)
{
	static const struct {
		const char *name, *part;
		uint32_t encoding;
	} known[] = { { "base64", "base64", DECODE_BASE64 },
		{ "quoted-printable", "quoted", DECODE_QP },
		{ "x-uuencode", "uu", DECODE_UU },
		{ "uuencode", "uu", DECODE_UU }, { "x-uue", "uu", DECODE_UU },
		{ "uue", "uu", DECODE_UU }, { "x-yenc", "yenc", DECODE_YENC },
		{ "7bit", "7bit", DECODE_IDENTITY },
		{ "8bit", "8bit", DECODE_IDENTITY },
		{ "binary", "binary", DECODE_IDENTITY } };

	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (exact ? strcmp(word, known[i].name) == 0 :
			    strstr(word, known[i].part) != NULL) {
			*out = known[i].encoding;
			return true;
		}
	}
	return false;
}

/* mime_encodings - all that some reader may take the fields to mean */
unsigned
mime_encodings(struct mime *m, const struct mime_scan_field *field,
    uint32_t out[MIME_ENCODINGS])
{
	bool seen[DECODE_YENC + 1] = { false };
	bool vague = field->n == 0;
	unsigned n = 0;
	uint32_t e;

	for (uint32_t i = 0; i < field->n && i < MIME_SCAN_FIELDS; i++) {
		char token[MIME_TOKEN];

		weir_str v = field->v[i];

		if (memmem(v.ptr, v.len, "=?", 2) != NULL)
			v = decode_header(m->pool, v);
		mime_scan_token(v, token, sizeof(token));
		if (mime_encoding_of(token, true, &e)) {
			if (!seen[e] && n < MIME_ENCODINGS)
				out[n++] = e;
			seen[e] = true;
			continue;
		}
		/* no word of the standard: anything it reminds of */
		vague = true;
		for (e = DECODE_QP; e <= DECODE_YENC; e++) {
			static const char *const hint[] = { "", "q", "64",
				"uu", "yenc" };

			if (!seen[e] && strstr(token, hint[e]) != NULL &&
			    n < MIME_ENCODINGS) {
				out[n++] = e;
				seen[e] = true;
			}
		}
	}
	if (vague && !seen[DECODE_IDENTITY] && n < MIME_ENCODINGS) {
		/* what the standard says of an unknown encoding comes first
		   where there is nothing else */
		out[n++] = DECODE_IDENTITY;
	}
	return n;
}

/* mime_keep - a trimmed copy for the outside */
static weir_str
mime_keep(struct mime *m, weir_str s)
{
	s = text_trim(s);
	if (s.len == 0)
		return (weir_str){ "", 0 };
	return pool_str(m->pool, s);
}

/* mime_item_names - the set of names of an item */
static void
mime_item_names(struct mime *m, struct mime_item *it,
    const struct mime_scan_ent *e)
{
	weir_str values[2 * MIME_SCAN_FIELDS];
	unsigned n = 0;
	struct names names;

	for (uint32_t i = 0; i < MIME_SCAN_FIELDS && i < e->disposition.n; i++)
		values[n++] = e->disposition.v[i];
	for (uint32_t i = 0; i < MIME_SCAN_FIELDS && i < e->type.n; i++)
		values[n++] = e->type.v[i];
	if (n == 0 && e->name.len == 0)
		return;
	names.n = names.whole = 0;
	names.more = false;
	if (e->name.len != 0)
		names_add_file(m->pool, e->name, &names);
	names_collect(m->pool, values, n, &names);
	if (names_differ(&names))
		mime_scan_note(&m->scan, WEIR_MIME_A_NAMES_DIFFER,
		    "a part whose names end differently, or too many names");
	it->part.names = names.n;
	if (names.n == 0)
		return;
	it->names = pool_array(m->pool, weir_str, names.n);
	memcpy(it->names, names.v, sizeof(weir_str) * names.n);
}

/* mime_item_kind - type, charset and the flags that come from them */
static void
mime_item_kind(struct mime *m, struct mime_item *it,
    const struct mime_scan_ent *e)
{
	struct weir_mime_part *p = &it->part;
	char token[MIME_TOKEN] = "";
	struct names charset;

	if (e->type.n != 0)
		mime_scan_token(e->type.v[0], token, sizeof(token));
	if ((e->flags & (MIME_SCAN_UU | MIME_SCAN_YENC)) != 0)
		p->type = text_slice("application/octet-stream");
	else if (token[0] == '\0')
		p->type = text_slice((e->flags & MIME_SCAN_MESSAGE) != 0 ?
			"message/rfc822" :
			"text/plain");
	else
		p->type = mime_keep(m, text_slice(token));
	p->charset = (weir_str){ "", 0 };
	if (text_has_prefix(p->type, "text/") && e->type.n != 0) {
		charset.n = charset.whole = 0;
		charset.more = false;
		names_param(m->pool, e->type.v[0], "charset", &charset);
		if (charset.n != 0)
			p->charset = charset.v[0];
	}
	if (text_equals(p->type, "text/plain"))
		p->flags |= WEIR_MIME_TEXT;
	if (text_equals(p->type, "text/html"))
		p->flags |= WEIR_MIME_TEXT | WEIR_MIME_HTML;
	if (text_has_prefix(p->type, "message/"))
		p->flags |= WEIR_MIME_MESSAGE;
	if ((e->flags & MIME_SCAN_MESSAGE) == 0 &&
	    !(text_has_prefix(p->type, "multipart/") && e->kids != 0))
		p->flags |= WEIR_MIME_LEAF;
	else
		p->flags &= ~(WEIR_MIME_TEXT | WEIR_MIME_HTML);
	if ((e->flags & MIME_SCAN_TRUNCATED) != 0)
		p->flags |= WEIR_MIME_TRUNCATED;
	if ((e->flags & MIME_SCAN_EMBEDDED) != 0)
		p->flags |= WEIR_MIME_EMBEDDED;
}

/* mime_item_fields - the fields of an entity that only GMime saw */
static void
mime_item_fields(weir_str head, struct mime_scan_ent *e)
{
	memset(e, 0, sizeof(*e));
	e->parent = MIME_SCAN_NONE;
	e->type.n = mime_field_find(head, "content-type", &e->type.v[0]);
	e->encoding.n = mime_field_find(head, "content-transfer-encoding",
	    &e->encoding.v[0]);
	e->disposition.n = mime_field_find(head, "content-disposition",
	    &e->disposition.v[0]);
	mime_field_find(head, "content-id", &e->content_id);
}

/* mime_item_add - one more part */
uint32_t
mime_item_add(struct mime *m, uint32_t ent, uint32_t parent, size_t head,
    size_t body, size_t end)
{
	struct mime_item *it = vec_push(&m->items);
	struct weir_mime_part *p = &it->part;
	uint32_t encodings[MIME_ENCODINGS];
	struct mime_scan_ent own;
	const struct mime_scan_ent *e = &own;
	char token[MIME_TOKEN];

	it->ent = ent;
	it->head = (weir_str){ m->scan.raw.ptr + head, body - head };
	if (ent != MIME_SCAN_NONE)
		e = &m->scan.ents.v[ent];
	else
		mime_item_fields(it->head, &own);
	p->size = sizeof(*p);
	p->parent = parent;
	p->depth = parent != MIME_SCAN_NONE ?
	    m->items.v[parent].part.depth + 1 :
	    0;
	p->raw_offset = body;
	p->raw_length = end - body;
	p->raw_head = head;
	mime_item_kind(m, it, e);
	p->disposition = (weir_str){ "", 0 };
	if (e->disposition.n != 0) {
		mime_scan_token(e->disposition.v[0], token, sizeof(token));
		p->disposition = mime_keep(m, text_slice(token));
	}
	p->content_id = text_trim(e->content_id);
	if (p->content_id.len > 1 && p->content_id.ptr[0] == '<' &&
	    p->content_id.ptr[p->content_id.len - 1] == '>') {
		p->content_id.ptr++;
		p->content_id.len -= 2;
	}
	p->content_id = mime_keep(m, p->content_id);
	mime_item_names(m, it, e);
	if (p->names != 0 || text_equals(p->disposition, "attachment"))
		p->flags |= WEIR_MIME_ATTACHMENT;
	if ((e->flags & MIME_SCAN_UU) != 0)
		p->encoding = DECODE_UU;
	else if ((e->flags & MIME_SCAN_YENC) != 0)
		p->encoding = DECODE_YENC;
	else if ((p->flags & WEIR_MIME_LEAF) != 0 &&
	    mime_encodings(m, &e->encoding, encodings) > 0)
		p->encoding = encodings[0];
	return (uint32_t)(m->items.n - 1);
}

/* mime_release - what the pool does not hold */
static void
mime_release(void *arg)
{
	struct mime *m = arg;

	mime_read_fini(m);
	mime_scan_fini(&m->scan);
	vec_fini(&m->items);
	budget_give(m->taken);
}

/* mime_parse - both readers, one list */
struct mime *
mime_parse(struct pool *pool, weir_str raw, const struct mime_limits *limits)
{
	struct mime *m = pool_new(pool, struct mime);

	mime_init();
	m->pool = pool;
	m->limits = *limits;
	pool_cleanup(pool, mime_release, m);
	mime_scan_run(&m->scan, pool, raw, &m->limits);
	mime_tree_read(m);
	mime_alternate(m);
	return m;
}

/* mime_part_count - never 0 */
uint32_t
mime_part_count(const struct mime *m)
{
	return (uint32_t)m->items.n;
}

/* mime_part - what is known of a part; an older caller's struct is shorter, a
   younger one's larger */
int
mime_part(const struct mime *m, uint32_t part, struct weir_mime_part *out)
{
	uint32_t size = out->size;

	if (part >= m->items.n)
		return WEIR_E_NOTFOUND;
	if (size < sizeof(uint32_t))
		return WEIR_E_INVAL;
	if (size > sizeof(*out))
		size = sizeof(*out);
	memcpy(out, &m->items.v[part].part, size);
	out->size = size;
	return WEIR_OK;
}

/* mime_part_name - one of the plausible names */
int
mime_part_name(const struct mime *m, uint32_t part, uint32_t index,
    weir_str *out)
{
	if (part >= m->items.n || index >= m->items.v[part].part.names)
		return WEIR_E_NOTFOUND;
	*out = m->items.v[part].names[index];
	return WEIR_OK;
}

/* mime_part_header - a field of the part's own header */
int
mime_part_header(struct mime *m, uint32_t part, const char *name,
    weir_str *out)
{
	weir_str v;

	if (part >= m->items.n ||
	    !mime_field_find(m->items.v[part].head, name, &v))
		return WEIR_E_NOTFOUND;
	*out = mime_keep(m, v);
	return WEIR_OK;
}

/* mime_anomaly_count - one of each code at most */
uint32_t
mime_anomaly_count(const struct mime *m)
{
	return (uint32_t)__builtin_popcount(m->scan.seen);
}

/* mime_anomaly_at - the index-th, by code */
int
mime_anomaly_at(const struct mime *m, uint32_t index, uint32_t *code,
    weir_str *detail)
{
	for (uint32_t c = 0; c < MIME_SCAN_ANOMALIES; c++) {
		if ((m->scan.seen & 1u << c) == 0 || index-- != 0)
			continue;
		*code = c;
		*detail = m->scan.detail[c];
		return WEIR_OK;
	}
	return WEIR_E_NOTFOUND;
}

/* mime_header_decode - a header value as text */
int
mime_header_decode(struct pool *pool, weir_str raw, weir_str *out)
{
	*out = decode_header(pool, raw);
	return WEIR_OK;
}
