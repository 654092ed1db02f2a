/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * aside - a damaged or foreign store file is set aside, never repaired.
 *
 * What the store keeps can be learnt again, so that an empty store and an
 * alarm are better than mail that waits.  The file becomes PATH.bad-DATE, and
 * its lock file goes, so that the next open starts afresh.  Workers that have
 * the old file open notice it (lmdb_is_current).
 */
#ifndef WEIR_STORE_ASIDE_H
#define WEIR_STORE_ASIDE_H

#include <sys/types.h>

#include "base/err.h"

/* Set the file aside if it still is the one with this inode, and raise the
   alarm; harmless when another process did it first. [loop] */
int aside_move(const char *path, ino_t ino, const char *why, struct err *err);
/* The alarm of this process, "" if none; it is inherited by fork. */
const char *aside_alarm(void);
/* What another process found out. [loop] */
void aside_alarm_set(const char *text);

#endif
