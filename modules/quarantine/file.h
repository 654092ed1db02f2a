/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * file - message files, their folders, and the views for an IMAP server.
 *
 * A file is created under its last name, written and fsynced; it counts when a
 * row names it.  Views are hard links: imap/USER/new/SECONDS.ID.weir.  USER is
 * the recipient in lower case, with what is no letter, digit or one of @.+-_=
 * as %XX, and a leading dot as %2e.
 */
#ifndef MODULES_QUARANTINE_FILE_H
#define MODULES_QUARANTINE_FILE_H

#include "store.h"

/* Make it and have that on disk; WEIR_OK if it exists. */
int file_mkdir(const char *path, struct fault *f);
int file_sync_dir(const char *path, struct fault *f);

/* Copy the descriptor from its start (up to max octets, 0: all) into
   mail/DAY/NAME; out is "DAY/NAME".  The file stays open as *fd_out, for
   file_sync, which writes its content to disk and closes it. */
int file_write(struct store *st, int fd, uint64_t max, int64_t time_ms,
    char out[FILE_LEN], uint64_t *size_out, unsigned char digest[DIGEST_LEN],
    int *fd_out, struct fault *f);
int file_sync(int fd, struct fault *f);
/* Open it for reading. */
int file_open(const struct store *st, const char *file, struct fault *f);
void file_unlink(const struct store *st, const char *file);
/* fsync the folder of mail/FILE. */
int file_sync_day(const struct store *st, const char *file, struct fault *f);
/* Digest of what a descriptor holds, without its first `skip` octets. */
int file_digest(int fd, uint64_t skip, unsigned char digest[DIGEST_LEN],
    struct fault *f);

/* 26 letters and digits nobody can guess. */
int file_id(char out[ID_LEN + 1], struct fault *f);

/* imap/USER of this recipient. */
void file_user(const char *user, char *out, size_t size);
/* Make the Maildir with its folders Release and Released. */
int file_maildir(const struct store *st, const char *user, struct fault *f);
/* A view of a mail for an item; view_out is its name, empty where links are
   not allowed (st->no_links).  EEXIST is no error. */
int file_view(struct store *st, const char *file, const char *user,
    const char *id, int64_t time_ms, char view_out[VIEW_LEN], struct fault *f);
int file_view_sync(const struct store *st, const char *user, struct fault *f);
/* Take the item's view away, in whatever folder and under whatever flags. */
void file_view_remove(const struct store *st, const char *user,
    const char *view);

#endif
