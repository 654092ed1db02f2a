/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scan_doc - RTF, PDF and OneNote: what is active or hidden in them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan.h"

#define PDF_STREAMS 20000u
#define DOC_OBJECTS 200u /* of one document that are taken out */

/* doc_u32 - little endian; 0 behind the end */
static uint32_t
doc_u32(weir_str s, size_t at)
{
	const unsigned char *p = (const unsigned char *)s.ptr + at;

	if (s.len < 4 || at > s.len - 4)
		return 0;
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

/* doc_hex - the value of a digit, or -1 */
static int
doc_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* rtf_hex - the octets of an object: digits, with anything that RTF readers
   skip between them, up to the end of the group */
static size_t
rtf_hex(weir_str in, char *out, size_t *used)
{
	size_t n = 0, i;
	int high = -1, depth = 0;

	for (i = 0; i < in.len; i++) {
		char c = in.ptr[i];
		int v = doc_hex(c);

		if (c == '\\') {
			/* a control word, or a symbol */
			while (i + 1 < in.len && (((in.ptr[i + 1] | 0x20) >=
			    'a' && (in.ptr[i + 1] | 0x20) <= 'z') ||
			    (in.ptr[i + 1] >= '0' && in.ptr[i + 1] <= '9') ||
			    in.ptr[i + 1] == '-'))
				i++;
		} else if (c == '{') {
			depth++;
		} else if (c == '}') {
			if (depth-- == 0)
				break;
		} else if (v >= 0 && high < 0) {
			high = v;
		} else if (v >= 0) {
			out[n++] = (char)(high << 4 | v);
			high = -1;
		}
	}
	*used = i;
	return n;
}

/* rtf_string - a string of OLE 1 with its length in front */
static weir_str
rtf_string(weir_str d, size_t *at)
{
	uint32_t len = doc_u32(d, *at);
	weir_str out = { "", 0 };

	*at += 4;
	if (*at >= d.len || len > d.len - *at)
		return out;
	out = (weir_str){ d.ptr + *at, strnlen(d.ptr + *at, len) };
	*at += len;
	return out;
}

/* rtf_object - OLE 1: version, kind, class, topic, item, then its data */
static void
rtf_object(struct scan *s, struct scan_object *o, weir_str d)
{
	weir_str class, names[2], content;
	size_t at = 8, n = 0;
	const char *ole = memmem(d.ptr, d.len, "\xd0\xcf\x11\xe0", 4);
	uint32_t size;

	class = rtf_string(d, &at);
	(void)rtf_string(d, &at);
	(void)rtf_string(d, &at);
	size = doc_u32(d, at);
	at += 4;
	content = at < d.len ? (weir_str){ d.ptr + at, d.len - at } : d;
	if (at < d.len && size < content.len)
		content.len = size;
	names[n++] = class.len > 0 ? class : (weir_str){ "object", 6 };
	if (class.len == 7 && strncasecmp(class.ptr, "Package", 7) == 0 &&
	    content.len > 2) {
		/* label and path of the packager, then the file's size */
		size_t in = 2;
		const char *nul = memchr(content.ptr + in, '\0',
		    content.len - in);

		if (nul != NULL && nul > content.ptr + in)
			names[0] = (weir_str){ content.ptr + in,
				(size_t)(nul - content.ptr) - in };
		if (nul != NULL)
			in = (size_t)(nul - content.ptr) + 1;
		nul = memchr(content.ptr + in, '\0', content.len - in);
		if (nul != NULL)
			in = (size_t)(nul - content.ptr) + 5;
		if (in < content.len)
			in += 4 + doc_u32(content, in);
		size = doc_u32(content, in);
		in += 4;
		if (in < content.len) {
			content = (weir_str){ content.ptr + in,
				content.len - in };
			if (size < content.len)
				content.len = size;
		}
	} else if (ole != NULL) {
		content = (weir_str){ ole, d.len - (size_t)(ole - d.ptr) };
	}
	scan_child(s, o, names, (uint32_t)n, content);
}

/* rtf_has - a control word, in any case that readers take */
static const char *
rtf_has(weir_str data, const char *word)
{
	return memmem(data.ptr, data.len, word, strlen(word));
}

/* rtf_template - does it load its template from another machine? */
static bool
rtf_template(weir_str data)
{
	const char *p = rtf_has(data, "\\*\\template");
	size_t left;

	if (p == NULL)
		return false;
	left = data.len - (size_t)(p - data.ptr);
	if (left > 400)
		left = 400;
	return memmem(p, left, "http", 4) != NULL ||
	    memmem(p, left, "\\\\\\\\", 4) != NULL ||
	    /* written as \u numbers to be overlooked */
	    memmem(p, left, "\\u-", 3) != NULL;
}

/* rtf_dde - a field whose instruction is a DDE link */
static bool
rtf_dde(weir_str data)
{
	const char *p = data.ptr;
	size_t left = data.len;

	while ((p = memmem(p, left, "\\fldinst", 8)) != NULL) {
		size_t n;

		left = data.len - (size_t)(p - data.ptr);
		n = left < 300 ? left : 300;
		for (size_t i = 8; i + 3 < n; i++) {
			if (strncasecmp(p + i, "DDE", 3) == 0)
				return true;
		}
		p += 8;
		left -= 8;
	}
	return false;
}

/* scan_rtf - objects, links */
void
scan_rtf(struct scan *s, struct scan_object *o, weir_str data)
{
	static const char *const words[] = { "\\objdata", "\\objemb",
		"\\objocx", "\\objhtml" };
	const char *p = data.ptr;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (rtf_has(data, words[i]) != NULL)
			scan_note(o, CAT(EMBEDDED_OBJECT));
	}
	if (rtf_template(data) || rtf_has(data, "\\objautlink") != NULL ||
	    rtf_has(data, "\\objlink") != NULL)
		scan_note(o, CAT(EXTERNAL_TEMPLATE));
	if (rtf_dde(data))
		scan_note(o, CAT(MACRO_DDE));
	for (unsigned n = 0; n < DOC_OBJECTS && !scan_late(s, o); n++) {
		weir_str in;
		size_t used, len;
		char *out;

		p = memmem(p, data.len - (size_t)(p - data.ptr), "\\objdata",
		    8);
		if (p == NULL)
			return;
		p += 8;
		in = (weir_str){ p, data.len - (size_t)(p - data.ptr) };
		out = malloc(in.len / 2 + 1);
		if (out == NULL) {
			scan_note(o, CAT(LIMIT_MEMORY));
			return;
		}
		len = rtf_hex(in, out, &used);
		if (len > 0)
			rtf_object(s, o, (weir_str){ out, len });
		free(out);
		p += used;
	}
	/* there may be more */
	scan_note(o, CAT(LIMIT_COUNT));
}

/* pdf_name - does the name at p (behind its slash) be the word, #xx decoded */
static bool
pdf_name(weir_str d, size_t at, const char *word)
{
	size_t k = 0;

	for (; word[k] != '\0'; k++, at++) {
		char c;

		if (at >= d.len)
			return false;
		c = d.ptr[at];
		if (c == '#' && at + 2 < d.len && doc_hex(d.ptr[at + 1]) >= 0 &&
		    doc_hex(d.ptr[at + 2]) >= 0) {
			c = (char)(doc_hex(d.ptr[at + 1]) << 4 |
			    doc_hex(d.ptr[at + 2]));
			at += 2;
		}
		if (c != word[k])
			return false;
	}
	/* the name ends here */
	return at >= d.len || strchr(" \t\r\n\f/<>[](){}%", d.ptr[at]) != NULL;
}

/* pdf_names - what names anywhere in it say */
static uint64_t
pdf_names(weir_str d)
{
	static const struct {
		const char *word;
		uint64_t set;
	} words[] = { { "Encrypt", CAT(ENCRYPTED_PDF) },
		{ "JavaScript", CAT(PDF_SCRIPT) }, { "JS", CAT(PDF_SCRIPT) },
		{ "Launch", CAT(PDF_LAUNCH) },
		{ "EmbeddedFile", CAT(PDF_EMBEDDED) },
		{ "RichMedia", CAT(PDF_EMBEDDED) } };
	const char *p = d.ptr, *end = d.ptr + d.len;
	uint64_t set = 0;

	while ((p = memchr(p, '/', (size_t)(end - p))) != NULL) {
		p++;
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			if ((set & words[i].set) == 0 && p < end &&
			    (*p == words[i].word[0] || *p == '#') &&
			    pdf_name(d, (size_t)(p - d.ptr), words[i].word))
				set |= words[i].set;
		}
	}
	return set;
}

/* pdf_stream - one stream, with the dictionary before it */
static void
pdf_stream(struct scan *s, struct scan_object *o, weir_str dict, weir_str d,
    unsigned n)
{
	bool packed = memmem(dict.ptr, dict.len, "/FlateDecode", 12) != NULL ||
	    memmem(dict.ptr, dict.len, "/Fl", 3) != NULL;
	bool file = memmem(dict.ptr, dict.len, "/EmbeddedFile", 13) != NULL;
	bool objects = memmem(dict.ptr, dict.len, "/ObjStm", 7) != NULL;
	char *out = NULL, text[40];
	size_t len = 0;
	weir_str name;

	if (!file && !objects)
		return;
	if (packed) {
		out = scan_inflate(s, o, d, &len);
		d = (weir_str){ out != NULL ? out : "", len };
	}
	if (objects)
		scan_note(o, pdf_names(d));
	if (file && d.len > 0) {
		snprintf(text, sizeof(text), "embedded-%u", n);
		name = (weir_str){ text, strlen(text) };
		scan_child(s, o, &name, 1, d);
	}
	free(out);
}

/* pdf_streams - all that may hide something */
static void
pdf_streams(struct scan *s, struct scan_object *o, weir_str data)
{
	const char *p = data.ptr, *end = data.ptr + data.len;

	for (unsigned n = 0; n < PDF_STREAMS && !scan_late(s, o); n++) {
		const char *q, *begin;
		weir_str dict, d;

		p = memmem(p, (size_t)(end - p), "stream", 6);
		if (p == NULL)
			return;
		begin = p + 6;
		if (begin < end && *begin == '\r')
			begin++;
		if (begin < end && *begin == '\n')
			begin++;
		q = memmem(begin, (size_t)(end - begin), "endstream", 9);
		dict.len = p - data.ptr < 2000 ? (size_t)(p - data.ptr) : 2000;
		dict.ptr = p - dict.len;
		/* what is between the last object's end and here */
		for (const char *e; (e = memmem(dict.ptr, dict.len, "endobj",
		    6)) != NULL;) {
			dict.len -= (size_t)(e + 6 - dict.ptr);
			dict.ptr = e + 6;
		}
		d = (weir_str){ begin, (size_t)((q != NULL ? q : end) -
		    begin) };
		pdf_stream(s, o, dict, d, n);
		if (q == NULL)
			return;
		p = q + 9;
	}
	scan_note(o, CAT(LIMIT_COUNT));
}

/* scan_pdf - names, then what streams hide */
void
scan_pdf(struct scan *s, struct scan_object *o, weir_str data)
{
	uint64_t set = pdf_names(data);

	scan_note(o, set);
	if ((set & CAT(ENCRYPTED_PDF)) == 0)
		pdf_streams(s, o, data);
}

/* scan_onenote - files behind the buttons of a page (MS-ONESTORE
   FileDataStoreObject) */
void
scan_onenote(struct scan *s, struct scan_object *o, weir_str data)
{
	static const char guid[] = "\xe7\x16\xe3\xbd\x65\x26\x11\x45\xa4\xc4"
	    "\x8d\x4d\x0b\x7a\x9e\xac";
	const char *p = data.ptr;

	for (unsigned n = 0; n < DOC_OBJECTS; n++) {
		weir_str d, name;
		char text[40];

		p = memmem(p, data.len - (size_t)(p - data.ptr), guid, 16);
		if (p == NULL)
			return;
		p += 16;
		d = (weir_str){ p, data.len - (size_t)(p - data.ptr) };
		if (d.len <= 20)
			return;
		scan_note(o, CAT(EMBEDDED_OBJECT));
		d.len = doc_u32(d, 0) < d.len - 20 ? doc_u32(d, 0) :
						     d.len - 20;
		d.ptr += 20;
		snprintf(text, sizeof(text), "file-%u", n);
		name = (weir_str){ text, strlen(text) };
		scan_child(s, o, &name, 1, d);
	}
	scan_note(o, CAT(LIMIT_COUNT));
}
