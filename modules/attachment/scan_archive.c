/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scan_archive - everything that libarchive reads, as a stream. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>

#include "name.h"
#include "scan.h"

#define ARCHIVE_CHUNK 65536u
#define ARCHIVE_RATIO_FROM (8u << 20) /* less is no bomb, whatever its ratio */
#define ARCHIVE_RETRIES 100u

/* One archive being read. */
struct walk {
	struct scan *s;
	struct scan_object *o;
	struct archive *a;
	weir_str data;	   /* the archive */
	enum type_kind kind;
	uint64_t unpacked; /* octets that came out of it */
	unsigned char *chunk;
};

/* archive_filters - all that need no program */
static void
archive_filters(struct archive *a)
{
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_compress(a);
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_lz4(a);
	archive_read_support_filter_lzip(a);
	archive_read_support_filter_lzma(a);
	archive_read_support_filter_rpm(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_zstd(a);
}

/* archive_open - readers for that kind and no others: formats that open files
   or start programs are not among them */
static struct archive *
archive_open(weir_str data, enum type_kind kind)
{
	struct archive *a = archive_read_new();

	if (a == NULL)
		return NULL;
	switch (kind) {
	case TYPE_ZIP:
	case TYPE_OTHER:
		archive_read_support_format_zip_seekable(a);
		break;
	case TYPE_7Z:
		archive_read_support_format_7zip(a);
		break;
	case TYPE_RAR:
		archive_read_support_format_rar(a);
		archive_read_support_format_rar5(a);
		break;
	case TYPE_FILTER:
		archive_filters(a);
		archive_read_support_format_cpio(a);
		archive_read_support_format_tar(a);
		archive_read_support_format_raw(a);
		break;
	default:
		archive_read_support_format_ar(a);
		archive_read_support_format_cab(a);
		archive_read_support_format_cpio(a);
		archive_read_support_format_iso9660(a);
		archive_read_support_format_lha(a);
		archive_read_support_format_tar(a);
		break;
	}
	if (archive_read_open_memory(a, data.ptr, data.len) == ARCHIVE_OK)
		return a;
	archive_read_free(a);
	return NULL;
}

/* archive_again - when the first way has shown nothing: a zip file without a
   directory at its end; a compressed file whose content begins with zeros,
   which a tar ends with */
static struct archive *
archive_again(weir_str data, enum type_kind kind)
{
	struct archive *a = archive_read_new();

	if (a == NULL)
		return NULL;
	if (kind == TYPE_ZIP) {
		archive_read_support_format_zip_streamable(a);
	} else {
		archive_filters(a);
		archive_read_support_format_raw(a);
	}
	if (archive_read_open_memory(a, data.ptr, data.len) == ARCHIVE_OK)
		return a;
	archive_read_free(a);
	return NULL;
}

/* walk_encrypted - the category for this kind of archive */
static uint64_t
walk_encrypted(const struct walk *w)
{
	switch (w->kind) {
	case TYPE_ZIP:
	case TYPE_OTHER:
		return CAT(ENCRYPTED_ZIP);
	case TYPE_7Z:
		return CAT(ENCRYPTED_7Z);
	case TYPE_RAR:
		return CAT(ENCRYPTED_RAR);
	default:
		return CAT(ENCRYPTED_OTHER);
	}
}

/* walk_failed - why the reader gave up, as a category */
static uint64_t
walk_failed(const struct walk *w)
{
	const char *why = archive_error_string(w->a);

	if (archive_errno(w->a) == ENOMEM || scan_starved(w->o))
		return CAT(LIMIT_MEMORY);
	if (why == NULL)
		return CAT(ARCHIVE_CORRUPT);
	if (strstr(why, "ncrypt") != NULL || strstr(why, "assphrase") != NULL)
		return walk_encrypted(w);
	if (strstr(why, "upport") != NULL)
		return CAT(ARCHIVE_UNSUPPORTED);
	return CAT(ARCHIVE_CORRUPT);
}

/* walk_bomb - does it unpack to more than anything honest? */
static bool
walk_bomb(struct walk *w)
{
	if (w->unpacked < ARCHIVE_RATIO_FROM ||
	    w->unpacked / w->s->limits.ratio < w->data.len)
		return false;
	scan_note(w->o, CAT(LIMIT_RATIO));
	return true;
}

/* walk_read - one piece of a member; 0 at its end, negative: no more */
static la_ssize_t
walk_read(struct walk *w, struct scan_object *m)
{
	la_ssize_t n;

	if (scan_late(w->s, w->o) || walk_bomb(w))
		return -1;
	n = archive_read_data(w->a, w->chunk, ARCHIVE_CHUNK);
	if (n < 0) {
		uint64_t why = walk_failed(w);

		/* what is encrypted is said of the archive */
		scan_note((why & CATEGORIES_ENCRYPTED) != 0 ? w->o : m, why);
		return -1;
	}
	w->unpacked += (uint64_t)n;
	return scan_room(w->s, w->o, (uint64_t)n) ? n : -1;
}

/* walk_keep - append to a member's octets */
static bool
walk_keep(char **data, size_t *n, size_t *room, const void *p, size_t len)
{
	if (len > *room - *n) {
		size_t want = *room == 0 ? ARCHIVE_CHUNK : *room * 2;
		char *more;

		while (want < *n + len)
			want *= 2;
		more = realloc(*data, want + 1);
		if (more == NULL)
			return false;
		*data = more;
		*room = want;
	}
	memcpy(*data + *n, p, len);
	*n += len;
	return true;
}

/* walk_content - unpack a member and look at it; one that is too large is
   unpacked to its end all the same, to know what it would have been */
static void
walk_content(struct walk *w, struct scan_object *m, weir_str name)
{
	char *data = NULL;
	size_t n = 0, room = 0;
	uint64_t size = 0;
	la_ssize_t got;
	bool complete = true;

	while ((got = walk_read(w, m)) > 0) {
		size += (uint64_t)got;
		if (!complete)
			continue;
		if (size > w->s->limits.size) {
			complete = false;
		} else if (!walk_keep(&data, &n, &room, w->chunk,
		    (size_t)got)) {
			scan_note(m, CAT(LIMIT_MEMORY));
			complete = false;
		}
	}
	m->size = size;
	if ((w->o->own & (CAT(LIMIT_RATIO) | CAT(LIMIT_TIME))) == 0) {
		weir_str all = { n > 0 ? data : "", n };

		if (n > 0)
			data[n] = '\0';
		scan_content(w->s, m, all, complete);
		if (complete && (w->o->flavour == SCAN_OOXML ||
		    w->o->flavour == SCAN_ODF))
			scan_office_member(w->s, w->o, m, name, all);
	}
	free(data);
}

/* walk_inner_name - of the one file in a compressed one: the outer name
   without its last extension */
static weir_str
walk_inner_name(const struct walk *w)
{
	weir_str name = { "data", 4 };
	char word[NAME_EXTENSION];

	if (w->o->n_names == 0)
		return name;
	name = name_base(w->o->names[0]);
	if (name_extension(name, word) > 0) {
		while (name.len > 0 && name.ptr[name.len - 1] != '.')
			name.len--;
		if (name.len > 1)
			name.len--;
	}
	return name;
}

/* walk_names - the plausible names of a member: as a path, and alone */
static uint32_t
walk_names(struct walk *w, struct archive_entry *e, weir_str names[2])
{
	const char *path = archive_entry_pathname_utf8(e);
	weir_str base;

	if (path == NULL)
		path = archive_entry_pathname(e);
	if (archive_format(w->a) == ARCHIVE_FORMAT_RAW) {
		names[0] = walk_inner_name(w);
		return 1;
	}
	/* one without a name is not the archive itself */
	names[0] = path != NULL && path[0] != '\0' ?
	    (weir_str){ path, strlen(path) } : (weir_str){ "?", 1 };
	base = name_base(names[0]);
	if (base.len == names[0].len || base.len == 0)
		return 1;
	names[1] = base;
	return 2;
}

/* walk_flavour - what is in it says what a zip file is */
static void
walk_flavour(struct walk *w)
{
	static const struct {
		const char *name;
		enum scan_flavour flavour;
	} marks[] = { { "[Content_Types].xml", SCAN_OOXML },
		{ "mimetypeapplication/vnd.oasis.opendocument", SCAN_ODF },
		{ "AndroidManifest.xml", SCAN_APK },
		{ "META-INF/MANIFEST.MF", SCAN_JAR } };

	if (w->kind != TYPE_ZIP)
		return;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (memmem(w->data.ptr, w->data.len, marks[i].name,
		    strlen(marks[i].name)) != NULL) {
			w->o->flavour = marks[i].flavour;
			return;
		}
	}
}

/* walk_member - one entry; false: no more of this archive */
static bool
walk_member(struct walk *w, struct archive_entry *e)
{
	weir_str names[2];
	uint32_t n = walk_names(w, e, names);
	struct scan_object *m;
	mode_t kind = archive_entry_filetype(e);

	if (kind == AE_IFDIR) {
		/* counted, for there may be millions of them */
		w->o->files++;
		return true;
	}
	m = scan_add(w->s, w->o, names, n);
	if (m == NULL)
		return false;
	m->quiet = w->o->flavour == SCAN_OOXML || w->o->flavour == SCAN_ODF;
	if (archive_entry_size_is_set(e))
		m->size = (uint64_t)archive_entry_size(e);
	if (archive_entry_is_encrypted(e)) {
		scan_note(w->o, walk_encrypted(w));
		return true;
	}
	walk_content(w, m, names[0]);
	return (w->o->own & (CAT(LIMIT_RATIO) | CAT(LIMIT_TIME))) == 0 &&
	    w->s->unpacked < w->s->limits.total_size;
}

/* walk_run - all entries; returns false if the reader gave up at the first */
static bool
walk_run(struct walk *w)
{
	struct archive_entry *e;
	unsigned retries = 0;
	bool first = true;

	while (!scan_late(w->s, w->o)) {
		int rc = archive_read_next_header(w->a, &e);

		if (rc == ARCHIVE_EOF) {
			if (archive_read_has_encrypted_entries(w->a) > 0)
				scan_note(w->o, walk_encrypted(w));
			return true;
		}
		if (rc == ARCHIVE_RETRY && retries++ < ARCHIVE_RETRIES)
			continue;
		if (rc < ARCHIVE_WARN) {
			if (first)
				return false;
			scan_note(w->o, walk_failed(w));
			return true;
		}
		first = false;
		if (w->o->files >= w->s->limits.files) {
			scan_note(w->o, CAT(LIMIT_COUNT));
			return true;
		}
		if (!walk_member(w, e))
			return true;
	}
	return true;
}

/* walk_archive - one reader over all of it */
static bool
walk_archive(struct walk *w)
{
	bool ok;

	if (w->a == NULL)
		return false;
	ok = walk_run(w);
	if (!ok && w->kind != TYPE_OTHER && w->kind != TYPE_ZIP)
		scan_note(w->o, archive_read_has_encrypted_entries(w->a) > 0 ?
		    walk_encrypted(w) : walk_failed(w));
	archive_read_free(w->a);
	w->a = NULL;
	return ok;
}

/* scan_archive - a zip file is read by its directory, else from its front;
   TYPE_OTHER is a guess that may be wrong */
void
scan_archive(struct scan *s, struct scan_object *o, weir_str data,
    enum type_kind kind)
{
	struct walk w = { .s = s, .o = o, .data = data, .kind = kind };
	uint64_t crypt = scan_crypt(data, kind);
	bool ok;

	scan_note(o, crypt);
	w.chunk = malloc(ARCHIVE_CHUNK);
	if (w.chunk == NULL) {
		scan_note(o, CAT(LIMIT_MEMORY));
		return;
	}
	walk_flavour(&w);
	w.a = archive_open(data, kind);
	/* a reader that could not even be set up is missed by nobody else; one
	   that knows no such format, is not */
	(void)scan_starved(o);
	if (w.a != NULL && archive_errno(w.a) == ENOMEM)
		scan_note(o, CAT(LIMIT_MEMORY));
	ok = walk_archive(&w);
	if (ok && kind == TYPE_ZIP && scan_zip_front(data)) {
		/* two zip files in one, and each reader takes another */
		w.a = archive_again(data, kind);
		(void)walk_archive(&w);
	}
	if ((!ok && kind == TYPE_ZIP) ||
	    (o->files == 0 && kind == TYPE_FILTER)) {
		w.a = archive_again(data, kind);
		ok = walk_archive(&w);
		if (!ok && (o->own & CATEGORIES_ENCRYPTED) == 0)
			scan_note(o, CAT(ARCHIVE_CORRUPT));
	}
	if (ok && kind == TYPE_OTHER)
		scan_note(o, CAT(ARCHIVE));
	free(w.chunk);
	/* a stream that breaks off at once looks like an empty one */
	if (o->files == 0 && kind != TYPE_OTHER &&
	    memcmp(data.ptr, "PK\5\6", data.len < 4 ? data.len : 4) != 0)
		scan_note(o, CAT(ARCHIVE_CORRUPT));
	/* a reader that stumbles over what is encrypted has not found damage */
	if ((o->own & CATEGORIES_ENCRYPTED) != 0)
		o->own &= ~(CAT(ARCHIVE_CORRUPT) | CAT(ARCHIVE_UNSUPPORTED));
	if ((o->own & CAT(ARCHIVE_VOLUME)) != 0)
		o->own &= ~CAT(ARCHIVE_CORRUPT);
}
