/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_folder - a folder below state_dir for each module that wants one. */
#include "host/table_int.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"

struct folder {
	struct folder *next;
	const struct module *module;
	char *path;
};

static struct folder *folders;
static const char *base = WEIR_STATEDIR;
static char temporary[256]; /* empty: none */

/* table_folders - where they are */
void
table_folders(const char *dir)
{
	base = dir;
}

/* folder_remove - one entry of a temporary folder */
static int
folder_remove(const char *path, const struct stat *st, int type,
    struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	remove(path);
	return 0;
}

/* table_folders_fini - forget them; what was temporary goes */
void
table_folders_fini(void)
{
	while (folders != NULL) {
		struct folder *f = folders;

		folders = f->next;
		free(f->path);
		free(f);
	}
	if (temporary[0] != '\0')
		nftw(temporary, folder_remove, 16, FTW_DEPTH | FTW_PHYS);
	temporary[0] = '\0';
	base = WEIR_STATEDIR;
}

/* folder_base - the common part; made if it is temporary */
static const char *
folder_base(void)
{
	if (base != NULL)
		return base;
	if (temporary[0] == '\0') {
		text_temporary(temporary, sizeof(temporary), "weir-state");
		if (mkdtemp(temporary) == NULL) {
			temporary[0] = '\0';
			return "/nonexistent";
		}
	}
	return temporary;
}

const char *
table_folder(weir_self *self)
{
	const struct module *m = table_module(self);
	struct folder *f = folders;

	while (f != NULL && f->module != m)
		f = f->next;
	if (f == NULL) {
		f = xcalloc(1, sizeof(*f));
		f->module = m;
		f->path = xasprintf("%s/%s", folder_base(), m->name);
		f->next = folders;
		folders = f;
	}
	return f->path;
}
