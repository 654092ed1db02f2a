/* SPDX-License-Identifier: GPL-2.0-or-later */
/* view - Maildirs of hard links, for an IMAP server. */
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/sha.h>

/* file_user - a name for a folder */
void
file_user(const char *user, char *out, size_t size)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789"
				    "@.+-_=";
	unsigned char digest[SHA256_DIGEST_LENGTH];
	size_t n = 0;

	for (const char *p = user; *p != '\0'; p++) {
		if (n + 4 > size || n > 200) {
			/* too long for a name: a part and a digest */
			SHA256((const unsigned char *)user, strlen(user),
			    digest);
			snprintf(out + 100, size - 100, "%%%02x%02x%02x%02x"
			    "%02x%02x%02x%02x", digest[0], digest[1],
			    digest[2], digest[3], digest[4], digest[5],
			    digest[6], digest[7]);
			return;
		}
		if (strchr(plain, *p) != NULL && !(p == user && *p == '.'))
			out[n++] = *p;
		else
			n += (size_t)snprintf(out + n, size - n, "%%%02x",
			    (unsigned char)*p);
	}
	out[n] = '\0';
	if (n == 0)
		snprintf(out, size, "%%");
}

/* file_maildir - the folders of a recipient.  An IMAP server makes those of
   its own anew if a crash takes them away; new/ comes last and is synced. */
int
file_maildir(const struct store *st, const char *user, struct fault *f)
{
	static const char *const folders[] = { "", "/cur", "/tmp",
		"/.Release", "/.Release/cur", "/.Release/tmp", "/.Release/new",
		"/.Released", "/.Released/cur", "/.Released/tmp",
		"/.Released/new", "/new" };
	char path[4096], name[256];

	file_user(user, name, sizeof(name));
	/* the last one is there: all are */
	snprintf(path, sizeof(path), "%s/imap/%s/new", st->folder, name);
	if (access(path, F_OK) == 0)
		return WEIR_OK;
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		snprintf(path, sizeof(path), "%s/imap/%s%s", st->folder, name,
		    folders[i]);
		if (mkdir(path, 0750) != 0 && errno != EEXIST)
			return fault_set(f, WEIR_E_TEMP, "%s: %s", path,
			    strerror(errno));
	}
	snprintf(path, sizeof(path), "%s/imap", st->folder);
	if (file_sync_dir(path, f) < 0)
		return f->status;
	snprintf(path, sizeof(path), "%s/imap/%s", st->folder, name);
	return file_sync_dir(path, f);
}

/* file_view - a hard link in new/ */
int
file_view(struct store *st, const char *file, const char *user,
    const char *id, int64_t time_ms, char view_out[VIEW_LEN], struct fault *f)
{
	char from[4096], to[4096], name[256];
	int status = file_maildir(st, user, f);

	if (status < 0)
		return status;
	file_user(user, name, sizeof(name));
	snprintf(view_out, VIEW_LEN, "%" PRId64 ".%s.weir", time_ms / 1000,
	    id);
	snprintf(from, sizeof(from), "%s/mail/%s", st->folder, file);
	snprintf(to, sizeof(to), "%s/imap/%s/new/%s", st->folder, name,
	    view_out);
	if (link(from, to) == 0 || errno == EEXIST)
		return WEIR_OK;
	if (errno == EXDEV) {
		/* a sandbox of an old kernel allows no links: no views */
		view_out[0] = '\0';
		st->no_links = true;
		return WEIR_OK;
	}
	return fault_set(f, WEIR_E_TEMP, "%s: %s", to, strerror(errno));
}

/* file_view_sync - the names in new/ are on disk */
int
file_view_sync(const struct store *st, const char *user, struct fault *f)
{
	char path[4096], name[256];

	file_user(user, name, sizeof(name));
	snprintf(path, sizeof(path), "%s/imap/%s/new", st->folder, name);
	return file_sync_dir(path, f);
}

/* view_remove_in - the view in one folder: NAME or NAME:2,FLAGS */
static bool
view_remove_in(const char *folder, const char *view)
{
	char path[4096 + 400 + VIEW_LEN];
	size_t n = strlen(view);
	struct dirent *e;
	bool found = false;
	DIR *d;

	snprintf(path, sizeof(path), "%s/%s", folder, view);
	if (unlink(path) == 0)
		return true;
	d = opendir(folder);
	while (d != NULL && !found && (e = readdir(d)) != NULL) {
		if (strncmp(e->d_name, view, n) != 0 || e->d_name[n] != ':')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		found = unlink(path) == 0;
	}
	if (d != NULL)
		closedir(d);
	return found;
}

/* view_remove_deep - from a folder that the user has made, by whatever name */
static void
view_remove_deep(const char *maildir, const char *view)
{
	char path[4096 + 300];
	struct dirent *e;
	bool found = false;
	DIR *d = opendir(maildir);

	while (d != NULL && !found && (e = readdir(d)) != NULL) {
		if (e->d_name[0] != '.' || strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s/cur", maildir, e->d_name);
		found = view_remove_in(path, view);
		if (found)
			break;
		snprintf(path, sizeof(path), "%s/%s/new", maildir, e->d_name);
		found = view_remove_in(path, view);
	}
	if (d != NULL)
		closedir(d);
}

/* file_view_remove - wherever it is */
void
file_view_remove(const struct store *st, const char *user, const char *view)
{
	static const char *const folders[] = { "new", "cur", ".Released/cur",
		".Release/cur", ".Release/new", ".Released/new" };
	char path[4096], name[256];

	if (view[0] == '\0')
		return;
	file_user(user, name, sizeof(name));
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		snprintf(path, sizeof(path), "%s/imap/%s/%s", st->folder, name,
		    folders[i]);
		if (view_remove_in(path, view))
			return;
	}
	snprintf(path, sizeof(path), "%s/imap/%s", st->folder, name);
	view_remove_deep(path, view);
}
