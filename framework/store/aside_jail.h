/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * aside_jail - what is left to the process that reads a damaged store.
 *
 * Workers, which speak to the whole world, write the file; the master has it
 * read.  Who takes the reader over through it can make no socket, no process,
 * no code, and open nothing outside of the folder that was theirs before.
 */
#ifndef WEIR_STORE_ASIDE_JAIL_H
#define WEIR_STORE_ASIDE_JAIL_H

#include "base/err.h"

/* From now on only what LMDB does, and only below this folder (where the kernel
   has Landlock): everything else fails with EPERM or EACCES. One thread. */
int aside_jail(const char *folder, struct err *err);

#endif
