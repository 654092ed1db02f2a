/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mime_alternate - parts that exist only in another reading of the message. */
#include <string.h>

#include "base/pool.h"
#include "mail/mime_int.h"

/* mime_alternate_room - may there be one more part */
static bool
mime_alternate_room(struct mime *m)
{
	if (m->items.n < 2 * (size_t)m->limits.parts)
		return true;
	mime_scan_note(&m->scan, WEIR_MIME_A_PARTS,
	    "more readings of the parts than the limit");
	return false;
}

/* mime_alternate_same - is item i that reading of the entity already */
static bool
mime_alternate_same(const struct mime *m, uint32_t i, uint32_t ent,
    size_t body, size_t end, uint32_t encoding)
{
	const struct weir_mime_part *p = &m->items.v[i].part;

	/* an end of line more or less is no difference */
	return m->items.v[i].ent == ent && p->raw_offset == body &&
	    p->encoding == encoding && p->raw_length + 2 >= end - body &&
	    p->raw_length <= end - body + 2;
}

/* mime_alternate_add - a part with the same header as item `of`, its content
   at [body, end) in that encoding, if no other reading of it is the same */
static void
mime_alternate_add(struct mime *m, uint32_t of, uint32_t first, size_t body,
    size_t end, uint32_t encoding)
{
	struct mime_item *it;
	size_t head = (size_t)(m->items.v[of].head.ptr - m->scan.raw.ptr);
	uint32_t n, ent = m->items.v[of].ent;

	if (body >= end)
		return;
	if (mime_alternate_same(m, of, ent, body, end, encoding))
		return;
	for (uint32_t i = first; i < m->items.n; i++) {
		if (mime_alternate_same(m, i, ent, body, end, encoding))
			return;
	}
	if (!mime_alternate_room(m))
		return;
	n = mime_item_add(m, ent, m->items.v[of].part.parent,
	    head < body ? head : body, body, end);
	it = &m->items.v[n];
	it->head = m->items.v[of].head;
	it->part.raw_head = head;
	it->part.encoding = encoding;
	it->part.flags |= WEIR_MIME_ALTERNATE;
}

/* mime_alternate_odd - in how many ways can the octets of a part be read */
static unsigned
mime_alternate_odd(struct mime *m, const struct weir_mime_part *p)
{
	weir_str raw = { m->scan.raw.ptr + p->raw_offset,
		(size_t)p->raw_length };

	if (p->encoding == DECODE_QP)
		return decode_qp_is_odd(raw) ? 2 : 1;
	if (p->encoding != DECODE_BASE64 || !decode_base64_is_odd(raw))
		return 1;
	mime_scan_note(&m->scan, WEIR_MIME_A_BAD_BASE64,
	    "base64 with junk inside or data behind its padding");
	return DECODE_B64_READINGS;
}

/* mime_alternate_readings - the other ways to decode a part */
static void
mime_alternate_readings(struct mime *m, uint32_t of)
{
	const struct weir_mime_part p = m->items.v[of].part;
	uint32_t readings[DECODE_B64_READINGS] = { of }, n = 1;
	unsigned hows = mime_alternate_odd(m, &p);

	for (unsigned how = 1; how < hows; how++) {
		weir_str data, other;
		uint32_t i, k;

		if (!mime_alternate_room(m))
			return;
		i = mime_item_add(m, m->items.v[of].ent, p.parent,
		    (size_t)(m->items.v[of].head.ptr - m->scan.raw.ptr),
		    (size_t)p.raw_offset,
		    (size_t)(p.raw_offset + p.raw_length));
		m->items.v[i].how = how;
		m->items.v[i].part.reading = how;
		m->items.v[i].part.encoding = p.encoding;
		m->items.v[i].part.flags |= WEIR_MIME_ALTERNATE;
		data = mime_item_data(m, i);
		for (k = 0; k < n; k++) {
			other = mime_item_data(m, readings[k]);
			if (other.len == data.len &&
			    memcmp(other.ptr, data.ptr, data.len) == 0)
				break;
		}
		if (k < n)
			m->items.n--;
		else
			readings[n++] = i;
	}
}

/* mime_alternate_of - the other readings of one leaf */
static void
mime_alternate_of(struct mime *m, uint32_t of, bool extents)
{
	uint32_t ent = m->items.v[of].ent, first = (uint32_t)m->items.n;
	uint32_t encodings[MIME_ENCODINGS], n;
	const struct mime_scan_ent *e;
	size_t body, end;

	if (ent == MIME_SCAN_NONE ||
	    (m->items.v[of].part.flags & WEIR_MIME_LEAF) == 0)
		return;
	e = &m->scan.ents.v[ent];
	body = (size_t)m->items.v[of].part.raw_offset;
	end = body + (size_t)m->items.v[of].part.raw_length;
	n = mime_encodings(m, &e->encoding, encodings);
	if ((e->flags & (MIME_SCAN_UU | MIME_SCAN_YENC)) != 0)
		n = 0;
	for (uint32_t i = 1; i < n; i++)
		mime_alternate_add(m, of, first, body, end, encodings[i]);
	if (n == 0)
		return;
	if (extents)
		mime_alternate_add(m, of, first, e->body, e->end,
		    encodings[0]);
	/* the content may begin where the header is none */
	for (unsigned k = 0; k < MIME_SCAN_STARTS; k++) {
		if (e->start[k] == 0 || (e->flags & MIME_SCAN_MULTI) != 0)
			continue;
		for (uint32_t i = 0; i < n; i++)
			mime_alternate_add(m, of, first, e->start[k], e->end,
			    encodings[i]);
	}
}

/* mime_alternate - add to the parts what only other readers see */
void
mime_alternate(struct mime *m)
{
	uint32_t tree = (uint32_t)m->items.n, n, parent;
	uint32_t *item = pool_array(m->pool, uint32_t, m->scan.ents.n);
	const struct mime_scan_ent *e;

	/* entity -> item + 1 */
	for (uint32_t i = 0; i < tree; i++) {
		if (m->items.v[i].ent != MIME_SCAN_NONE &&
		    item[m->items.v[i].ent] == 0)
			item[m->items.v[i].ent] = i + 1;
	}
	for (uint32_t i = 0; i < m->scan.ents.n; i++) {
		if (item[i] != 0)
			continue;
		e = &m->scan.ents.v[i];
		if (m->items.n > 0 && !mime_alternate_room(m))
			break;
		parent = e->parent == MIME_SCAN_NONE ? MIME_SCAN_NONE :
		    item[e->parent] != 0	     ? item[e->parent] - 1 :
						       0;
		n = mime_item_add(m, i, parent, e->head, e->body, e->end);
		item[i] = n + 1;
		/* what GMime was not shown, or does not look for, is no
		   disagreement */
		e = &m->scan.ents.v[i];
		if (e->head < m->scan.safe && tree != 0 &&
		    (e->flags & (MIME_SCAN_UU | MIME_SCAN_YENC)) == 0)
			m->items.v[n].part.flags |= WEIR_MIME_ALTERNATE;
	}
	n = (uint32_t)m->items.n;
	for (uint32_t i = 0; i < n; i++)
		mime_alternate_of(m, i, i < tree);
	n = (uint32_t)m->items.n;
	for (uint32_t i = 0; i < n; i++)
		mime_alternate_readings(m, i);
}
