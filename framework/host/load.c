/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/load.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <libgen.h>
#include <ltdl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/check.h"
#include "base/map.h"
#include "base/pool.h"
#include "base/text.h"
#include "base/vec.h"
#include "host/accept.h"
#include "lua/mod_rules.h"

struct loaded {
	char *path;
	struct weir_module *descriptor;
};

/* Modules without a file. */
static const struct weir_module *const built_in[] = { &mod_rules };

static char *directory;
static struct map loaded; /* by module name */
static struct pool *pool; /* accepted descriptors */
static bool ltdl_ready;

/* load_init - where modules are */
void
load_init(const char *dir)
{
	free(directory);
	directory = xstrdup(dir);
}

enum load_kind {
	LOAD_FILE,
	LOAD_DIR,
	LOAD_PARENT /* of what is named in it; others may add to /tmp */
};

/* load_check_owner - nobody else may be able to change this */
static int
load_check_owner(const char *path, enum load_kind kind, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_set(err, WEIR_E_NOTFOUND, "%s: %s", path,
		    strerror(errno));
	if (kind == LOAD_FILE ? !S_ISREG(st.st_mode) : !S_ISDIR(st.st_mode))
		return err_set(err, WEIR_E_INVAL, "%s: not a %s", path,
		    kind == LOAD_FILE ? "file" : "directory");
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return err_set(err, WEIR_E_INVAL, "%s belongs to user %u: it "
		    "must belong to root", path, st.st_uid);
	if (kind == LOAD_PARENT && (st.st_mode & S_ISVTX) != 0)
		return WEIR_OK;
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return err_set(err, WEIR_E_INVAL, "%s is writable by others: "
		    "chmod go-w %s", path, path);
	return WEIR_OK;
}

/* load_resolved - without links, and every folder on the way is ours */
char *
load_resolved(const char *path, struct err *err)
{
	char *real = path[0] == '/' ? realpath(path, NULL) : NULL, *dir;
	int status;

	if (real == NULL) {
		err_set(err, WEIR_E_NOTFOUND, "%s: %s", path,
		    path[0] == '/' ? strerror(errno) : "not an absolute path");
		return NULL;
	}
	status = load_check_owner(real, LOAD_FILE, err);
	dir = xstrdup(real);
	while (status == WEIR_OK && strcmp(dir, "/") != 0)
		status = load_check_owner(dirname(dir), LOAD_PARENT, err);
	free(dir);
	if (status < 0) {
		free(real);
		return NULL;
	}
	return real;
}

/* load_check - may this file be loaded at all */
static int
load_check(const char *path, struct err *err)
{
	char *copy;
	int status;

	if (path[0] != '/')
		return err_set(err, WEIR_E_INVAL, "%s: not an absolute path",
		    path);
	copy = xstrdup(path);
	status = load_check_owner(dirname(copy), LOAD_DIR, err);
	free(copy);
	if (status < 0)
		return status;
	/* and where a symbolic link leads */
	copy = realpath(path, NULL);
	if (copy == NULL)
		return err_set(err, WEIR_E_NOTFOUND, "%s: %s", path,
		    strerror(errno));
	status = load_check_owner(copy, LOAD_FILE, err);
	if (status == WEIR_OK)
		status = load_check_owner(dirname(copy), LOAD_DIR, err);
	free(copy);
	return status;
}

/* load_symbol - what a file of that name exports */
char *
load_symbol(const char *file)
{
	char *symbol = xasprintf("%.*s_LTX_weir_entry",
	    (int)strcspn(file, "."), file);

	/* no C name has these */
	for (char *p = symbol; *p != '\0'; p++) {
		if (*p == '-')
			*p = '_';
	}
	return symbol;
}

/* load_open - the library and its entry function */
static weir_entry_fn *
load_open(const char *path, struct err *err)
{
	char *copy, *symbol;
	lt_dladvise advise;
	lt_dlhandle handle;
	weir_entry_fn *entry;

	if (!ltdl_ready && lt_dlinit() != 0) {
		err_set(err, 0, "libltdl: %s", lt_dlerror());
		return NULL;
	}
	ltdl_ready = true;
	/* libltdl opens lazily: resolve everything here and now, so that a
	   missing symbol is found by the check and not by a mail */
	if (dlopen(path, RTLD_NOW | RTLD_LOCAL) == NULL) {
		err_set(err, 0, "%s", dlerror());
		return NULL;
	}
	lt_dladvise_init(&advise);
	lt_dladvise_local(&advise);
	lt_dladvise_resident(&advise);
	handle = lt_dlopenadvise(path, advise);
	lt_dladvise_destroy(&advise);
	if (handle == NULL) {
		err_set(err, 0, "%s: %s", path, lt_dlerror());
		return NULL;
	}
	copy = xstrdup(path);
	symbol = load_symbol(basename(copy));
	free(copy);
	*(void **)(void *)&entry = lt_dlsym(handle, symbol);
	if (entry == NULL)
		err_set(err, 0, "%s does not export %s", path, symbol);
	free(symbol);
	return entry;
}

/* load_suggest - is there a module whose name is nearly the same */
static void
load_suggest(const char *name, const char *full, struct err *err)
{
	VEC(char *) names = { NULL, 0, 0 };
	const struct dirent *e;
	const char *near;
	struct stat st;
	DIR *dir = stat(full, &st) < 0 && errno == ENOENT ?
	    opendir(directory) : NULL;

	if (dir == NULL)
		return;
	while ((e = readdir(dir)) != NULL) {
		size_t len = strlen(e->d_name);

		if (len > 7 && strncmp(e->d_name, "mod_", 4) == 0 &&
		    strcmp(e->d_name + len - 3, ".so") == 0)
			*vec_push(&names) = xstrndup(e->d_name + 4, len - 7);
	}
	closedir(dir);
	*vec_push(&names) = NULL;
	near = text_nearest(name, (const char *const *)names.v);
	if (near != NULL)
		err_set(err, 0, "module %s can't be loaded: %s has none of that "
		    "name (did you mean \"%s\"?)", name, directory, near);
	for (size_t i = 0; i + 1 < names.n; i++)
		free(names.v[i]);
	vec_fini(&names);
}

/* load_built_in - a module that is part of the program */
static const struct weir_module *
load_built_in(const struct weir_module *descriptor)
{
	struct loaded *l = xcalloc(1, sizeof(*l));
	struct err why = { "" };

	if (pool == NULL)
		pool = pool_create(16384, 0);
	l->path = xstrdup("built in");
	l->descriptor = accept_descriptor(descriptor, descriptor->name, pool,
	    &why);
	if (l->descriptor == NULL)
		panic("module %s: %s", descriptor->name, why.text);
	map_set(&loaded, text_slice(descriptor->name), l);
	return l->descriptor;
}

/* load_module - by name, once */
const struct weir_module *
load_module(const char *name, const char *path, struct err *err)
{
	struct loaded *l = map_get(&loaded, text_slice(name));
	struct weir_module *m;
	weir_entry_fn *entry;
	struct err why = { "" };
	char *full;

	if (l != NULL)
		return l->descriptor;
	for (size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++) {
		if (strcmp(built_in[i]->name, name) == 0)
			return load_built_in(built_in[i]);
	}
	full = path != NULL && path[0] != '\0' ?
	    xstrdup(path) :
	    xasprintf("%s/mod_%s.so", directory, name);
	if (load_check(full, &why) < 0 ||
	    (entry = load_open(full, &why)) == NULL) {
		err_set(err, 0, "module %s can't be loaded: %s", name,
		    why.text);
		if (path == NULL || path[0] == '\0')
			load_suggest(name, full, err);
		free(full);
		return NULL;
	}
	if (pool == NULL)
		pool = pool_create(16384, 0);
	m = accept_descriptor(entry(), name, pool, &why);
	if (m == NULL) {
		err_set(err, 0, "module %s (%s) is refused: %s", name, full,
		    why.text);
		free(full);
		return NULL;
	}
	l = xcalloc(1, sizeof(*l));
	l->path = full;
	l->descriptor = m;
	map_set(&loaded, text_slice(name), l);
	return m;
}

/* load_path - where a module came from */
const char *
load_path(const char *name)
{
	struct loaded *l = map_get(&loaded, text_slice(name));

	return l != NULL ? l->path : NULL;
}
