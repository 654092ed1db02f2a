/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scan_ole - OLE2 compound files: Office up to 2003, Outlook, installers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cfb.h"
#include "scan.h"
#include "vba.h"

#define OLE_VBA_TEXT (256u << 10)   /* of a module that is looked at */
#define OLE_VBA_STREAM (4u << 20)   /* larger streams are no modules */
#define OLE_RECORDS 65536u /* between two looks at the clock */

/* ole_u16, ole_u32 - little endian; 0 behind the end */
static uint32_t
ole_u16(weir_str s, size_t at)
{
	const unsigned char *p = (const unsigned char *)s.ptr + at;

	return s.len >= 2 && at <= s.len - 2 ? (uint32_t)(p[0] | p[1] << 8) : 0;
}

static uint32_t
ole_u32(weir_str s, size_t at)
{
	return ole_u16(s, at) | ole_u16(s, at + 2) << 16;
}

/* ole_is_dde - does a field that begins here start with DDE or DDEAUTO? step:
   octets of a character */
static bool
ole_is_dde(weir_str s, size_t at, size_t step)
{
	static const char word[] = "DDE";
	size_t i = at;

	while (i < s.len && s.ptr[i] == ' ')
		i += step;
	for (size_t k = 0; k < 3; k++, i += step) {
		if (i >= s.len || (s.ptr[i] & 0x5f) != word[k])
			return false;
	}
	return true;
}

/* ole_word - the head of WordDocument, and fields in its text (MS-DOC) */
static void
ole_word(struct scan_object *o, weir_str s)
{
	if (s.len > 12 && (ole_u16(s, 10) & 0x0100) != 0) {
		scan_note(o, CAT(ENCRYPTED_OFFICE));
		return;
	}
	for (size_t i = 0; i + 8 < s.len; i++) {
		if (s.ptr[i] == 0x13 && (ole_is_dde(s, i + 1, 1) ||
		    (s.ptr[i + 1] == 0 && ole_is_dde(s, i + 2, 2)))) {
			scan_note(o, CAT(MACRO_DDE));
			return;
		}
	}
}

/* ole_excel_record - what one says (MS-XLS) */
static void
ole_excel_record(struct scan_object *o, unsigned id, weir_str r)
{
	switch (id) {
	case 0x85: /* BoundSheet */
		if (r.len > 5 && r.ptr[5] == 1)
			scan_note(o, CAT(MACRO_XLM));
		break;
	case 0x18: /* Lbl: built-in names 1 and 2 are Auto_Open, Auto_Close */
		if (r.len > 15 && (ole_u16(r, 0) & 0x20) != 0 &&
		    (r.ptr[15] == 1 || r.ptr[15] == 2 || r.ptr[14] == 1 ||
			r.ptr[14] == 2))
			scan_note(o, CAT(MACRO_AUTO));
		break;
	case 0x1ae: /* SupBook: a program and a topic with 3 between */
		if (r.len > 5 && memchr(r.ptr + 4, 3, r.len - 4) != NULL)
			scan_note(o, CAT(MACRO_DDE));
		break;
	default:
		break;
	}
}

/* ole_excel - the records of Workbook or Book */
static void
ole_excel(struct scan *sc, struct scan_object *o, weir_str s)
{
	size_t at = 0;
	bool auto_name = (o->own & CAT(MACRO_AUTO)) != 0;

	for (unsigned n = 0; at + 4 <= s.len; n++) {
		unsigned id = ole_u16(s, at);
		weir_str r = { s.ptr + at + 4, ole_u16(s, at + 2) };

		if (r.len > s.len - at - 4 ||
		    (n % OLE_RECORDS == 0 && scan_late(sc, o)))
			break;
		if (id == 0x2f) {
			scan_note(o, CAT(ENCRYPTED_OFFICE));
			break;
		}
		ole_excel_record(o, id, r);
		at += 4 + r.len;
	}
	/* a name without macros to call means nothing */
	if (!auto_name && (o->own & (CAT(MACRO_XLM) | CAT(MACRO))) == 0)
		o->own &= ~CAT(MACRO_AUTO);
}

/* ole_text_end - an ASCII string with its NUL; *at moves behind it */
static weir_str
ole_string(weir_str s, size_t *at)
{
	const char *nul = *at < s.len ?
	    memchr(s.ptr + *at, '\0', s.len - *at) : NULL;
	weir_str out = { s.ptr + *at, 0 };

	if (nul == NULL || nul - out.ptr > 1000) {
		*at = s.len;
		return (weir_str){ "", 0 };
	}
	out.len = (size_t)(nul - out.ptr);
	*at += out.len + 1;
	return out;
}

/* ole_native - a file that the packager put in: label, file, temporary file,
   content */
static void
ole_native(struct scan *s, struct scan_object *o, weir_str d)
{
	weir_str names[3], content;
	size_t at = 6, n = 0;
	uint32_t size;

	scan_note(o, CAT(EMBEDDED_OBJECT));
	names[n] = ole_string(d, &at);
	n += names[n].len > 0;
	names[n] = ole_string(d, &at);
	n += names[n].len > 0;
	at += 4;
	size = ole_u32(d, at);
	at += 4;
	if (size < 1000 && at < d.len && size <= d.len - at) {
		size_t in = at;

		names[n] = ole_string(d, &in);
		n += names[n].len > 0;
		at += size;
	}
	size = ole_u32(d, at);
	at += 4;
	if (at >= d.len || n == 0) {
		/* not of the packager: the octets themselves */
		at = 4;
		size = ole_u32(d, 0);
		names[0] = (weir_str){ "object", 6 };
		n = 1;
	}
	if (at >= d.len)
		return;
	content = (weir_str){ d.ptr + at, d.len - at };
	if (size < content.len)
		content.len = size;
	scan_child(s, o, names, (uint32_t)n, content);
}

/* ole_vba - a stream that may hold a module */
static void
ole_vba(struct scan_object *o, weir_str d)
{
	const char *p = vba_module(d);
	char *text;
	size_t n;

	if (p == NULL)
		return;
	scan_note(o, CAT(MACRO));
	text = malloc(OLE_VBA_TEXT);
	if (text == NULL) {
		scan_note(o, CAT(LIMIT_MEMORY));
		return;
	}
	n = vba_decompress((weir_str){ p, d.len - (size_t)(p - d.ptr) }, text,
	    OLE_VBA_TEXT);
	if (vba_is_auto((weir_str){ text, n }))
		scan_note(o, CAT(MACRO_AUTO));
	else if (n == OLE_VBA_TEXT)
		scan_note(o, CAT(LIMIT_SIZE));
	free(text);
}

/* ole_inner - a compound file inside: program code is the document's own */
static void
ole_inner(struct scan *s, struct scan_object *o, weir_str d)
{
	weir_str name = { "object", 6 };
	const struct scan_object *m = scan_child(s, o, &name, 1, d);

	if (m == NULL)
		return;
	scan_note(o, (m->own & CATEGORIES_MACRO) != 0 ?
	    m->own & CATEGORIES_MACRO : CAT(EMBEDDED_OBJECT));
}

/* ole_powerpoint - compressed compound files in the records (MS-PPT
   ExOleObjStg, ExControlStg, VbaProjectStg): 0x1011 */
static void
ole_powerpoint(struct scan *s, struct scan_object *o, weir_str d)
{
	for (size_t at = 0; at + 12 < d.len;) {
		const char *p = memchr(d.ptr + at, 0x11, d.len - at - 12);
		size_t len;
		weir_str in;
		char *out;

		if (p == NULL || scan_late(s, o))
			return;
		at = (size_t)(p - d.ptr) + 1;
		if (p[1] != 0x10 || at < 3)
			continue;
		in = (weir_str){ p + 6, ole_u32(d, at + 1) };
		if (in.len < 8 || in.len > d.len - (size_t)(in.ptr - d.ptr))
			continue;
		if ((ole_u16(d, at - 3) >> 4) == 1) {
			/* its size unpacked stands in front */
			out = scan_inflate(s, o, (weir_str){ in.ptr + 4,
			    in.len - 4 }, &len);
			if (len > 0)
				ole_inner(s, o, (weir_str){ out, len });
			free(out);
		} else {
			ole_inner(s, o, in);
		}
		at = (size_t)(in.ptr - d.ptr) + in.len;
	}
}

/* ole_utf8 - UTF-16 as UTF-8 into buf */
static weir_str
ole_utf8(weir_str s, char *buf, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i + 1 < s.len && n + 3 < cap; i += 2) {
		uint32_t c = ole_u16(s, i);

		if (c == 0)
			break;
		if (c < 0x80) {
			buf[n++] = (char)c;
		} else if (c < 0x800) {
			buf[n++] = (char)(0xc0 | c >> 6);
			buf[n++] = (char)(0x80 | (c & 0x3f));
		} else {
			buf[n++] = (char)(0xe0 | c >> 12);
			buf[n++] = (char)(0x80 | (c >> 6 & 0x3f));
			buf[n++] = (char)(0x80 | (c & 0x3f));
		}
	}
	return (weir_str){ buf, n };
}

/* ole_outlook - an attachment of a message of Outlook's: its name stands in a
   stream beside it (MS-OXMSG) */
static void
ole_outlook(struct scan *s, struct scan_object *o, struct cfb *c,
    uint32_t entry, weir_str d)
{
	static const char *const rows[] = { "__substg1.0_3707001F",
		"__substg1.0_3704001F", "__substg1.0_3707001E",
		"__substg1.0_3704001E" };
	char text[4][600];
	weir_str names[4];
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->n_entries; i++) {
		if (c->entries[i].parent != c->entries[entry].parent)
			continue;
		for (unsigned k = 0; k < 4 && n < 4; k++) {
			size_t len;
			char *raw;

			if (strcmp(c->entries[i].name, rows[k]) != 0)
				continue;
			raw = cfb_read(c, i, 1000, &len);
			if (raw != NULL && k < 2) {
				names[n] = ole_utf8((weir_str){ raw, len },
				    text[n], sizeof(text[n]));
				n++;
			} else if (raw != NULL) {
				snprintf(text[n], sizeof(text[n]), "%.*s",
				    (int)len, raw);
				names[n] = (weir_str){ text[n],
					strlen(text[n]) };
				n++;
			}
			free(raw);
		}
	}
	if (n == 0)
		names[n++] = (weir_str){ "attachment", 10 };
	scan_child(s, o, names, n, d);
}

/* ole_stream - one of them */
static void
ole_stream(struct scan *s, struct scan_object *o, struct cfb *c,
    uint32_t entry, weir_str d)
{
	const char *name = c->entries[entry].name;
	weir_str child = { name, strlen(name) };

	if (strcasecmp(name, "WordDocument") == 0)
		ole_word(o, d);
	else if (strcasecmp(name, "Workbook") == 0 ||
	    strcasecmp(name, "Book") == 0)
		ole_excel(s, o, d);
	else if (strcasecmp(name, "PowerPoint Document") == 0)
		ole_powerpoint(s, o, d);
	else if (strcasecmp(name, "Current User") == 0 &&
	    ole_u32(d, 12) == 0xf3d1c4df)
		scan_note(o, CAT(ENCRYPTED_OFFICE));
	else if (strcasecmp(name, "\1Ole10Native") == 0)
		ole_native(s, o, d);
	else if (strcmp(name, "__substg1.0_37010102") == 0)
		ole_outlook(s, o, c, entry, d);
	else if (strcasecmp(name, "Package") == 0 ||
	    strcasecmp(name, "CONTENTS") == 0) {
		scan_note(o, CAT(EMBEDDED_OBJECT));
		scan_child(s, o, &child, 1, d);
	} else if (d.len <= OLE_VBA_STREAM)
		ole_vba(o, d);
}

/* ole_kind - what names in the directory say */
static void
ole_kind(struct scan *s, struct scan_object *o, const struct cfb *c)
{
	static const unsigned char msi[] = { 0x84, 0x10, 0x0c, 0, 0, 0, 0, 0,
		0xc0, 0, 0, 0, 0, 0, 0, 0x46 };
	static const struct {
		const char *name, *mime;
		uint64_t set;
	} marks[] = {
		{ "WordDocument", "application/msword", 0 },
		{ "Workbook", "application/vnd.ms-excel", 0 },
		{ "Book", "application/vnd.ms-excel", 0 },
		{ "PowerPoint Document", "application/vnd.ms-powerpoint", 0 },
		{ "__properties_version1.0", "application/vnd.ms-outlook", 0 },
		{ "EncryptedPackage", "application/encrypted",
		    CAT(ENCRYPTED_OFFICE) },
		{ "EncryptionInfo", "application/encrypted",
		    CAT(ENCRYPTED_OFFICE) },
		{ "EncryptedSummary", NULL, CAT(ENCRYPTED_OFFICE) },
		{ "_VBA_PROJECT", NULL, CAT(MACRO) },
		{ "_VBA_PROJECT_CUR", NULL, CAT(MACRO) },
		{ "ObjectPool", NULL, CAT(EMBEDDED_OBJECT) }
	};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (cfb_find(c, marks[i].name) == UINT32_MAX)
			continue;
		if (marks[i].mime != NULL)
			scan_retype(s, o, marks[i].mime);
		scan_note(o, marks[i].set);
	}
	if (memcmp(c->entries[0].clsid, msi, sizeof(msi)) == 0) {
		scan_retype(s, o, "application/x-msi");
		scan_note(o, CAT(EXECUTABLE));
	}
	for (uint32_t i = 0; i < c->n_entries; i++) {
		if (c->entries[i].kind == CFB_STORAGE &&
		    strncmp(c->entries[i].name, "MBD", 3) == 0)
			scan_note(o, CAT(EMBEDDED_OBJECT));
	}
}

/* scan_ole - the directory, then every stream */
void
scan_ole(struct scan *s, struct scan_object *o, weir_str data)
{
	struct cfb c;

	if (!cfb_open(&c, data)) {
		scan_note(o, c.memory ? CAT(LIMIT_MEMORY) :
					CAT(ARCHIVE_CORRUPT));
		return;
	}
	if (c.cut)
		scan_note(o, CAT(LIMIT_COUNT));
	ole_kind(s, o, &c);
	for (uint32_t i = 0; i < c.n_entries && !scan_late(s, o); i++) {
		size_t len;
		char *d;

		if (c.entries[i].kind != CFB_STREAM)
			continue;
		d = cfb_read(&c, i, (size_t)s->limits.size, &len);
		/* chains that cross are read again and again */
		if (d != NULL && !scan_room(s, o, len)) {
			free(d);
			break;
		}
		if (d != NULL && len > 0)
			ole_stream(s, o, &c, i, (weir_str){ d, len });
		free(d);
	}
	if (c.memory)
		scan_note(o, CAT(LIMIT_MEMORY));
	cfb_close(&c);
}
