/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gen-lua-man - write weir-lua(3).
 *
 *	gen-lua-man TEMPLATE > weir-lua.3
 *
 * Copies the template; a line @BINDINGS@ becomes what rules can call, from the
 * tables that it is called through.  A build tool, not installed.
 */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "lua/manual.h"

int
main(int argc, char **argv)
{
	struct buf out = BUF_INIT;
	char line[1024];
	FILE *in;

	if (argc != 2)
		fatal("usage: gen-lua-man TEMPLATE");
	in = fopen(argv[1], "r");
	if (in == NULL)
		fatal("%s: can't be read", argv[1]);
	while (fgets(line, sizeof(line), in) != NULL) {
		if (strcmp(line, "@BINDINGS@\n") == 0)
			lua_manual(&out);
		else
			buf_add_str(&out, line);
	}
	fclose(in);
	if (fwrite(out.ptr, 1, out.len, stdout) != out.len ||
	    fflush(stdout) != 0)
		fatal("can't write");
	buf_fini(&out);
	return 0;
}
