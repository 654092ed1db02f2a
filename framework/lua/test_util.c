/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/test_util.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/check.h"
#include "base/text.h"
#include "lua/mod_rules.h"

static char folder[256]; /* "": not made yet */

/* test_file - make it */
const char *
test_file(const char *name, const char *text)
{
	static char *path;
	FILE *out;

	if (folder[0] == '\0') {
		text_temporary(folder, sizeof(folder), "weir-rules");
		expect(mkdtemp(folder) != NULL);
	}
	free(path);
	path = xasprintf("%s/%s", folder, name);
	out = fopen(path, "w");
	expect(out != NULL);
	expect(fwrite(text, 1, strlen(text), out) == strlen(text));
	expect(fclose(out) == 0);
	return path;
}

/* test_rules - start the module */
struct fakehost *
test_rules(const char *text, const char *more)
{
	struct fakehost *f;
	char *conf;

	test_file("10-test.lua", text);
	conf = xasprintf("path = %s\n%s\n", folder, more != NULL ? more : "");
	f = fakehost_create(&mod_rules, conf);
	free(conf);
	return f;
}

/* test_remove - for nftw */
static int
test_remove(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

/* test_end - remove the folder */
void
test_end(void)
{
	if (folder[0] == '\0')
		return;
	nftw(folder, test_remove, 8, FTW_DEPTH | FTW_PHYS);
	folder[0] = '\0';
}
