/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mail/html.h"

#include <string.h>

#include "base/text.h"
#include "mail/late.h"

#define HTML_CHUNK 1024 /* octets given to the parser at once */
#define HTML_DEEP 128	/* open elements; libxml2 searches them one by one */
#define HTML_WORDS 256	/* words in one tag; it compares each with each */

struct html {
	struct buf *out;
	links_fn fn;
	void *arg;
	struct buf base, url;
	size_t room;	 /* octets that the text may still have */
	unsigned depth;	 /* open elements */
	unsigned hidden; /* depth at which hiding began, 0: shown */
	unsigned pre;	 /* the same for preformatted text */
	/* where the octets last given are */
	bool in_tag;
	char quote;	/* that an attribute value stands in, or 0 */
	char before;	/* last octet that is no blank */
	unsigned words; /* in this tag */
};

/* html_init - the library's own start */
void
html_init(void)
{
	late_xml();
	xmlInitParser();
}

/* html_fini - and its end */
void
html_fini(void)
{
	xmlCleanupParser();
}

/* html_put - text, blanks folded into one */
static void
html_put(struct html *h, const char *p, size_t len)
{
	struct buf *out = h->out;

	for (size_t i = 0; i < len && h->room > 0; i++) {
		char c = p[i];

		if (h->pre == 0 && text_is_space((unsigned char)c)) {
			c = ' ';
			if (out->len == 0 || out->ptr[out->len - 1] == ' ' ||
			    out->ptr[out->len - 1] == '\n')
				continue;
		}
		buf_add_char(out, c);
		h->room--;
	}
}

/* html_break - end the line, once */
static void
html_break(struct html *h)
{
	if (h->hidden != 0 || h->room == 0 || h->out->len == 0 ||
	    h->out->ptr[h->out->len - 1] == '\n')
		return;
	buf_add_char(h->out, '\n');
	h->room--;
}

/* html_is - is the name one of the list */
static bool
html_is(const char *name, const char *const *list)
{
	for (; *list != NULL; list++) {
		if (strcmp(name, *list) == 0)
			return true;
	}
	return false;
}

static const char *const html_blocks[] = { "p", "div", "br", "tr", "li", "h1",
	"h2", "h3", "h4", "h5", "h6", "table", "blockquote", "hr", "ul", "ol",
	"dl", "dt", "dd", "pre", "form", "center", "section", "article",
	"header", "footer", "title", "body", NULL };
static const char *const html_unseen[] = { "script", "style", "head",
	"template", "noframes", NULL };
static const char *const html_hrefs[] = { "href", "src", "action",
	"formaction", "background", "data", "poster", "longdesc", "cite",
	"xlink:href", "ping", "lowsrc", "dynsrc", NULL };

/* html_style_hides - does a style attribute make its element invisible */
static bool
html_style_hides(const char *style)
{
	char s[512];
	size_t n = 0;
	const char *p;

	for (; *style != '\0' && n + 1 < sizeof(s); style++) {
		if (!text_is_space((unsigned char)*style))
			s[n++] = text_lower(*style);
	}
	s[n] = '\0';
	if (strstr(s, "display:none") != NULL ||
	    strstr(s, "visibility:hidden") != NULL ||
	    strstr(s, "mso-hide:all") != NULL)
		return true;
	for (p = s; (p = strstr(p, "font-size:0")) != NULL;) {
		p += strlen("font-size:0");
		/* 0, 0px, 0.0 but not 0.9em */
		p += strspn(p, ".0");
		if (!text_is_digit((unsigned char)*p))
			return true;
	}
	p = strstr(s, "opacity:0");
	return p != NULL && p[strlen("opacity:0")] != '.';
}

/* html_link - one attribute value that leads somewhere */
static void
html_link(struct html *h, const char *value)
{
	if (links_absolute(text_slice(value), buf_str(&h->base), &h->url))
		h->fn(buf_str(&h->url), h->arg);
}

/* html_refresh - the URL of <meta http-equiv=refresh content="0; url=..."> */
static void
html_refresh(struct html *h, const char *content)
{
	const char *p = strcasestr(content, "url");

	if (p == NULL)
		return;
	p += 3;
	p += strspn(p, " \t");
	if (*p++ != '=')
		return;
	p += strspn(p, " \t'\"");
	buf_clear(&h->url);
	buf_add(&h->url, p, strcspn(p, "'\""));
	p = buf_steal(&h->url);
	html_link(h, p);
	free((char *)(uintptr_t)p);
}

/* html_start - an element opens */
static void
html_start(void *arg, const xmlChar *xname, const xmlChar **atts)
{
	struct html *h = arg;
	const char *name = (const char *)xname;
	bool hide = html_is(name, html_unseen);

	h->depth++;
	if (html_is(name, html_blocks))
		html_break(h);
	else if (strcmp(name, "td") == 0 || strcmp(name, "th") == 0)
		html_put(h, " ", h->hidden == 0);
	for (; atts != NULL && atts[0] != NULL; atts += 2) {
		const char *key = (const char *)atts[0];
		const char *value = (const char *)atts[1];

		if (strcmp(key, "hidden") == 0)
			hide = true;
		if (value == NULL)
			continue;
		if (strcmp(key, "style") == 0 && html_style_hides(value))
			hide = true;
		if (strcmp(name, "base") == 0 && strcmp(key, "href") == 0 &&
		    h->base.len == 0 &&
		    links_absolute(text_slice(value), (weir_str){ "", 0 },
			&h->url))
			buf_add(&h->base, h->url.ptr, h->url.len);
		else if (html_is(key, html_hrefs))
			html_link(h, value);
		else if (strcmp(name, "meta") == 0 &&
		    strcmp(key, "content") == 0)
			html_refresh(h, value);
	}
	if (hide && h->hidden == 0)
		h->hidden = h->depth;
	if (strcmp(name, "pre") == 0 && h->pre == 0)
		h->pre = h->depth;
}

/* html_end - an element closes; libxml2 closes each that it opened */
static void
html_end(void *arg, const xmlChar *xname)
{
	struct html *h = arg;
	const char *name = (const char *)xname;

	if (h->depth == 0)
		return;
	if (h->hidden == h->depth)
		h->hidden = 0;
	if (h->pre == h->depth)
		h->pre = 0;
	h->depth--;
	if (html_is(name, html_blocks))
		html_break(h);
}

/* html_text - characters between tags */
static void
html_text(void *arg, const xmlChar *p, int len)
{
	struct html *h = arg;

	if (h->hidden == 0 && len > 0)
		html_put(h, (const char *)p, (size_t)len);
}

/* html_open - a fresh parser that calls us */
static htmlParserCtxtPtr
html_open(struct html *h)
{
	htmlSAXHandler sax;
	htmlParserCtxtPtr ctxt;

	memset(&sax, 0, sizeof(sax));
	sax.startElement = html_start;
	sax.endElement = html_end;
	sax.characters = html_text;
	sax.ignorableWhitespace = html_text;
	h->depth = h->hidden = h->pre = 0;
	ctxt = htmlCreatePushParserCtxt(&sax, h, NULL, 0, NULL,
	    XML_CHAR_ENCODING_UTF8);
	if (ctxt != NULL)
		htmlCtxtUseOptions(ctxt,
		    HTML_PARSE_RECOVER | HTML_PARSE_NOERROR |
			HTML_PARSE_NOWARNING | HTML_PARSE_NONET |
			HTML_PARSE_IGNORE_ENC | HTML_PARSE_NODEFDTD);
	return ctxt;
}

/* html_close - let it see the end, free it */
static void
html_close(htmlParserCtxtPtr ctxt)
{
	if (ctxt == NULL)
		return;
	htmlParseChunk(ctxt, NULL, 0, 1);
	htmlFreeParserCtxt(ctxt);
}

/* html_chunk - octets to give at once: up to the last ">" nearby, so that a
   cut there breaks no tag */
static size_t
html_chunk(weir_str s)
{
	const char *gt;

	if (s.len <= HTML_CHUNK)
		return s.len;
	gt = memrchr(s.ptr, '>', HTML_CHUNK);
	return gt != NULL ? (size_t)(gt + 1 - s.ptr) : HTML_CHUNK;
}

/* html_thin - blank out what a tag has beyond so many attributes, and NULs, at
   which libxml2 would stop though mail programs do not */
static void
html_thin(struct html *h, char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = p[i];

		if (c == '\0')
			p[i] = c = ' ';
		if (!h->in_tag) {
			h->in_tag = h->before == '<' &&
			    text_is_alpha((unsigned char)c);
			h->words = 0;
			h->quote = 0;
			h->before = c;
			continue;
		}
		if (h->quote != 0) {
			if (c == h->quote)
				h->quote = 0;
			h->before = c;
			continue;
		}
		if (c == '>') {
			h->in_tag = false;
		} else if ((c == '"' || c == '\'') && h->before == '=') {
			h->quote = c;
		} else if (text_is_space((unsigned char)c) || c == '=' ||
		    c == '/') {
			h->words++;
		}
		if (h->in_tag && h->words > HTML_WORDS) {
			p[i] = ' ';
			h->quote = 0;
		}
		if (!text_is_space((unsigned char)c))
			h->before = c;
	}
}

/* html_read - text and links */
void
html_read(weir_str s, struct buf *out, links_fn fn, void *arg)
{
	struct html h = { out, fn, arg, BUF_INIT, BUF_INIT, s.len, 0, 0, 0,
		false, 0, 0, 0 };
	htmlParserCtxtPtr ctxt = html_open(&h);
	char chunk[HTML_CHUNK];
	size_t n;

	while (s.len > 0 && ctxt != NULL) {
		n = html_chunk(s);
		memcpy(chunk, s.ptr, n);
		html_thin(&h, chunk, n);
		htmlParseChunk(ctxt, chunk, (int)n, 0);
		s.ptr += n;
		s.len -= n;
		if (h.depth > HTML_DEEP) {
			html_close(ctxt);
			ctxt = html_open(&h);
		}
	}
	html_close(ctxt);
	buf_fini(&h.base);
	buf_fini(&h.url);
}

/* html_charset - what a meta element says */
weir_str
html_charset(weir_str html)
{
	static const char key[] = "charset=";
	size_t max = html.len < 1024 ? html.len : 1024, n = sizeof(key) - 1, k;

	for (size_t i = 0; i + n < max; i++) {
		if (!text_case_equals((weir_str){ html.ptr + i, n }, key))
			continue;
		i += n;
		if (html.ptr[i] == '"' || html.ptr[i] == '\'')
			i++;
		for (k = i; k < max && !text_is_space(html.ptr[k]) &&
		     strchr("\"'>;/", html.ptr[k]) == NULL; k++)
			;
		return (weir_str){ html.ptr + i, k - i };
	}
	return (weir_str){ "", 0 };
}
