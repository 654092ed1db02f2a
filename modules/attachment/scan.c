/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "name.h"

#define SCAN_TEXTS 4u /* whose kind libmagic is asked for, in one mail */
#define SCAN_INFLATE 65536u /* octets at a time */

/* scan_init - nothing found yet */
void
scan_init(struct scan *s, const struct scan_limits *limits,
    const struct scan_env *env)
{
	memset(s, 0, sizeof(*s));
	s->limits = *limits;
	s->env = env;
	errno = 0;
	s->deadline = env->mono_ms() + limits->time_ms;
	s->n_types = 1; /* the first is "": not known */
}

/* scan_fini - all objects */
void
scan_fini(struct scan *s)
{
	for (uint32_t i = 0; i < s->n_objects; i++)
		free(s->objects[i]);
	free(s->objects);
	memset(s, 0, sizeof(*s));
}

/* scan_note - of the object; everything around it hears of it */
void
scan_note(struct scan_object *o, uint64_t categories)
{
	o->own |= categories;
	for (; o != NULL; o = o->parent)
		o->all |= categories;
}

/* scan_starved - has a library met the end of memory?  Many say "damaged" then,
   or nothing; but malloc has left its word, and nothing else here does. */
bool
scan_starved(struct scan_object *o)
{
	if (errno != ENOMEM)
		return false;
	errno = 0;
	scan_note(o, CAT(LIMIT_MEMORY));
	return true;
}

/* scan_late - the clock */
bool
scan_late(struct scan *s, struct scan_object *o)
{
	if (!s->expired && s->env->mono_ms() >= s->deadline)
		s->expired = true;
	if (s->expired)
		scan_note(o, CAT(LIMIT_TIME));
	return s->expired;
}

/* scan_room - what may be unpacked in all */
bool
scan_room(struct scan *s, struct scan_object *o, uint64_t octets)
{
	if (octets > s->limits.total_size - s->unpacked) {
		scan_note(o, CAT(LIMIT_SIZE));
		return false;
	}
	s->unpacked += octets;
	return true;
}

/* scan_retype - its row in the table of types */
void
scan_retype(struct scan *s, struct scan_object *o, const char *mime)
{
	for (o->type = 0; o->type < s->n_types; o->type++) {
		if (strcmp(s->types[o->type], mime) == 0)
			return;
	}
	/* of a mail with more kinds than this, rules can't see the rest */
	if (s->n_types == SCAN_TYPES) {
		o->type = 0;
		scan_note(o, CAT(LIMIT_COUNT));
		return;
	}
	snprintf(s->types[s->n_types++], TYPE_MIME, "%s", mime);
}

/* scan_keep - room for one more in the list */
static bool
scan_keep(struct scan *s, struct scan_object *o)
{
	if (s->n_objects == s->room) {
		uint32_t room = s->room == 0 ? 64 : s->room * 2;
		struct scan_object **more = realloc(s->objects,
		    room * sizeof(struct scan_object *));

		if (more == NULL)
			return false;
		s->objects = more;
		s->room = room;
	}
	s->objects[s->n_objects++] = o;
	return true;
}

/* scan_text_copy - into the memory behind an object */
static weir_str
scan_text_copy(char **at, weir_str s)
{
	weir_str out = { *at, s.len };

	if (s.len > 0)
		memcpy(*at, s.ptr, s.len);
	(*at)[s.len] = '\0';
	*at += s.len + 1;
	return out;
}

/* scan_cut - the end of a text that is too long */
static weir_str
scan_cut(weir_str s)
{
	return s.len <= SCAN_TEXT ? s :
	    (weir_str){ s.ptr + s.len - SCAN_TEXT, SCAN_TEXT };
}

/* scan_object_new - one block with its names and path; path: its name behind
   that of what it is in */
static struct scan_object *
scan_object_new(struct scan_object *parent, const weir_str *names,
    uint32_t n_names)
{
	weir_str none = { "", 0 }, last = n_names > 0 ? scan_cut(names[0]) :
							none;
	weir_str up = parent != NULL ? parent->path : none;
	size_t n = sizeof(struct scan_object) + n_names * sizeof(weir_str) +
	    up.len + last.len + 3;
	struct scan_object *o;
	char *at;

	for (uint32_t i = 0; i < n_names; i++)
		n += scan_cut(names[i]).len + 1;
	o = calloc(1, n);
	if (o == NULL)
		return NULL;
	o->parent = parent;
	o->names = (weir_str *)(void *)(o + 1);
	o->n_names = n_names;
	at = (char *)(o->names + n_names);
	for (uint32_t i = 0; i < n_names; i++)
		o->names[i] = scan_text_copy(&at, scan_cut(names[i]));
	if (parent == NULL) {
		o->path = none;
		return o;
	}
	o->path.ptr = at;
	o->path.len = up.len + (up.len > 0) + last.len;
	if (up.len > 0) {
		memcpy(at, up.ptr, up.len);
		at += up.len;
		*at++ = '/';
	}
	scan_text_copy(&at, last);
	o->path = scan_cut(o->path);
	return o;
}

/* scan_add - within the counts */
struct scan_object *
scan_add(struct scan *s, struct scan_object *parent, const weir_str *names,
    uint32_t n_names)
{
	struct scan_object *o;

	if (n_names > SCAN_NAMES)
		n_names = SCAN_NAMES;
	if (parent->files >= s->limits.files ||
	    s->total >= s->limits.total_files) {
		scan_note(parent, CAT(LIMIT_COUNT));
		return NULL;
	}
	o = scan_object_new(parent, names, n_names);
	if (o == NULL || !scan_keep(s, o)) {
		free(o);
		scan_note(parent, CAT(LIMIT_MEMORY));
		return NULL;
	}
	parent->files++;
	s->total++;
	o->row = parent->row;
	o->depth = parent->depth + 1;
	scan_note(o, name_set_categories(names, n_names) & ~CAT(NAMES_DIFFER));
	return o;
}

/* scan_inside - to the reader of its format */
static void
scan_inside(struct scan *s, struct scan_object *o, weir_str data,
    enum type_kind kind)
{
	switch (kind) {
	case TYPE_ZIP:
	case TYPE_7Z:
	case TYPE_RAR:
	case TYPE_ARCHIVE:
	case TYPE_FILTER:
		scan_archive(s, o, data, kind);
		break;
	case TYPE_UNSUPPORTED:
		scan_note(o, CAT(ARCHIVE_UNSUPPORTED));
		break;
	case TYPE_ARJ:
		scan_arj(s, o, data);
		break;
	case TYPE_OLE:
		scan_ole(s, o, data);
		break;
	case TYPE_PDF:
		scan_pdf(s, o, data);
		break;
	case TYPE_RTF:
		scan_rtf(s, o, data);
		break;
	case TYPE_XML:
		scan_xml(s, o, data);
		break;
	case TYPE_MAIL:
		scan_mail(s, o, data);
		break;
	case TYPE_TNEF:
		scan_tnef(s, o, data);
		break;
	case TYPE_ONENOTE:
		scan_onenote(s, o, data);
		break;
	case TYPE_OTHER:
	case TYPE_TEXT:
		break;
	}
}

/* scan_is_container - would looking into it find files? */
static bool
scan_is_container(enum type_kind kind)
{
	return kind != TYPE_OTHER && kind != TYPE_TEXT && kind != TYPE_XML &&
	    kind != TYPE_PDF && kind != TYPE_RTF && kind != TYPE_UNSUPPORTED;
}

/* scan_has_tail - a zip file behind something else: self-extracting programs,
   pictures that are archives, too */
static bool
scan_has_tail(weir_str data)
{
	size_t n = data.len < 66000 ? data.len : 66000;

	return memmem(data.ptr + data.len - n, n, "PK\5\6", 4) != NULL &&
	    memmem(data.ptr, data.len, "PK\1\2", 4) != NULL;
}

/* scan_mismatch - content that its name does not promise */
static void
scan_mismatch(struct scan *s, struct scan_object *o)
{
	const char *mime = s->types[o->type];
	enum name_class seen = name_type_class((weir_str){ mime,
		strlen(mime) });

	for (uint32_t i = 0; i < o->n_names; i++) {
		if (name_mismatch(seen, name_class(o->names[i])))
			scan_note(o, CAT(TYPE_MISMATCH));
	}
}

/* scan_flavoured - the type of a zip file is known at its end */
static void
scan_flavoured(struct scan *s, struct scan_object *o)
{
	static const char *const mime[] = { NULL,
		"application/vnd.openxmlformats-officedocument",
		"application/vnd.oasis.opendocument",
		"application/java-archive",
		"application/vnd.android.package-archive" };

	if (o->flavour == SCAN_PLAIN)
		return;
	scan_retype(s, o, mime[o->flavour]);
	if (o->flavour == SCAN_JAR || o->flavour == SCAN_APK)
		scan_note(o, CAT(EXECUTABLE));
	else
		o->own &= ~CAT(ARCHIVE);
}

/* scan_content - what it is, and what is in it */
void
scan_content(struct scan *s, struct scan_object *o, weir_str data,
    bool complete)
{
	struct type type;

	if (o->size == 0)
		o->size = data.len;
	if (scan_late(s, o))
		return;
	/* of a member of a document only what is dangerous matters; kinds of
	   text are not worth their price for each file of a large archive */
	type_detect(o->quiet ? NULL : s->env->magic, s->texts < SCAN_TEXTS,
	    data, &type);
	s->texts += type.kind == TYPE_TEXT;
	scan_retype(s, o, type.mime);
	scan_note(o, type.categories);
	(void)scan_starved(o);
	if (!complete) {
		scan_note(o, CAT(LIMIT_SIZE));
	} else if (scan_is_container(type.kind) &&
	    o->depth >= s->limits.depth) {
		scan_note(o, CAT(LIMIT_DEPTH) | scan_crypt(data, type.kind));
	} else {
		scan_inside(s, o, data, type.kind);
		/* readers of zip files begin at the end, whatever is in front:
		   another archive, too */
		if (type.kind != TYPE_ZIP && data.len > 100 &&
		    o->depth < s->limits.depth && scan_has_tail(data))
			scan_archive(s, o, data, TYPE_OTHER);
	}
	(void)scan_starved(o);
	scan_flavoured(s, o);
	if (!o->quiet)
		scan_mismatch(s, o);
}

/* scan_child - both steps */
struct scan_object *
scan_child(struct scan *s, struct scan_object *o, const weir_str *names,
    uint32_t n_names, weir_str data)
{
	struct scan_object *m = scan_add(s, o, names, n_names);

	if (m != NULL && scan_room(s, m, data.len))
		scan_content(s, m, data, true);
	return m;
}

/* scan_inflate - as far as it goes */
char *
scan_inflate(struct scan *s, struct scan_object *o, weir_str data,
    size_t *len)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)data.ptr,
		.avail_in = data.len < UINT32_MAX ? (uInt)data.len : 0 };
	char *out = NULL;
	size_t n = 0, room = 0;
	int rc = Z_OK;

	*len = 0;
	if (inflateInit(&z) != Z_OK) {
		scan_note(o, CAT(LIMIT_MEMORY));
		return NULL;
	}
	while (rc == Z_OK && !scan_late(s, o)) {
		char *more = n < s->limits.size ?
		    realloc(out, room + SCAN_INFLATE + 1) : NULL;

		if (more == NULL) {
			scan_note(o, n < s->limits.size ? CAT(LIMIT_MEMORY) :
			    CAT(LIMIT_SIZE));
			break;
		}
		out = more;
		room += SCAN_INFLATE;
		z.next_out = (Bytef *)out + n;
		z.avail_out = (uInt)(room - n);
		rc = inflate(&z, Z_NO_FLUSH);
		if (!scan_room(s, o, room - n - z.avail_out))
			break;
		n = room - z.avail_out;
		if (n > 8u << 20 && n / s->limits.ratio > data.len) {
			scan_note(o, CAT(LIMIT_RATIO));
			break;
		}
	}
	if (rc == Z_MEM_ERROR)
		scan_note(o, CAT(LIMIT_MEMORY));
	inflateEnd(&z);
	*len = n;
	return out;
}

/* scan_part - a part of the mail */
struct scan_object *
scan_part(struct scan *s, uint32_t row, weir_str data, uint64_t size,
    bool complete, bool mail)
{
	struct scan_object *o = scan_object_new(NULL, NULL, 0);

	if (o == NULL || !scan_keep(s, o)) {
		free(o);
		return NULL;
	}
	o->row = row;
	o->size = size;
	/* a mail in a transfer encoding that mails must not have */
	if (mail && complete && !type_is_mail(data) && !scan_late(s, o))
		scan_mail(s, o, data);
	else
		scan_content(s, o, data, complete);
	(void)scan_starved(o);
	return o;
}
