/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scan_mail - mails inside of attachments, and what Outlook packs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ytnef.h>

#include "name.h"
#include "scan.h"

#define MAIL_PARTS 4096u

/* mail_names - the set of names of a part; one without is called by number */
static uint32_t
mail_names(struct scan *s, weir_mail *mail, uint32_t part,
    const struct weir_mime_part *p, weir_str names[SCAN_NAMES])
{
	uint32_t n = 0;

	while (n < SCAN_NAMES && n < p->names &&
	    s->env->mail_name(mail, part, n, &names[n]) == WEIR_OK)
		n++;
	if (n == 0)
		names[n++] = p->type;
	return n;
}

/* mail_part - one of it; false: no more */
static bool
mail_part(struct scan *s, struct scan_object *o, weir_mail *mail,
    uint32_t part, const struct weir_mime_part *p)
{
	weir_str names[SCAN_NAMES], data;
	uint32_t n = mail_names(s, mail, part, p, names);
	struct scan_object *m;
	int status;

	if ((p->flags & WEIR_MIME_LEAF) == 0 && name_type_categories(p->type) == 0)
		return true;
	/* a text to read is no file, but it counts as one */
	m = scan_add(s, o, names, n);
	if (m == NULL)
		return false;
	m->quiet = p->names == 0;
	scan_note(m, name_type_categories(p->type));
	if ((p->flags & WEIR_MIME_LEAF) == 0)
		return true;
	status = s->env->mail_data(mail, part, (size_t)s->limits.size, &data);
	if (status < 0 && status != WEIR_E_LIMIT) {
		scan_note(m, CAT(LIMIT_MEMORY));
		return true;
	}
	if (scan_room(s, m, data.len))
		scan_content(s, m, data, status == WEIR_OK);
	return true;
}

/* scan_mail - its parts, at all depths that the reader has */
void
scan_mail(struct scan *s, struct scan_object *o, weir_str data)
{
	struct weir_mime_part p;
	weir_mail *mail;

	if (s->env->mail_open == NULL || data.len == 0)
		return;
	if (!scan_room(s, o, data.len))
		return;
	mail = s->env->mail_open(data);
	for (uint32_t i = 0;; i++) {
		p.size = sizeof(p);
		if (s->env->mail_part(mail, i, &p) != WEIR_OK ||
		    scan_late(s, o))
			break;
		if (i == MAIL_PARTS) {
			scan_note(o, CAT(LIMIT_COUNT));
			break;
		}
		if ((p.flags & WEIR_MIME_TRUNCATED) != 0)
			scan_note(o, CAT(LIMIT_COUNT));
		if (!mail_part(s, o, mail, i, &p))
			break;
	}
	s->env->mail_close(&mail);
}

/* tnef_text - a property as text */
static weir_str
tnef_text(const variableLength *v)
{
	weir_str out = { "", 0 };

	if (v == NULL || v->data == NULL || v->size <= 0)
		return out;
	out.ptr = (const char *)v->data;
	out.len = strnlen(out.ptr, (size_t)v->size);
	return out;
}

/* tnef_property - one of an attachment's MAPI properties, or NULL */
static variableLength *
tnef_property(Attachment *a, unsigned type, unsigned id)
{
	variableLength *v = MAPIFindProperty(&a->MAPI, PROP_TAG(type, id));

	return v == (variableLength *)-1 ? NULL : v;
}

/* tnef_attachment - one file; false: no more */
static bool
tnef_attachment(struct scan *s, struct scan_object *o, Attachment *a)
{
	weir_str names[3], data = { "", 0 };
	uint32_t n = 0;
	struct scan_object *m;
	variableLength *object;

	names[n] = tnef_text(tnef_property(a, PT_STRING8,
	    PR_ATTACH_LONG_FILENAME));
	n += names[n].len > 0;
	names[n] = tnef_text(&a->Title);
	n += names[n].len > 0;
	if (n == 0)
		names[n++] = (weir_str){ "untitled", 8 };
	m = scan_add(s, o, names, n);
	if (m == NULL)
		return false;
	if (a->FileData.data != NULL && a->FileData.size > 0)
		data = (weir_str){ (const char *)a->FileData.data,
			(size_t)a->FileData.size };
	object = tnef_property(a, PT_OBJECT, PR_ATTACH_DATA_OBJ);
	if (object == NULL)
		object = tnef_property(a, PT_BINARY, PR_ATTACH_DATA_OBJ);
	/* an object has its class in front: 16 octets */
	if (object != NULL && object->size > 16 && data.len == 0)
		data = (weir_str){ (const char *)object->data + 16,
			(size_t)object->size - 16 };
	if (data.len > s->limits.size || !scan_room(s, m, data.len))
		scan_note(m, CAT(LIMIT_SIZE));
	else if (data.len > 0)
		scan_content(s, m, data, true);
	return true;
}

/* tnef_u32 - little endian */
static uint32_t
tnef_u32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

/* tnef_walk - what the library refuses for a wrong sum: titles and contents of
   attachments (MS-OXTNEF 2.1.3), whatever the sums are */
static void
tnef_walk(struct scan *s, struct scan_object *o, weir_str data)
{
	const unsigned char *p = (const unsigned char *)data.ptr;
	weir_str name = { "untitled", 8 };

	for (size_t at = 6; at + 9 < data.len && !scan_late(s, o);) {
		uint32_t id = tnef_u32(p + at + 1), len = tnef_u32(p + at + 5);
		weir_str value = { data.ptr + at + 9, len };

		if (len > data.len - at - 9)
			return;
		if (id == 0x00018010)
			name = (weir_str){ value.ptr,
				strnlen(value.ptr, len) };
		if (id == 0x0006800f)
			scan_child(s, o, &name, 1, value);
		at += 9 + (size_t)len + 2;
	}
}

/* scan_tnef - winmail.dat */
void
scan_tnef(struct scan *s, struct scan_object *o, weir_str data)
{
	TNEFStruct tnef;
	int rc;

	TNEFInitialize(&tnef);
	tnef.Debug = 0;
	rc = TNEFParseMemory((BYTE *)(uintptr_t)data.ptr, (long)data.len,
	    &tnef);
	if (rc < 0) {
		scan_note(o, CAT(ARCHIVE_CORRUPT));
		tnef_walk(s, o, data);
	}
	for (Attachment *a = tnef.starting_attach.next;
	     rc >= 0 && a != NULL && !scan_late(s, o); a = a->next) {
		if (!tnef_attachment(s, o, a))
			break;
	}
	TNEFFree(&tnef);
}
