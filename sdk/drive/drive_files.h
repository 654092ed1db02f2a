/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * drive_files - which messages to run: files, folders, mailboxes.
 */
#ifndef WEIR_DRIVE_FILES_H
#define WEIR_DRIVE_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/vec.h"

#define DRIVE_FILE_MAX ((size_t)1 << 30) /* octets in one file */

struct drive_files {
	VEC(char *) paths;
};

/* A file, or all regular files below a folder, sorted by name in each; links
   to folders are not followed.  WEIR_E_NOTFOUND: something could not be read,
   err names the first; the others are there. */
int drive_files_add(struct drive_files *files, const char *path,
    struct err *err);
void drive_files_fini(struct drive_files *files);

/* One file, open. */
struct drive_source {
	struct buf data;
	size_t pos;
	unsigned count; /* messages given */
	bool is_mbox;	/* begins with "From " */
};

int drive_source_open(struct drive_source *s, const char *path,
    struct err *err);
/* From memory. */
void drive_source_of(struct drive_source *s, const void *data, size_t len);
/* The next message, borrowed from s; false: that was the last.  A file without
   "From " at its beginning is one message. */
bool drive_source_next(struct drive_source *s, weir_str *out);
/* Is there more than the one message that was given first? */
bool drive_source_has_more(const struct drive_source *s);
void drive_source_close(struct drive_source *s);

#endif
