/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * files - messages of files, folders, mailboxes and standard input.
 *
 * A folder is read with everything below it, in the order of the names, except
 * what begins with a dot and the "tmp" of a maildir.  A file that begins with
 * "From " is an mbox: it ends a message where an empty line and a line "From
 * SENDER DATE" stand.  What does not begin like a mail is skipped and counted.
 */
#ifndef BAYES_FILES_H
#define BAYES_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/types.h>

#define FILES_DEPTH 16
#define FILES_MAX ((size_t)2 << 30) /* octets of one file */

/* One message; borrowed.  name: its path, with #N behind for the N-th of
   several in an mbox.  false stops. */
typedef bool files_fn(const char *name, weir_str raw, void *arg);

struct files {
	files_fn *fn;
	void *arg;
	bool stopped;
	bool quiet; /* set: what can't be read is not told */
	uint64_t skipped; /* that are no mail */
	uint64_t failed;  /* that could not be read; said on standard error */
	/* private */
	char *buffer;
	size_t room;
};

/* "-": standard input. false: it could not be read at all. */
bool files_read(struct files *f, const char *path);
void files_fini(struct files *f);

/* Does it begin like a mail: with a field, or an mbox's line? */
bool files_is_mail(weir_str s);
/* Messages of one mbox, or the one message. */
void files_split(struct files *f, const char *name, weir_str s);
/* How many files are below the path: for a progress bar. */
uint64_t files_count(const char *path);

#endif
