/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mail/links.h"

#include <string.h>

#include "base/text.h"

/* links_is_url - may the octet at p stand in a URL in running text */
static bool
links_is_url(const unsigned char *p, size_t left)
{
	if (p[0] <= ' ' || p[0] == 0x7f || strchr("<>\"`{}|^", p[0]) != NULL)
		return false;
	/* no-break space, general and CJK punctuation */
	if (left >= 2 && p[0] == 0xc2 && p[1] == 0xa0)
		return false;
	return !(left >= 2 && ((p[0] == 0xe2 && p[1] == 0x80) ||
				  (p[0] == 0xe3 && p[1] == 0x80)));
}

/* links_end - where the URL that begins at i ends */
static size_t
links_end(weir_str t, size_t i)
{
	size_t begin = i;
	bool paren = false;

	while (i < t.len &&
	    links_is_url((const unsigned char *)t.ptr + i, t.len - i)) {
		paren = paren || t.ptr[i] == '(';
		i++;
	}
	/* what ends a sentence is not the URL's */
	while (i > begin && (strchr(".,;:!?'*]", t.ptr[i - 1]) != NULL ||
				(t.ptr[i - 1] == ')' && !paren)))
		i--;
	return i;
}

/* links_host - can a host name begin at i */
static bool
links_host(weir_str t, size_t i)
{
	return i < t.len &&
	    (text_is_alpha((unsigned char)t.ptr[i]) ||
		text_is_digit((unsigned char)t.ptr[i]) || t.ptr[i] == '[' ||
		(t.ptr[i] & 0x80) != 0);
}

/* links_scheme - length of the scheme that ends before i, 0: none we follow */
static size_t
links_scheme(weir_str t, size_t i)
{
	static const char *const schemes[] = { "https", "http", "ftp", NULL };

	for (unsigned k = 0; schemes[k] != NULL; k++) {
		size_t n = strlen(schemes[k]);

		if (i >= n &&
		    text_case_equals((weir_str){ t.ptr + i - n, n },
			schemes[k]))
			return n;
	}
	return 0;
}

/* links_find - all URLs of a text */
void
links_find(weir_str t, links_fn fn, void *arg)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i + 4 < t.len; i++) {
		char c = t.ptr[i];
		size_t n, end;

		if (c == ':' && t.ptr[i + 1] == '/' && t.ptr[i + 2] == '/') {
			n = links_scheme(t, i);
			if (n == 0 || !links_host(t, i + 3))
				continue;
			end = links_end(t, i + 3);
			if (end == i + 3)
				continue;
			fn((weir_str){ t.ptr + i - n, end - i + n }, arg);
			i = end - 1;
		} else if ((c == 'w' || c == 'W') && t.ptr[i + 3] == '.' &&
		    text_case_equals((weir_str){ t.ptr + i, 4 }, "www.") &&
		    (i == 0 || !links_host(t, i - 1)) &&
		    links_host(t, i + 4)) {
			end = links_end(t, i);
			buf_clear(&b);
			buf_add_str(&b, "http://");
			buf_add(&b, t.ptr + i, end - i);
			fn(buf_str(&b), arg);
			i = end - 1;
		}
	}
	buf_fini(&b);
}

/* links_join - a relative reference with its base */
static bool
links_join(weir_str ref, weir_str base, struct buf *out)
{
	const char *host = base.len != 0 ?
	    memmem(base.ptr, base.len, "://", 3) :
	    NULL;
	const char *end = base.ptr + base.len, *slash, *cut;

	if (host == NULL || ref.len == 0 || ref.ptr[0] == '#')
		return false;
	host += 3;
	slash = memchr(host, '/', (size_t)(end - host));
	cut = slash != NULL ? slash : end;
	if (ref.ptr[0] != '/' && slash != NULL) {
		/* beside the base document */
		for (cut = end; cut > slash && cut[-1] != '/'; cut--)
			;
	}
	buf_add(out, base.ptr, (size_t)(cut - base.ptr));
	if (ref.ptr[0] != '/' && (cut == end ? end[-1] : cut[-1]) != '/')
		buf_add_char(out, '/');
	buf_add(out, ref.ptr, ref.len);
	return true;
}

/* links_clean - a copy without blanks around and controls inside */
static void
links_clean(weir_str v, struct buf *out)
{
	v = text_trim(v);
	for (size_t i = 0; i < v.len; i++) {
		if ((unsigned char)v.ptr[i] >= ' ' && v.ptr[i] != 0x7f)
			buf_add_char(out, v.ptr[i]);
	}
}

/* links_absolute - as a browser resolves it */
bool
links_absolute(weir_str value, weir_str base, struct buf *out)
{
	static const char *const inside[] = { "data:", "cid:", "mid:",
		"javascript:", "vbscript:", "about:", "blob:", NULL };
	struct buf b = BUF_INIT;
	size_t colon = 0, i;
	weir_str s;
	bool web, ok = false;

	buf_clear(out);
	links_clean(value, &b);
	s = buf_str(&b);
	while (colon < s.len &&
	    (text_is_alpha((unsigned char)s.ptr[colon]) ||
		(colon > 0 &&
		    (text_is_digit((unsigned char)s.ptr[colon]) ||
			strchr("+-.", s.ptr[colon]) != NULL))))
		colon++;
	if (colon == 0 || colon == s.len || s.ptr[colon] != ':')
		colon = 0;
	web = colon != 0 && links_scheme((weir_str){ s.ptr, colon }, colon) ==
		colon;
	if (web || (colon == 0 && s.len > 2 &&
		       (s.ptr[0] == '/' || s.ptr[0] == '\\') &&
		       (s.ptr[1] == '/' || s.ptr[1] == '\\'))) {
		i = web ? colon + 1 : 0;
		if (web)
			buf_add(out, s.ptr, colon);
		else
			buf_add_str(out, "http");
		buf_add_str(out, "://");
		while (i < s.len && (s.ptr[i] == '/' || s.ptr[i] == '\\'))
			i++;
		ok = i < s.len;
		for (; i < s.len && s.ptr[i] != '?' && s.ptr[i] != '#'; i++)
			buf_add_char(out, s.ptr[i] == '\\' ? '/' : s.ptr[i]);
		if (i < s.len)
			buf_add(out, s.ptr + i, s.len - i);
	} else if (colon == 0) {
		ok = links_join(s, base, out);
	} else {
		for (i = 0; inside[i] != NULL; i++) {
			if (s.len >= strlen(inside[i]) &&
			    text_case_equals((weir_str){ s.ptr,
					strlen(inside[i]) },
				inside[i]))
				break;
		}
		ok = inside[i] == NULL;
		if (ok)
			buf_add(out, s.ptr, s.len);
	}
	buf_fini(&b);
	return ok;
}
