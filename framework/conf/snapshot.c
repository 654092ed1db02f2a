/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "conf/scan.h"

struct snapshot_file {
	char *path;
	char *dir;
	char *map; /* NULL when empty */
	size_t len;
};

struct conf_snapshot {
	VEC(struct snapshot_file) files;
	bool frozen; /* nothing more is read from disk */
};

/* snapshot_freeze - put the text into a sealed memory file and map that */
static int
snapshot_freeze(struct snapshot_file *file, const struct buf *text,
    struct err *err)
{
	size_t done = 0;
	void *map = MAP_FAILED;
	int fd;

	if (text->len == 0)
		return WEIR_OK;
	fd = memfd_create("weir.conf", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	while (fd >= 0 && done < text->len) {
		ssize_t n = write(fd, text->ptr + done, text->len - done);

		if (n < 0)
			break;
		done += (size_t)n;
	}
	if (fd >= 0 && done == text->len &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW |
		F_SEAL_SEAL) == 0)
		map = mmap(NULL, text->len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED) {
		err_set(err, WEIR_E_TEMP, "can't keep a copy: %s",
		    strerror(errno));
	} else {
		file->map = map;
		file->len = text->len;
	}
	if (fd >= 0)
		close(fd);
	return map == MAP_FAILED ? WEIR_E_TEMP : WEIR_OK;
}

/* snapshot_slurp - the text of the open file, up to the limit */
static int
snapshot_slurp(int fd, struct buf *text, struct err *err)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) != 0)
		return err_set(err, WEIR_E_INVAL, "%s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, WEIR_E_INVAL, "not a regular file");
	do {
		char *room = buf_reserve(text, 65536);

		n = read(fd, room, 65536);
		if (n < 0)
			return err_set(err, WEIR_E_INVAL, "%s",
			    strerror(errno));
		text->len += (size_t)n;
		if (text->len > CONF_FILE_MAX)
			return err_set(err, WEIR_E_LIMIT,
			    "larger than %u octets", CONF_FILE_MAX);
	} while (n != 0);
	return WEIR_OK;
}

/* snapshot_dirname - the absolute directory that the path lies in */
static char *
snapshot_dirname(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash != NULL ? (size_t)(slash - path) : 0;
	char *cwd, *dir;

	if (*path == '/')
		return xstrndup(path, len);
	cwd = getcwd(NULL, 0);
	dir = xasprintf("%s%s%.*s", cwd != NULL ? cwd : "",
	    len != 0 ? "/" : "", (int)len, path);
	free(cwd);
	return dir;
}

/* snapshot_push - the new last file; its number */
static struct snapshot_file *
snapshot_push(struct conf_snapshot *snap, const char *path)
{
	struct snapshot_file *file = vec_push(&snap->files);

	file->path = xstrdup(path);
	file->dir = snapshot_dirname(path);
	return file;
}

/* snapshot_read - read one file from disk */
static int
snapshot_read(struct conf_snapshot *snap, const char *path, struct err *err)
{
	struct buf text = BUF_INIT;
	int fd, rc;

	if (snap->files.n == CONF_FILES_MAX)
		return err_set(err, WEIR_E_LIMIT, "more than %d files",
		    CONF_FILES_MAX);
	/* O_NONBLOCK: a FIFO must not stop the master */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return err_set(err, WEIR_E_NOTFOUND, "%s", strerror(errno));
	rc = snapshot_slurp(fd, &text, err);
	if (rc == WEIR_OK)
		rc = snapshot_freeze(snapshot_push(snap, path), &text, err);
	close(fd);
	buf_fini(&text);
	return rc;
}

/* snapshot_finish - follow the includes, then freeze */
static struct conf_snapshot *
snapshot_finish(struct conf_snapshot *snap, struct conf_report *report)
{
	struct pool *pool = pool_create(16384, 0);
	struct scan scan;

	if (scan_run(&scan, snap, pool, report) != WEIR_OK)
		conf_snapshot_release(&snap);
	else
		snap->frozen = true;
	scan_fini(&scan);
	pool_destroy(&pool);
	return snap;
}

/* conf_snapshot_take - read it all from disk */
struct conf_snapshot *
conf_snapshot_take(const char *path, struct conf_report *report)
{
	struct conf_snapshot *snap = xcalloc(1, sizeof(*snap));
	struct err err;

	if (snapshot_read(snap, path, &err) != WEIR_OK) {
		conf_report_add(report, CONF_ERROR, path, 0, 0, "%s", err.text);
		conf_snapshot_release(&snap);
		return NULL;
	}
	return snapshot_finish(snap, report);
}

/* conf_snapshot_of - from memory */
struct conf_snapshot *
conf_snapshot_of(const char *path, const void *data, size_t len,
    struct conf_report *report)
{
	struct conf_snapshot *snap = xcalloc(1, sizeof(*snap));
	struct buf text = BUF_INIT;
	struct err err;
	int rc;

	buf_add(&text, data, len);
	if (len > CONF_FILE_MAX)
		rc = err_set(&err, WEIR_E_LIMIT, "larger than %u octets",
		    CONF_FILE_MAX);
	else
		rc = snapshot_freeze(snapshot_push(snap, path), &text, &err);
	buf_fini(&text);
	if (rc != WEIR_OK) {
		conf_report_add(report, CONF_ERROR, path, 0, 0, "%s", err.text);
		conf_snapshot_release(&snap);
		return NULL;
	}
	snap->frozen = true;
	return snapshot_finish(snap, report);
}

/* conf_snapshot_release - free it */
void
conf_snapshot_release(struct conf_snapshot **snap)
{
	struct conf_snapshot *s = *snap;

	*snap = NULL;
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->files.n; i++) {
		free(s->files.v[i].path);
		free(s->files.v[i].dir);
		if (s->files.v[i].map != NULL)
			munmap(s->files.v[i].map, s->files.v[i].len);
	}
	vec_fini(&s->files);
	free(s);
}

/* snapshot_text - what stands in the file */
weir_str
snapshot_text(const struct conf_snapshot *snap, unsigned file)
{
	const struct snapshot_file *f = &snap->files.v[file];

	return (weir_str){ f->map != NULL ? f->map : "", f->len };
}

/* snapshot_path - its name */
const char *
snapshot_path(const struct conf_snapshot *snap, unsigned file)
{
	return snap->files.v[file].path;
}

/* snapshot_dir - where it lies */
const char *
snapshot_dir(const struct conf_snapshot *snap, unsigned file)
{
	return snap->files.v[file].dir;
}

/* snapshot_include - the number of an included file */
int
snapshot_include(struct conf_snapshot *snap, unsigned from, const char *name,
    struct err *err)
{
	const char *base = snap->files.v[from].path;
	const char *slash = *name != '/' ? strrchr(base, '/') : NULL;
	size_t len = slash != NULL ? (size_t)(slash - base) + 1 : 0;
	char *path = xasprintf("%.*s%s", (int)len, base, name);
	int rc = WEIR_E_NOTFOUND;

	for (size_t i = 0; i < snap->files.n; i++) {
		if (strcmp(snap->files.v[i].path, path) == 0)
			rc = (int)i;
	}
	if (rc < 0 && snap->frozen) {
		rc = err_set(err, rc, "can't include anything here");
	} else if (rc < 0) {
		struct err why;

		rc = snapshot_read(snap, path, &why);
		if (rc == WEIR_OK)
			rc = (int)snap->files.n - 1;
		else
			err_set(err, rc, "can't include %s: %s", path,
			    why.text);
	}
	free(path);
	return rc;
}
