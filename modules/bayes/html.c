/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "html.h"

#define HTML_ATTRS 32 /* of one tag */
#define HTML_NAME 16

struct html {
	const struct html_sink *sink;
	struct text_buf *seen, *hidden;
	char tag[HTML_NAME];	/* the one being read, lower case */
	size_t tag_len;
	/* the element that hides, and how often it is open within itself */
	char hider[HTML_NAME];
	unsigned hiding;
	bool colored; /* some background was set: white may be readable */
	struct text_buf value; /* an attribute value, decoded */
};

static const char *const html_blocks[] = { "p", "div", "br", "tr", "li", "h1",
	"h2", "h3", "h4", "h5", "h6", "table", "blockquote", "hr", "ul", "ol",
	"dl", "dt", "dd", "pre", "form", "center", "td", "th", "title", "body",
	"option", "section", "article", "header", "footer", NULL };
static const char *const html_voids[] = { "br", "hr", "img", "input", "meta",
	"link", "base", "area", "col", "wbr", "embed", "param", NULL };
static const char *const html_hrefs[] = { "href", "src", "action",
	"background", "formaction", "data", "poster", "ping", NULL };
static const char *const html_looks[] = { "width", "height", "color",
	"bgcolor", "size", "face", "border", "align", "type", "method",
	"face", NULL };

static const struct {
	const char *name;
	uint16_t code;
} html_entities[] = { { "nbsp", ' ' }, { "amp", '&' }, { "lt", '<' },
	{ "gt", '>' }, { "quot", '"' }, { "apos", '\'' }, { "copy", 0xa9 },
	{ "reg", 0xae }, { "trade", 0x2122 }, { "euro", 0x20ac },
	{ "pound", 0xa3 }, { "yen", 0xa5 }, { "cent", 0xa2 },
	{ "mdash", 0x2014 }, { "ndash", 0x2013 }, { "rsquo", 0x2019 },
	{ "lsquo", 0x2018 }, { "rdquo", 0x201d }, { "ldquo", 0x201c },
	{ "hellip", 0x2026 }, { "bull", 0x2022 }, { "middot", 0xb7 },
	{ "laquo", 0xab }, { "raquo", 0xbb }, { "eacute", 0xe9 },
	{ "egrave", 0xe8 }, { "agrave", 0xe0 }, { "aacute", 0xe1 },
	{ "oacute", 0xf3 }, { "uacute", 0xfa }, { "iacute", 0xed },
	{ "ntilde", 0xf1 }, { "ccedil", 0xe7 }, { "auml", 0xe4 },
	{ "ouml", 0xf6 }, { "uuml", 0xfc }, { "szlig", 0xdf },
	{ "Auml", 0xc4 }, { "Ouml", 0xd6 }, { "Uuml", 0xdc },
	{ "atilde", 0xe3 }, { "otilde", 0xf5 }, { "zwnj", 0x200c },
	{ "zwj", 0x200d }, { "shy", 0xad }, { NULL, 0 } };

/* html_is - is it one of the list */
static bool
html_is(weir_str name, const char *const *list)
{
	for (; *list != NULL; list++) {
		if (text_equals(name, *list))
			return true;
	}
	return false;
}

/* html_entity - at "&"; octets taken, 0: it is none */
static size_t
html_entity(const char *p, const char *end, uint32_t *code_out)
{
	const char *q = p + 1;
	uint32_t code = 0;
	unsigned digits = 0;
	bool hex;

	if (q < end && *q == '#') {
		q++;
		hex = q < end && text_lower(*q) == 'x';
		for (q += hex; q < end && digits < 8; q++, digits++) {
			char c = text_lower(*q);

			if (text_is_digit(c))
				code = code * (hex ? 16 : 10) +
				    (uint32_t)(c - '0');
			else if (hex && c >= 'a' && c <= 'f')
				code = code * 16 + (uint32_t)(c - 'a' + 10);
			else
				break;
		}
		if (digits == 0)
			return 0;
		*code_out = code;
		return (size_t)(q - p) + (q < end && *q == ';');
	}
	while (q < end && q - p < 9 && text_is_alpha(*q))
		q++;
	for (size_t i = 0; html_entities[i].name != NULL; i++) {
		size_t n = strlen(html_entities[i].name);

		if ((size_t)(q - p) - 1 == n &&
		    memcmp(p + 1, html_entities[i].name, n) == 0) {
			*code_out = html_entities[i].code;
			return n + 1 + (q < end && *q == ';');
		}
	}
	return 0;
}

/* html_text - append characters, entities decoded */
static void
html_text(struct text_buf *out, const char *p, const char *end)
{
	uint32_t code;
	size_t n;

	while (p < end) {
		const char *amp = memchr(p, '&', (size_t)(end - p));

		if (amp == NULL)
			amp = end;
		text_add(out, p, (size_t)(amp - p));
		p = amp;
		if (p == end)
			return;
		n = html_entity(p, end, &code);
		if (n > 0)
			text_add_code(out, code);
		else
			text_add_char(out, *p);
		p += n > 0 ? n : 1;
	}
}

/* html_break - part words */
static void
html_break(struct html *h)
{
	text_add_char(h->seen, '\n');
	if (h->hiding > 0)
		text_add_char(h->hidden, '\n');
}

/* html_number - a CSS number below 3 (points, pixels); 0.9em is none */
static bool
html_tiny(const char *p, const char *end)
{
	while (p < end && text_is_space(*p))
		p++;
	if (p == end || *p < '0' || *p > '2')
		return false;
	if (p + 1 == end || !text_is_digit(p[1])) {
		weir_str unit = { p + 1, (size_t)(end - p) - 1 };

		if (*p == '0')
			return unit.len < 2 || unit.ptr[0] != '.' ||
			    unit.ptr[1] == '0';
		return text_begins(unit, "px") || text_begins(unit, "pt");
	}
	return false;
}

/* html_is_white - a color that can't be read on white */
static bool
html_is_white(weir_str s)
{
	s = text_trim(s);
	return text_begins(s, "#fff") || text_begins(s, "white") ||
	    text_begins(s, "#fefefe") || text_begins(s, "ffffff");
}

/* html_style - does a style attribute make its element invisible? */
static bool
html_style(struct html *h, weir_str style)
{
	const char *p = style.ptr, *end = p + style.len, *semi, *colon;
	bool hide = false;
	weir_str key, value;

	for (; p < end; p = semi + 1) {
		semi = memchr(p, ';', (size_t)(end - p));
		if (semi == NULL)
			semi = end;
		colon = memchr(p, ':', (size_t)(semi - p));
		if (colon == NULL)
			continue;
		key = text_trim((weir_str){ p, (size_t)(colon - p) });
		value = text_trim((weir_str){ colon + 1,
		    (size_t)(semi - colon) - 1 });
		if (text_begins(key, "background"))
			h->colored = true;
		else if (text_equals(key, "display"))
			hide |= text_begins(value, "none");
		else if (text_equals(key, "visibility"))
			hide |= text_begins(value, "hidden");
		else if (text_equals(key, "mso-hide"))
			hide |= text_begins(value, "all");
		else if (text_equals(key, "font-size"))
			hide |= html_tiny(value.ptr, value.ptr + value.len);
		else if (text_equals(key, "opacity"))
			hide |= value.len == 1 && value.ptr[0] == '0';
		else if (text_equals(key, "color"))
			hide |= !h->colored && html_is_white(value);
		if (semi == end)
			break;
	}
	return hide;
}

/* html_attr - one attribute; true: the element is hidden */
static bool
html_attr(struct html *h, weir_str name, weir_str raw)
{
	weir_str tag = { h->tag, h->tag_len }, value;

	h->value.len = 0;
	html_text(&h->value, raw.ptr, raw.ptr + raw.len);
	value = (weir_str){ h->value.len > 0 ? h->value.ptr : "",
		h->value.len };
	if (html_is(name, html_hrefs)) {
		h->sink->link(h->sink->arg, tag, value);
	} else if (text_equals(name, "style")) {
		return html_style(h, value);
	} else if (text_equals(name, "alt") || text_equals(name, "title")) {
		/* shown in the place of the picture */
		text_add_char(h->hiding > 0 ? h->hidden : h->seen, ' ');
		text_add(h->hiding > 0 ? h->hidden : h->seen, value.ptr,
		    value.len);
		text_add_char(h->hiding > 0 ? h->hidden : h->seen, ' ');
	} else if (text_equals(name, "hidden")) {
		return true;
	} else if (html_is(name, html_looks)) {
		h->sink->look(h->sink->arg, tag, name, value);
		if (text_equals(name, "bgcolor"))
			h->colored = true;
		else if (text_equals(name, "color"))
			return !h->colored && html_is_white(value);
	}
	return false;
}

/* html_attrs - behind a tag's name; returns behind its ">" */
static const char *
html_attrs(struct html *h, const char *p, const char *end, bool *hide)
{
	unsigned n = 0;

	while (p < end && *p != '>') {
		const char *key = p, *key_end, *val = p, *val_end = p;

		if (text_is_space(*p) || *p == '/') {
			p++;
			continue;
		}
		while (p < end && *p != '=' && *p != '>' &&
		    !text_is_space(*p))
			p++;
		key_end = p;
		while (p < end && text_is_space(*p))
			p++;
		if (p < end && *p == '=') {
			p++;
			while (p < end && text_is_space(*p))
				p++;
			val = p;
			if (p < end && (*p == '"' || *p == '\'')) {
				val_end = memchr(p + 1, *p,
				    (size_t)(end - p) - 1);
				val++;
				if (val_end == NULL)
					val_end = end;
				p = val_end < end ? val_end + 1 : end;
			} else {
				while (p < end && *p != '>' &&
				    !text_is_space(*p))
					p++;
				val_end = p;
			}
		}
		if (p == key)
			p++;
		if (n++ < HTML_ATTRS && key_end > key)
			*hide |= html_attr(h,
			    (weir_str){ key, (size_t)(key_end - key) },
			    (weir_str){ val, (size_t)(val_end - val) });
	}
	return p < end ? p + 1 : end;
}

/* html_hide - keep account of the element that hides */
static void
html_hide(struct html *h, weir_str name, bool close, bool hide)
{
	if (h->hiding > 0) {
		if (!text_equals(name, h->hider))
			return;
		h->hiding += close ? -1u : 1u;
		return;
	}
	if (!hide || close || html_is(name, html_voids))
		return;
	memcpy(h->hider, h->tag, h->tag_len);
	h->hider[h->tag_len] = '\0';
	h->hiding = 1;
	text_add_char(h->hidden, '\n');
}

/* html_raw_end - behind </script> or </style> */
static const char *
html_raw_end(const char *p, const char *end, const char *close)
{
	while (p < end) {
		p = memchr(p, '<', (size_t)(end - p));
		if (p == NULL)
			return end;
		if (text_begins((weir_str){ p, (size_t)(end - p) }, close))
			return p;
		p++;
	}
	return end;
}

/* html_tag - at "<"; returns behind it, or p: it is no tag */
static const char *
html_tag(struct html *h, const char *p, const char *end)
{
	const char *q = p + 1;
	bool close = q < end && *q == '/', hide = false;
	weir_str name;

	if (q < end && (*q == '!' || *q == '?')) {
		if (end - q > 2 && q[1] == '-' && q[2] == '-') {
			for (q += 3; q < end; q++) {
				q = memchr(q, '>', (size_t)(end - q));
				if (q == NULL)
					return end;
				if (q[-1] == '-' && q[-2] == '-')
					return q + 1;
			}
			return end;
		}
		q = memchr(q, '>', (size_t)(end - q));
		return q != NULL ? q + 1 : end;
	}
	q += close;
	if (q == end || !text_is_alpha(*q))
		return p;
	for (h->tag_len = 0; q < end && *q != '>' && *q != '/' &&
	     !text_is_space(*q); q++) {
		if (h->tag_len + 1 < sizeof(h->tag))
			h->tag[h->tag_len++] = text_lower(*q);
	}
	h->tag[h->tag_len] = '\0';
	name = (weir_str){ h->tag, h->tag_len };
	if (html_is(name, html_blocks))
		html_break(h);
	if (!close)
		h->sink->tag(h->sink->arg, name);
	q = html_attrs(h, q, end, &hide);
	html_hide(h, name, close, hide);
	if (close)
		return q;
	if (text_equals(name, "script"))
		return html_raw_end(q, end, "</script");
	if (text_equals(name, "style"))
		return html_raw_end(q, end, "</style");
	return q;
}

/* html_read - all of it */
void
html_read(weir_str s, const struct html_sink *sink, struct text_buf *seen,
    struct text_buf *hidden)
{
	struct html h = { .sink = sink, .seen = seen, .hidden = hidden };
	const char *p = s.ptr, *end = p + s.len, *lt, *next;

	while (p < end) {
		lt = memchr(p, '<', (size_t)(end - p));
		if (lt == NULL)
			lt = end;
		html_text(h.hiding > 0 ? hidden : seen, p, lt);
		if (lt == end)
			break;
		next = html_tag(&h, lt, end);
		if (next == lt) {
			text_add_char(h.hiding > 0 ? hidden : seen, '<');
			next++;
		}
		p = next;
	}
	text_fini(&h.value);
}
