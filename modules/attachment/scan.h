/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scan - look at content and at everything inside of it.
 *
 * Runs in the helper.  An object is a part of the mail or a file inside one;
 * scan_content finds out what it is and hands it to the reader of that format,
 * which adds the objects it finds and calls scan_content for each: recursion
 * is bounded by the depth, everything else by counts, octets and time.  What a
 * limit left out is a category of the object, never silence.  Nothing is ever
 * written to a file.  One thread.
 */
#ifndef ATTACHMENT_SCAN_H
#define ATTACHMENT_SCAN_H

#include <weir/weir.h>

#include "category.h"
#include "type.h"

#define SCAN_NAMES 24
#define SCAN_TEXT 1024 /* octets of a name or a path; a longer one loses its
			front, for the end says what it is */
#define SCAN_TYPES 128

struct scan_limits {
	uint32_t depth;	      /* containers around a file */
	uint32_t files;	      /* in one container */
	uint32_t total_files; /* in one mail */
	uint32_t ratio;
	uint64_t size;	     /* of one file */
	uint64_t total_size; /* octets unpacked for one mail */
	uint32_t time_ms;
};

/* What the scan needs of its surroundings. */
struct scan_env {
	int64_t (*mono_ms)(void);
	weir_mail *(*mail_open)(weir_str raw);
	int (*mail_part)(weir_mail *, uint32_t part,
	    struct weir_mime_part *out);
	int (*mail_name)(weir_mail *, uint32_t part, uint32_t index,
	    weir_str *out);
	int (*mail_data)(weir_mail *, uint32_t part, size_t max,
	    weir_str *out);
	void (*mail_close)(weir_mail **);
	struct magic_set *magic; /* or NULL */
};

/* What a zip file turns out to be. */
enum scan_flavour { SCAN_PLAIN, SCAN_OOXML, SCAN_ODF, SCAN_JAR, SCAN_APK };

struct scan_object {
	struct scan_object *parent; /* NULL: a part of the mail */
	uint32_t row;		    /* of the part asked for */
	uint32_t depth;
	uint32_t type;	  /* in scan.types */
	uint32_t files;	  /* directly inside */
	uint64_t own;	  /* its categories */
	uint64_t all;	  /* and those of what is inside */
	uint64_t size;
	enum scan_flavour flavour;
	bool quiet;	  /* a member of a document: reported only if it has
			     categories */
	weir_str path;	  /* inside the part; names joined by "/" */
	weir_str *names;
	uint32_t n_names;
};

struct scan {
	struct scan_limits limits;
	const struct scan_env *env;
	int64_t deadline;
	uint64_t unpacked; /* octets so far */
	uint32_t total;	   /* objects so far */
	uint32_t texts;	   /* that libmagic has looked at */
	bool expired;
	struct scan_object **objects;
	uint32_t n_objects, room;
	char types[SCAN_TYPES][TYPE_MIME];
	uint32_t n_types;
};

void scan_init(struct scan *s, const struct scan_limits *limits,
    const struct scan_env *env);
void scan_fini(struct scan *s);

/* A part of the mail. complete: data is all of it. mail: it was declared as
   one. */
struct scan_object *scan_part(struct scan *s, uint32_t row, weir_str data,
    uint64_t size, bool complete, bool mail);

/* --- for readers of formats --- */

/* Add a file inside of o; NULL: a count is exhausted, which is said of o. */
struct scan_object *scan_add(struct scan *s, struct scan_object *o,
    const weir_str *names, uint32_t n_names);
/* Look at its content. */
void scan_content(struct scan *s, struct scan_object *o, weir_str data,
    bool complete);
/* Its type is known better now. */
void scan_retype(struct scan *s, struct scan_object *o, const char *mime);
/* Undo zlib's compression, within all limits; the caller frees; NULL: none.
   What is damaged ends it; a limit that ends it is said of o. */
char *scan_inflate(struct scan *s, struct scan_object *o, weir_str data,
    size_t *len);
/* Add a file inside of o and look at its content, in one step; NULL as above. */
struct scan_object *scan_child(struct scan *s, struct scan_object *o,
    const weir_str *names, uint32_t n_names, weir_str data);
/* Say something about it. */
void scan_note(struct scan_object *o, uint64_t categories);
/* Has memory run out, in whatever library?  Said of o, if so. */
bool scan_starved(struct scan_object *o);
/* Has the time run out?  Said of o, if so. */
bool scan_late(struct scan *s, struct scan_object *o);
/* May so many octets more be unpacked?  Said of o, if not. */
bool scan_room(struct scan *s, struct scan_object *o, uint64_t octets);

/* scan_archive.c: everything that libarchive reads. */
void scan_archive(struct scan *s, struct scan_object *o, weir_str data,
    enum type_kind kind);
/* scan_crypt.c: encryption flags of archive formats, and lists of formats
   that libarchive can't read. */
uint64_t scan_crypt(weir_str data, enum type_kind kind);
/* Is there anything in front of the files that a zip file's directory names:
   what readers see that begin at the front? */
bool scan_zip_front(weir_str data);
void scan_arj(struct scan *s, struct scan_object *o, weir_str data);
/* scan_office.c: a member of a document in a zip; its macros and links are
   said of the document. */
void scan_office_member(struct scan *s, struct scan_object *doc,
    struct scan_object *member, weir_str name, weir_str data);
void scan_xml(struct scan *s, struct scan_object *o, weir_str data);
/* scan_ole.c: OLE2 compound files. */
void scan_ole(struct scan *s, struct scan_object *o, weir_str data);
/* scan_doc.c: RTF, PDF, OneNote. */
void scan_rtf(struct scan *s, struct scan_object *o, weir_str data);
void scan_pdf(struct scan *s, struct scan_object *o, weir_str data);
void scan_onenote(struct scan *s, struct scan_object *o, weir_str data);
/* scan_mail.c: mails, TNEF. */
void scan_mail(struct scan *s, struct scan_object *o, weir_str data);
void scan_tnef(struct scan *s, struct scan_object *o, weir_str data);

#endif
