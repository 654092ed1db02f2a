/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load - open a module's file and find its descriptor, through libltdl.
 *
 * Only absolute paths in one directory (or one named in the file), never a
 * search path; RTLD_NOW and RTLD_LOCAL; never unloaded.  The file and its
 * directory must belong to root or to us and be writable by nobody else.
 * Not thread-safe, as libltdl is not: [main].
 */
#ifndef WEIR_HOST_LOAD_H
#define WEIR_HOST_LOAD_H

#include <weir/module.h>

#include "base/err.h"

/* A file that somebody else named, as root's commands may follow it: the path
   without symbolic links, if nobody but root and us can change it or put
   another in its place, in any folder up to the root; NULL if somebody can.
   To be freed. */
char *load_resolved(const char *path, struct err *err);
/* dir: where modules are when no path is given */
void load_init(const char *dir);
/* The accepted descriptor of module `name` (path NULL or "": DIR/mod_NAME.so);
   a second call answers the same one.  Built-in modules (lua/mod_rules) have
   no file: path is then their own business.  Lives until the process ends. */
const struct weir_module *load_module(const char *name, const char *path,
    struct err *err);
/* The symbol that a module's file must export, by its name without folder:
   "mod_a-b.so" gives "mod_a_b_LTX_weir_entry", as in libltdl.  To be freed. */
char *load_symbol(const char *file);
const char *load_path(const char *name); /* of a loaded one, or NULL */

#endif
