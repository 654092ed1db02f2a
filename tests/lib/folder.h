/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * folder - a test's own folder below $TMPDIR, for tests of modules.
 *
 * Those link with nothing of the framework; its own tests have
 * text_temporary().  All is inline: a fuzz target uses half of it.
 */
#ifndef TESTS_LIB_FOLDER_H
#define TESTS_LIB_FOLDER_H

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* folder_where - $TMPDIR if that is absolute, else /tmp */
static inline const char *
folder_where(void)
{
	const char *tmp = getenv("TMPDIR");

	return tmp != NULL && tmp[0] == '/' ? tmp : "/tmp";
}

/* folder_make - WHERE/NAME-XXXXXX; its path in out */
static inline bool
folder_make(char *out, size_t cap, const char *where, const char *name)
{
	int n = snprintf(out, cap, "%s/%s-XXXXXX", where, name);

	return n > 0 && (size_t)n < cap && mkdtemp(out) != NULL;
}

/* folder_remove_one - for nftw */
static inline int
folder_remove_one(const char *path, const struct stat *st, int type,
    struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* folder_remove - with all that is in it; 0: it is gone */
static inline int
folder_remove(const char *path)
{
	return nftw(path, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
