/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "work/helper_exec.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

#define LINE 256    /* the kernel reads no more of a "#!" line */
#define HEADERS 64u /* program headers that are looked at */

/* exec_owner - nobody else may be able to change this */
static int
exec_owner(
    const char *path, const struct stat *st, uid_t owner, struct err *err)
{
	if (st->st_uid != 0 && st->st_uid != owner)
		return err_set(err, WEIR_E_INVAL,
		    "%s belongs to user %u: it "
		    "must belong to root",
		    path, st->st_uid);
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return err_set(err, WEIR_E_INVAL,
		    "%s is writable by others: "
		    "chmod go-w %s",
		    path, path);
	return WEIR_OK;
}

/* exec_folder - nor where it lies */
static int
exec_folder(const char *path, uid_t owner, struct err *err)
{
	char *copy = xstrdup(path), *dir = dirname(copy);
	struct stat st;
	int status;

	if (stat(dir, &st) < 0)
		status = err_set(
		    err, WEIR_E_NOTFOUND, "%s: %s", dir, strerror(errno));
	else
		status = exec_owner(dir, &st, owner, err);
	free(copy);
	return status;
}

/* exec_check - the program, and where a symbolic link leads */
static int
exec_check(const char *path, uid_t owner, struct err *err)
{
	char *real = realpath(path, NULL);
	struct stat st;
	int status;

	if (real == NULL || stat(real, &st) < 0) {
		status = err_set(
		    err, WEIR_E_NOTFOUND, "%s: %s", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		status = err_set(err, WEIR_E_INVAL, "%s: not a file", path);
	} else if ((st.st_mode & S_IXOTH) == 0 && access(real, X_OK) < 0) {
		status = err_set(err, WEIR_E_INVAL,
		    "%s can't be executed: "
		    "chmod a+rx %s",
		    path, path);
	} else {
		status = exec_owner(real, &st, owner, err);
		if (status == WEIR_OK)
			status = exec_folder(real, owner, err);
		if (status == WEIR_OK)
			status = exec_folder(path, owner, err);
	}
	free(real);
	return status;
}

/* exec_loader - what the kernel maps first; "" if nothing */
static int
exec_loader(
    int fd, const char *path, char loader[HELPER_EXEC_PATH], struct err *err)
{
	ElfW(Ehdr) head;
	ElfW(Phdr) p;

	loader[0] = '\0';
	if (pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
	    memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
	    head.e_ident[EI_CLASS] !=
		(sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) ||
	    head.e_phentsize != sizeof(p))
		return err_set(err, WEIR_E_INVAL,
		    "%s is no program of this "
		    "machine, and no script that begins with #!",
		    path);
	for (unsigned i = 0; i < head.e_phnum && i < HEADERS; i++) {
		if (pread(fd, &p, sizeof(p),
			(off_t)(head.e_phoff + i * sizeof(p))) !=
		    (ssize_t)sizeof(p))
			break;
		if (p.p_type != PT_INTERP)
			continue;
		if (p.p_filesz < 2 || p.p_filesz > HELPER_EXEC_PATH ||
		    pread(fd, loader, p.p_filesz, (off_t)p.p_offset) !=
			(ssize_t)p.p_filesz ||
		    loader[0] != '/' || loader[p.p_filesz - 1] != '\0')
			return err_set(err, WEIR_E_INVAL,
			    "%s is a damaged "
			    "program",
			    path);
		break;
	}
	return WEIR_OK;
}

/* exec_interpreter - what the first line names; "" if it is no script */
static int
exec_interpreter(
    int fd, const char *path, char out[HELPER_EXEC_PATH], struct err *err)
{
	char line[LINE + 1], *name, *base;
	ssize_t n = pread(fd, line, LINE, 0);

	out[0] = '\0';
	if (n < 2 || memcmp(line, "#!", 2) != 0)
		return WEIR_OK;
	line[n] = '\0';
	name = line + 2 + strspn(line + 2, " \t");
	/* a name that is cut off would be another one */
	if (name[strcspn(name, " \t\n")] == '\0' && n == LINE)
		name[0] = '\0';
	name[strcspn(name, " \t\n")] = '\0';
	base = strrchr(name, '/');
	if (name[0] != '/' || base[1] == '\0')
		return err_set(err, WEIR_E_INVAL,
		    "%s: its first line names no "
		    "interpreter with an absolute path",
		    path);
	if (strcmp(base, "/env") == 0)
		return err_set(err, WEIR_E_INVAL,
		    "%s: its first line names "
		    "%s, which would execute another program: name the "
		    "interpreter itself",
		    path, name);
	snprintf(out, HELPER_EXEC_PATH, "%s", name);
	return WEIR_OK;
}

/* exec_read - interpreter and loader of the program */
static int
exec_read(struct helper_exec *x, uid_t owner, struct err *err)
{
	int fd = open(x->program, O_RDONLY | O_CLOEXEC), status;

	if (fd < 0)
		return err_set(err, WEIR_E_NOTFOUND, "%s: %s", x->program,
		    strerror(errno));
	status = exec_interpreter(fd, x->program, x->interpreter, err);
	if (status == WEIR_OK && x->interpreter[0] != '\0') {
		close(fd);
		fd = open(x->interpreter, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return err_set(err, WEIR_E_NOTFOUND,
			    "%s: its "
			    "interpreter %s: %s",
			    x->program, x->interpreter, strerror(errno));
		status = exec_check(x->interpreter, owner, err);
	}
	if (status == WEIR_OK)
		status = exec_loader(fd,
		    x->interpreter[0] != '\0' ? x->interpreter : x->program,
		    x->loader, err);
	close(fd);
	return status;
}

/* helper_exec_find - all files of it */
int
helper_exec_find(const char *path, const char *module, struct helper_exec *out,
    struct err *err)
{
	struct stat st;
	const char *slash = strrchr(module, '/');
	int n, status;

	memset(out, 0, sizeof(*out));
	if (slash == NULL || stat(module, &st) < 0)
		return err_set(
		    err, WEIR_E_NOTFOUND, "%s: no such file", module);
	n = path[0] == '/'
	    ? snprintf(out->program, sizeof(out->program), "%s", path)
	    : snprintf(out->program, sizeof(out->program), "%.*s/%s",
		  (int)(slash - module), module, path);
	if (path[0] == '\0' || n < 0 || (size_t)n >= sizeof(out->program))
		return err_set(err, WEIR_E_INVAL,
		    "a program's path is empty "
		    "or too long");
	status = exec_check(out->program, st.st_uid, err);
	return status == WEIR_OK ? exec_read(out, st.st_uid, err) : status;
}
