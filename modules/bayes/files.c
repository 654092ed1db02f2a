/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

#define FILES_MAPPED ((size_t)1 << 20) /* files from here on are mapped */

/* files_is_mail - by its first line */
bool
files_is_mail(weir_str s)
{
	size_t i = 0;

	if (s.len >= 5 && memcmp(s.ptr, "From ", 5) == 0)
		return true;
	while (i < s.len && i < 100 && s.ptr[i] > ' ' && s.ptr[i] < 127 &&
	    s.ptr[i] != ':')
		i++;
	return i > 0 && i < s.len && s.ptr[i] == ':';
}

/* files_is_from - does a line "From SENDER Day ..." begin here? */
static bool
files_is_from(const char *p, const char *end)
{
	const char *q = p + 5;

	if (end - p < 20 || memcmp(p, "From ", 5) != 0)
		return false;
	while (q < end && *q != ' ' && *q != '\n')
		q++;
	while (q < end && *q == ' ')
		q++;
	return end - q > 8 && text_is_alpha(q[0]) && text_is_alpha(q[1]) &&
	    text_is_alpha(q[2]) && (q[3] == ' ' || q[3] == ',');
}

/* files_next - where the message behind this one begins, or the end */
static const char *
files_next(const char *p, const char *end)
{
	while (p < end) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (p == NULL)
			return end;
		p++;
		if (p < end && *p == '\r')
			p++;
		if (p < end && *p == '\n' && files_is_from(p + 1, end))
			return p + 1;
	}
	return end;
}

/* files_split - an mbox, or one message */
void
files_split(struct files *f, const char *name, weir_str s)
{
	const char *p = s.ptr, *end = p + s.len, *next;
	char numbered[4200];
	unsigned n = 0;

	if (!files_is_mail(s)) {
		f->skipped++;
		return;
	}
	if (s.len < 5 || memcmp(p, "From ", 5) != 0 ||
	    (next = files_next(p, end)) == end) {
		f->stopped = !f->fn(name, s, f->arg);
		return;
	}
	for (; p < end && !f->stopped; p = next) {
		next = files_next(p, end);
		snprintf(numbered, sizeof(numbered), "%s#%u", name, ++n);
		f->stopped = !f->fn(numbered,
		    (weir_str){ p, (size_t)(next - p) }, f->arg);
	}
}

/* files_fail - it can't be read */
static bool
files_fail(struct files *f, const char *path)
{
	if (!f->quiet)
		fprintf(stderr, "weirctl: %s: %s\n", path, strerror(errno));
	f->failed++;
	return false;
}

/* files_room - for n octets */
static bool
files_room(struct files *f, size_t n)
{
	char *p;

	if (n <= f->room)
		return true;
	p = realloc(f->buffer, n + n / 2);
	if (p == NULL)
		return false;
	f->buffer = p;
	f->room = n + n / 2;
	return true;
}

/* files_take - all that a descriptor gives */
static bool
files_take(struct files *f, int fd, size_t *len_out)
{
	ssize_t got;

	*len_out = 0;
	for (;;) {
		if (!files_room(f, *len_out + 65536)) {
			errno = ENOMEM;
			return false;
		}
		got = read(fd, f->buffer + *len_out, f->room - *len_out);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got == 0;
		*len_out += (size_t)got;
		if (*len_out > FILES_MAX) {
			errno = EFBIG;
			return false;
		}
	}
}

/* files_mapped - a large file, in place */
static bool
files_mapped(struct files *f, const char *path, int fd, size_t len)
{
	void *p = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);

	if (p == MAP_FAILED)
		return files_fail(f, path);
	madvise(p, len, MADV_SEQUENTIAL);
	files_split(f, path, (weir_str){ p, len });
	munmap(p, len);
	return true;
}

/* files_file - an open file */
static bool
files_file(struct files *f, const char *path, int fd, size_t size)
{
	size_t len;

	if (size > FILES_MAX) {
		errno = EFBIG;
		return files_fail(f, path);
	}
	if (size >= FILES_MAPPED)
		return files_mapped(f, path, fd, size);
	if (!files_take(f, fd, &len))
		return files_fail(f, path);
	files_split(f, path, (weir_str){ f->buffer, len });
	return true;
}

/* files_wanted - scandir's filter */
static int
files_wanted(const struct dirent *d)
{
	return d->d_name[0] != '.' && strcmp(d->d_name, "tmp") != 0;
}

static bool files_path(struct files *f, const char *path, int depth);

/* files_folder - everything in it, by name */
static bool
files_folder(struct files *f, const char *path, int depth)
{
	struct dirent **list;
	char below[4096];
	int n;

	if (depth >= FILES_DEPTH) {
		errno = ELOOP;
		return files_fail(f, path);
	}
	n = scandir(path, &list, files_wanted, alphasort);
	if (n < 0)
		return files_fail(f, path);
	for (int i = 0; i < n; i++) {
		if (!f->stopped && snprintf(below, sizeof(below), "%s/%s",
			path, list[i]->d_name) < (int)sizeof(below))
			files_path(f, below, depth + 1);
		free(list[i]);
	}
	free(list);
	return true;
}

/* files_path - a file or a folder */
static bool
files_path(struct files *f, const char *path, int depth)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	bool ok;

	if (fd < 0)
		return files_fail(f, path);
	if (fstat(fd, &st) < 0) {
		ok = files_fail(f, path);
	} else if (S_ISDIR(st.st_mode)) {
		close(fd);
		return files_folder(f, path, depth);
	} else if (S_ISREG(st.st_mode)) {
		ok = files_file(f, path, fd, (size_t)st.st_size);
	} else {
		f->skipped++;
		ok = true;
	}
	close(fd);
	return ok;
}

/* files_read - what the operator named */
bool
files_read(struct files *f, const char *path)
{
	size_t len;

	if (strcmp(path, "-") != 0)
		return files_path(f, path, 0);
	if (!files_take(f, STDIN_FILENO, &len))
		return files_fail(f, "standard input");
	files_split(f, "-", (weir_str){ f->buffer, len });
	return true;
}

/* files_fini - the buffer */
void
files_fini(struct files *f)
{
	free(f->buffer);
	f->buffer = NULL;
}

/* files_count - without reading them */
uint64_t
files_count(const char *path)
{
	struct dirent **list;
	char below[4096];
	uint64_t all = 0;
	int n = scandir(path, &list, files_wanted, NULL);

	if (n < 0)
		return 1;
	for (int i = 0; i < n; i++) {
		if (list[i]->d_type == DT_DIR) {
			if (snprintf(below, sizeof(below), "%s/%s", path,
				list[i]->d_name) < (int)sizeof(below))
				all += files_count(below);
		} else {
			all++;
		}
		free(list[i]);
	}
	free(list);
	return all;
}
