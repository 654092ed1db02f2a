/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mime_read - content, text and links of parts, made when asked for. */
#include <string.h>

#include "base/budget.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/pool.h"
#include "base/text.h"
#include "mail/html.h"
#include "mail/links.h"
#include "mail/mime_int.h"

#define MIME_LINK_MAX 2048 /* octets of one link that are kept */
/* HTML of one message that is read as such: the worst costs 200 ns an octet.
   Behind that only links are looked for. */
#define MIME_HTML_MAX ((size_t)2 << 20)

/* mime_read_room - how many of want octets may still be decoded; they are
   taken from the budgets */
static size_t
mime_read_room(struct mime *m, size_t want, bool *cut)
{
	size_t left = m->limits.decoded - m->decoded;

	if (want > left) {
		want = left;
		*cut = true;
	}
	if (!budget_take(want)) {
		*cut = true;
		return 0;
	}
	m->taken += want;
	return want;
}

/* mime_read_back - what was taken and not used */
static void
mime_read_back(struct mime *m, size_t unused)
{
	budget_give(unused);
	m->taken -= unused;
}

/* mime_item_data - decode, once */
weir_str
mime_item_data(struct mime *m, uint32_t item)
{
	struct mime_item *it = &m->items.v[item];
	weir_str raw = { m->scan.raw.ptr + it->part.raw_offset,
		(size_t)it->part.raw_length };
	bool cut = false, more = false;
	size_t cap, n = 0;
	char *dst;

	if (it->decoded)
		return it->data;
	cap = mime_read_room(m, decode_bound(it->part.encoding, raw.len),
	    &cut);
	dst = pool_alloc(m->pool, cap + 1);
	switch (it->part.encoding) {
	case DECODE_BASE64:
		n = decode_base64(dst, cap, raw, it->how, &more);
		break;
	case DECODE_QP:
		n = decode_qp(dst, cap, raw, it->how != 0, &more);
		break;
	case DECODE_UU:
		n = decode_uu(dst, cap, raw, &more);
		break;
	case DECODE_YENC:
		n = decode_yenc(dst, cap, raw, &more);
		break;
	default:
		n = raw.len < cap ? raw.len : cap;
		more = n < raw.len;
		if (n != 0)
			memcpy(dst, raw.ptr, n);
		break;
	}
	m->decoded += n;
	it->decoded = true;
	it->cut = more || (cut && cap == 0);
	if (it->cut)
		it->part.flags |= WEIR_MIME_TRUNCATED;
	it->data = (weir_str){ dst, n };
	return it->data;
}

/* mime_read_cut - at most max octets of s, with a NUL behind; kept is the copy
   made for an earlier caller */
static int
mime_read_cut(struct mime *m, weir_str s, size_t max, bool cut,
    weir_str *kept, weir_str *out)
{
	if (s.len <= max) {
		*out = s;
		return cut ? WEIR_E_LIMIT : WEIR_OK;
	}
	if (kept->ptr == NULL || kept->len != max)
		*kept = pool_str(m->pool, (weir_str){ s.ptr, max });
	*out = *kept;
	return WEIR_E_LIMIT;
}

/* mime_part_data - the content of a part */
int
mime_part_data(struct mime *m, uint32_t part, size_t max, weir_str *out)
{
	struct mime_item *it;
	weir_str data;

	if (part >= m->items.n)
		return WEIR_E_NOTFOUND;
	data = mime_item_data(m, part);
	it = &m->items.v[part];
	return mime_read_cut(m, data, max, it->cut, &it->part_of[0], out);
}

struct mime_links {
	struct mime *m;
	struct mime_item *it;
};

/* mime_read_link - keep a link of an item */
static void
mime_read_link(weir_str url, void *arg)
{
	struct mime_links *l = arg;

	if (l->it->links.n >= l->m->limits.links)
		return;
	if (url.len > MIME_LINK_MAX)
		url.len = MIME_LINK_MAX;
	*vec_push(&l->it->links) = pool_str(l->m->pool, url);
}

/* mime_read_charset - the charset of a text: as declared, by its mark, or as
   its own meta element says */
static weir_str
mime_read_charset(const struct mime_item *it, weir_str *data)
{
	if (data->len >= 3 && memcmp(data->ptr, "\xef\xbb\xbf", 3) == 0) {
		data->ptr += 3;
		data->len -= 3;
		return text_slice("utf-8");
	}
	if (data->len >= 2 && (memcmp(data->ptr, "\xff\xfe", 2) == 0 ||
				  memcmp(data->ptr, "\xfe\xff", 2) == 0))
		return text_slice("utf-16");
	if (it->part.charset.len == 0 &&
	    (it->part.flags & WEIR_MIME_HTML) != 0)
		return html_charset(*data);
	return it->part.charset;
}

/* mime_item_text - text and links of an item, once */
static void
mime_item_text(struct mime *m, uint32_t item)
{
	weir_str data = mime_item_data(m, item), text, charset;
	struct mime_item *it = &m->items.v[item];
	struct mime_links l = { m, it };
	struct buf out = BUF_INIT;
	bool cut = false;
	size_t room;

	if (it->text.ptr != NULL)
		return;
	charset = mime_read_charset(it, &data);
	/* UTF-8 of a legacy charset is three octets for one at most */
	room = mime_read_room(m, data.len * 3, &cut);
	text = decode_charset(m->pool, charset, data, room);
	mime_read_back(m, room - text.len);
	m->decoded += text.len;
	if ((it->part.flags & WEIR_MIME_HTML) != 0) {
		weir_str html = { text.ptr, MIME_HTML_MAX - m->html };

		if (html.len >= text.len)
			html.len = text.len;
		else
			it->cut = true;
		m->html += html.len;
		html_read(html, &out, mime_read_link, &l);
		links_find((weir_str){ text.ptr + html.len,
			       text.len - html.len },
		    mime_read_link, &l);
		text = decode_charset(m->pool, (weir_str){ "", 0 },
		    buf_str(&out), SIZE_MAX);
	}
	links_find(text, mime_read_link, &l);
	it->text = pool_str(m->pool, text);
	buf_fini(&out);
}

/* mime_part_text - the text of a part */
int
mime_part_text(struct mime *m, uint32_t part, size_t max, weir_str *out)
{
	struct mime_item *it;

	if (part >= m->items.n)
		return WEIR_E_NOTFOUND;
	it = &m->items.v[part];
	if ((it->part.flags & WEIR_MIME_LEAF) == 0 ||
	    !text_has_prefix(it->part.type, "text/"))
		return WEIR_E_UNSUPPORTED;
	mime_item_text(m, part);
	it = &m->items.v[part];
	while (max > 0 && max < it->text.len &&
	    (it->text.ptr[max] & 0xc0) == 0x80)
		max--;
	return mime_read_cut(m, it->text, max, it->cut, &it->part_of[1], out);
}

/* mime_read_links - all links, each once */
static void
mime_read_links(struct mime *m)
{
	if (m->linked)
		return;
	m->linked = true;
	for (uint32_t i = 0; i < m->items.n; i++) {
		struct mime_item *it = &m->items.v[i];

		if ((it->part.flags & WEIR_MIME_TEXT) == 0)
			continue;
		mime_item_text(m, i);
		it = &m->items.v[i];
		for (size_t k = 0; k < it->links.n; k++) {
			weir_str url = it->links.v[k];

			if (m->links.n >= m->limits.links)
				return;
			if (map_set(&m->link_seen, url, m) == NULL)
				*vec_push(&m->links) = url;
		}
	}
}

/* mime_link_count - how many links */
uint32_t
mime_link_count(struct mime *m)
{
	mime_read_links(m);
	return (uint32_t)m->links.n;
}

/* mime_link_at - one of them */
int
mime_link_at(struct mime *m, uint32_t index, weir_str *out)
{
	mime_read_links(m);
	if (index >= m->links.n)
		return WEIR_E_NOTFOUND;
	*out = m->links.v[index];
	return WEIR_OK;
}

/* mime_read_fini - the lists */
void
mime_read_fini(struct mime *m)
{
	for (size_t i = 0; i < m->items.n; i++)
		vec_fini(&m->items.v[i].links);
	vec_fini(&m->links);
	map_fini(&m->link_seen);
}
