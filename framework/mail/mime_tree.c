/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mime_tree - GMime's reading of a message, as items. */
#include <string.h>

#include "base/check.h"
#include "mail/late.h"
#include "mail/mime_int.h"

/* One walk over a tree of GMime's. */
struct mime_tree {
	struct mime *m;
	size_t shift;  /* where GMime's input begins in the message */
	uint32_t next; /* entity after the last one matched */
};

/* mime_tree_head - offset of the first header field that GMime kept */
static size_t
mime_tree_head(const struct mime_tree *t, GMimeObject *obj)
{
	GMimeHeaderList *list = g_mime_object_get_header_list(obj);
	gint64 off;

	if (list == NULL || g_mime_header_list_get_count(list) == 0)
		return SIZE_MAX;
	off = g_mime_header_get_offset(
	    g_mime_header_list_get_header_at(list, 0));
	return off < 0 ? SIZE_MAX : (size_t)off + t->shift;
}

/* mime_tree_bounds - where the content of a leaf is */
static bool
mime_tree_bounds(const struct mime_tree *t, GMimeObject *obj, size_t *body,
    size_t *end)
{
	GMimeDataWrapper *content;
	GMimeStream *stream;

	if (!GMIME_IS_PART(obj))
		return false;
	content = g_mime_part_get_content(GMIME_PART(obj));
	stream = content != NULL ? g_mime_data_wrapper_get_stream(content) :
				   NULL;
	if (stream == NULL || stream->bound_start < 0)
		return false;
	*body = (size_t)stream->bound_start + t->shift;
	*end = stream->bound_end < 0 ? t->m->scan.safe :
				       (size_t)stream->bound_end + t->shift;
	return *body <= *end && *end <= t->m->scan.raw.len;
}

/* mime_tree_match - the entity whose header holds offset head, or whose
   content begins at body */
static uint32_t
mime_tree_match(struct mime_tree *t, size_t head, size_t body)
{
	const struct mime_scan *s = &t->m->scan;
	size_t at = head != SIZE_MAX ? head : body;
	uint32_t lo = 0, hi = (uint32_t)s->ents.n;

	if (at == SIZE_MAX)
		return MIME_SCAN_NONE;
	/* entities stand in the order of their offsets; in step is the rule */
	if (t->next < hi && s->ents.v[t->next].head <= at &&
	    (t->next + 1 == hi || s->ents.v[t->next + 1].head > at)) {
		lo = t->next + 1;
	} else {
		while (lo < hi) {
			uint32_t mid = lo + (hi - lo) / 2;

			if (s->ents.v[mid].head <= at)
				lo = mid + 1;
			else
				hi = mid;
		}
	}
	/* a block in a text is no entity of GMime's */
	while (lo > 0 && (s->ents.v[lo - 1].flags &
			     (MIME_SCAN_UU | MIME_SCAN_YENC)) != 0)
		lo--;
	if (lo == 0)
		return MIME_SCAN_NONE;
	lo--;
	if (head != SIZE_MAX ? head < s->ents.v[lo].body :
			       body == s->ents.v[lo].body)
		return lo;
	return MIME_SCAN_NONE;
}

/* mime_tree_end - the end of what GMime gives no offsets for */
static size_t
mime_tree_end(const struct mime_tree *t, uint32_t ent)
{
	return ent != MIME_SCAN_NONE ? t->m->scan.ents.v[ent].end :
				       t->m->scan.raw.len;
}

static void mime_tree_walk(struct mime_tree *t, GMimeObject *obj, size_t head,
    uint32_t parent, unsigned depth);

/* mime_tree_kids - what is below a multipart or a message */
static void
mime_tree_kids(struct mime_tree *t, GMimeObject *obj, uint32_t item,
    unsigned depth)
{
	GMimeMessage *message;
	GMimeObject *kid;
	size_t head;
	int n;

	if (GMIME_IS_MULTIPART(obj)) {
		n = g_mime_multipart_get_count(GMIME_MULTIPART(obj));
		for (int i = 0; i < n; i++) {
			kid = g_mime_multipart_get_part(GMIME_MULTIPART(obj),
			    i);
			mime_tree_walk(t, kid, mime_tree_head(t, kid), item,
			    depth + 1);
		}
	} else if (GMIME_IS_MESSAGE_PART(obj)) {
		message = g_mime_message_part_get_message(
		    GMIME_MESSAGE_PART(obj));
		if (message == NULL)
			return;
		kid = g_mime_message_get_mime_part(message);
		if (kid == NULL)
			return;
		head = mime_tree_head(t, GMIME_OBJECT(message));
		if (head == SIZE_MAX)
			head = mime_tree_head(t, kid);
		mime_tree_walk(t, kid, head, item, depth + 1);
	}
}

/* mime_tree_walk - one object of the tree, and what is below it */
static void
mime_tree_walk(struct mime_tree *t, GMimeObject *obj, size_t head,
    uint32_t parent, unsigned depth)
{
	struct mime *m = t->m;
	size_t body = SIZE_MAX, end = 0;
	bool leaf = mime_tree_bounds(t, obj, &body, &end);
	uint32_t ent, item;

	if (depth > 2 * m->limits.depth + 8 ||
	    m->items.n >= 2 * (size_t)m->limits.parts)
		return;
	ent = mime_tree_match(t, head, body);
	if (ent == MIME_SCAN_NONE && !leaf) {
		/* nothing to go by: a container without a header */
		if (t->next < m->scan.ents.n)
			ent = t->next;
		else
			return;
	}
	if (ent != MIME_SCAN_NONE) {
		const struct mime_scan_ent *e = &m->scan.ents.v[ent];

		t->next = ent + 1;
		head = e->head;
		if (!leaf || e->end > m->scan.safe) {
			body = e->body;
			end = mime_tree_end(t, ent);
		}
	} else if (head == SIZE_MAX || head > body) {
		head = body;
	}
	item = mime_item_add(m, ent, parent, head, body, end);
	if (!leaf && GMIME_IS_MULTIPART(obj) &&
	    g_mime_multipart_get_count(GMIME_MULTIPART(obj)) > 0)
		m->items.v[item].part.flags &= ~WEIR_MIME_LEAF;
	mime_tree_kids(t, obj, item, depth);
}

/* mime_tree_read - parse what the scan calls safe, walk the result */
void
mime_tree_read(struct mime *m)
{
	struct mime_tree t = { m, m->scan.ents.v[0].head, 0 };
	GByteArray *octets;
	GMimeParser *parser;
	GMimeStream *stream;
	GMimeObject *root;

	if (m->scan.safe <= t.shift || m->scan.safe - t.shift > UINT32_MAX / 2)
		return;
	/* the array only points at the message, nothing is copied */
	octets = g_byte_array_new();
	octets->data = (guint8 *)(uintptr_t)(m->scan.raw.ptr + t.shift);
	octets->len = (guint)(m->scan.safe - t.shift);
	stream = g_mime_stream_mem_new_with_byte_array(octets);
	g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), FALSE);
	parser = g_mime_parser_new_with_stream(stream);
	g_mime_parser_set_persist_stream(parser, TRUE);
	root = g_mime_parser_construct_part(parser, NULL);
	if (root != NULL) {
		mime_tree_walk(&t, root, mime_tree_head(&t, root),
		    MIME_SCAN_NONE, 0);
		g_object_unref(root);
	}
	g_object_unref(parser);
	g_object_unref(stream);
	octets->data = NULL;
	octets->len = 0;
	g_byte_array_unref(octets);
}
