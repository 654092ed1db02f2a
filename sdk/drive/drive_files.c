/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drive_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"

#define FILES_DEPTH 32
#define FILES_STEP (64 * 1024)

/* files_compare - by octets, whatever the locale */
static int
files_compare(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* files_is_entry - all but the folder itself and the one above */
static int
files_is_entry(const struct dirent *d)
{
	return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

/* files_fail - keep the first reason */
static int
files_fail(struct err *err, const char *path, const char *why)
{
	return err->text[0] != '\0' ? WEIR_E_NOTFOUND :
	    err_set(err, WEIR_E_NOTFOUND, "%s: %s", path, why);
}

/* files_folder - everything below */
static int
files_folder(struct drive_files *files, const char *path, unsigned depth,
    struct err *err)
{
	struct dirent **entries;
	int n, status = WEIR_OK;

	if (depth > FILES_DEPTH)
		return files_fail(err, path, "folders nested too deeply");
	n = scandir(path, &entries, files_is_entry, files_compare);
	if (n < 0)
		return files_fail(err, path, strerror(errno));
	for (int i = 0; i < n; i++) {
		const char *slash = path[strlen(path) - 1] == '/' ? "" : "/";
		char *sub = xasprintf("%s%s%s", path, slash,
		    entries[i]->d_name);
		struct stat st, target;

		if (lstat(sub, &st) < 0 ||
		    (S_ISLNK(st.st_mode) && stat(sub, &target) < 0)) {
			status = files_fail(err, sub, strerror(errno));
		} else if (S_ISDIR(st.st_mode)) {
			if (files_folder(files, sub, depth + 1, err) < 0)
				status = WEIR_E_NOTFOUND;
		} else if (S_ISREG(st.st_mode) ||
		    (S_ISLNK(st.st_mode) && S_ISREG(target.st_mode))) {
			*vec_push(&files->paths) = sub;
			sub = NULL;
		}
		free(sub);
		free(entries[i]);
	}
	free(entries);
	return status;
}

/* drive_files_add - a file or a folder */
int
drive_files_add(struct drive_files *files, const char *path, struct err *err)
{
	struct stat st;

	if (path[0] == '\0' || stat(path, &st) < 0)
		return files_fail(err, path,
		    strerror(path[0] == '\0' ? ENOENT : errno));
	if (S_ISDIR(st.st_mode))
		return files_folder(files, path, 0, err);
	*vec_push(&files->paths) = xstrdup(path);
	return WEIR_OK;
}

/* drive_files_fini - free it */
void
drive_files_fini(struct drive_files *files)
{
	for (size_t i = 0; i < files->paths.n; i++)
		free(files->paths.v[i]);
	vec_fini(&files->paths);
}

/* source_begin - what it is */
static void
source_begin(struct drive_source *s)
{
	s->is_mbox = text_has_prefix(buf_str(&s->data), "From ");
}

/* drive_source_open - read it */
int
drive_source_open(struct drive_source *s, const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n = -1;

	memset(s, 0, sizeof(*s));
	while (fd >= 0) {
		n = read(fd, buf_reserve(&s->data, FILES_STEP), FILES_STEP);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		s->data.len += (size_t)n;
		s->data.ptr[s->data.len] = '\0';
		if (s->data.len > DRIVE_FILE_MAX) {
			errno = EFBIG;
			n = -1;
			break;
		}
	}
	if (n < 0)
		err_set(err, WEIR_E_NOTFOUND, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (n < 0) {
		drive_source_close(s);
		return WEIR_E_NOTFOUND;
	}
	source_begin(s);
	return WEIR_OK;
}

/* drive_source_of - from memory */
void
drive_source_of(struct drive_source *s, const void *data, size_t len)
{
	memset(s, 0, sizeof(*s));
	buf_add(&s->data, data, len);
	source_begin(s);
}

/* source_is_separator - "From sender Thu Aug 22 12:36:23 2002": a sender, a
   time of day and a year, so that prose is not taken for it */
static bool
source_is_separator(const char *p, size_t len)
{
	const char *blank;
	bool hour = false, year = false;

	if (len < 5 || memcmp(p, "From ", 5) != 0)
		return false;
	blank = memchr(p + 5, ' ', len - 5);
	if (blank == NULL || blank == p + 5)
		return false;
	for (const char *q = blank; q + 5 <= p + len; q++) {
		bool digits = text_is_digit(q[1]) && text_is_digit(q[2]);

		if (!digits)
			continue;
		hour |= q[3] == ':' && text_is_digit(q[4]);
		year |= q[0] == ' ' && text_is_digit(q[3]) &&
		    text_is_digit(q[4]) &&
		    (q + 5 == p + len || !text_is_digit(q[5]));
	}
	return hour && year;
}

/* source_end - where the message that begins at pos ends, and the next one
   begins */
static size_t
source_end(const struct drive_source *s, size_t pos, size_t *next_out)
{
	const char *data = s->data.ptr;
	size_t len = s->data.len, end = len;
	bool blank = false; /* was the line before empty */

	*next_out = len;
	for (size_t at = pos; at < len;) {
		const char *lf = memchr(data + at, '\n', len - at);
		size_t next = lf != NULL ? (size_t)(lf - data) + 1 : len;
		size_t line = next - at;

		while (line > 0 && (data[at + line - 1] == '\n' ||
				       data[at + line - 1] == '\r'))
			line--;
		if (blank && source_is_separator(data + at, line)) {
			*next_out = end = at;
			break;
		}
		blank = line == 0;
		at = next;
	}
	/* the empty line before the next "From " is the mailbox's own */
	if (end >= 2 && data[end - 1] == '\n' &&
	    (data[end - 2] == '\n' ||
		(end >= 3 && data[end - 2] == '\r' && data[end - 3] == '\n')))
		end -= data[end - 2] == '\r' ? 2 : 1;
	return end > pos ? end : pos;
}

/* drive_source_next - the next message */
bool
drive_source_next(struct drive_source *s, weir_str *out)
{
	size_t begin = s->pos, end, next = s->data.len;

	if (s->pos >= s->data.len && s->count > 0)
		return false;
	end = s->is_mbox ? source_end(s, begin, &next) : s->data.len;
	s->pos = next;
	s->count++;
	out->ptr = buf_str(&s->data).ptr + begin;
	out->len = end - begin;
	return true;
}

/* drive_source_has_more - is it a mailbox with several */
bool
drive_source_has_more(const struct drive_source *s)
{
	return s->count > 1 || s->pos < s->data.len;
}

/* drive_source_close - free it */
void
drive_source_close(struct drive_source *s)
{
	buf_fini(&s->data);
}
