/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * helper_exec - the files of a helper that is a program of its own.
 *
 * Which ones the kernel opens to execute it: the program, what its first line
 * names after "#!", and the loader that an ELF file names.  Nothing else may
 * a program's helper execute, so that all of them must be known beforehand.
 */
#ifndef WEIR_WORK_HELPER_EXEC_H
#define WEIR_WORK_HELPER_EXEC_H

#include "base/err.h"

#define HELPER_EXEC_PATH 4096

struct helper_exec {
	char program[HELPER_EXEC_PATH];	    /* as named, absolute */
	char interpreter[HELPER_EXEC_PATH]; /* "": it is ELF itself */
	char loader[HELPER_EXEC_PATH];	    /* "": statically linked */
};

/* Look at the program that a module names: `path` is absolute or relative to
   the folder of the module's file, `module`.  Program and folder must belong
   to root or to whoever the module's file belongs to, and nobody else may
   write to them; anything else is an error that says what to do. [any] */
int helper_exec_find(const char *path, const char *module,
    struct helper_exec *out, struct err *err);

#endif
