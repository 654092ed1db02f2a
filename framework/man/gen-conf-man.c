/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gen-conf-man - write weir.conf(5).
 *
 *	gen-conf-man TEMPLATE [MODULE.so ...] > weir.conf.5
 *
 * Copies the template; a line @OPTIONS@ becomes the core's options, a line
 * @MODULES@ those of the modules named, all from the rows that the
 * configuration is checked with.  A build tool, not installed.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/check.h"
#include "conf/desc.h"
#include "conf/manual.h"
#include "host/load.h"

/* gen_module - the options of one module file */
static void
gen_module(const char *path, struct buf *out)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash != NULL ? slash + 1 : path;
	void *file = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct weir_module *desc;
	weir_entry_fn *entry;
	struct err err;
	char *symbol;

	if (file == NULL)
		fatal("%s", dlerror());
	symbol = load_symbol(base);
	/* the cast that POSIX names for dlsym */
	*(void **)&entry = dlsym(file, symbol);
	if (entry == NULL)
		fatal("%s", dlerror());
	free(symbol);
	desc = entry();
	if (desc_check(desc, desc->name, &err) != WEIR_OK)
		fatal("%s: %s", path, err.text);
	conf_manual_module(desc, out);
}

int
main(int argc, char **argv)
{
	struct buf out = BUF_INIT;
	char line[1024];
	FILE *in;

	if (argc < 2)
		fatal("usage: gen-conf-man TEMPLATE [MODULE.so ...]");
	in = fopen(argv[1], "r");
	if (in == NULL)
		fatal("%s: can't be read", argv[1]);
	while (fgets(line, sizeof(line), in) != NULL) {
		if (strcmp(line, "@OPTIONS@\n") == 0) {
			conf_manual_core(&out);
			conf_manual_reserved(&out);
		} else if (strcmp(line, "@MODULES@\n") == 0) {
			for (int i = 2; i < argc; i++)
				gen_module(argv[i], &out);
		} else {
			buf_add_str(&out, line);
		}
	}
	fclose(in);
	if (fwrite(out.ptr, 1, out.len, stdout) != out.len ||
	    fflush(stdout) != 0)
		fatal("can't write");
	buf_fini(&out);
	return 0;
}
