/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * drive_play - run one case in this process.
 *
 * Modules are loaded once in a process: a case gets one of its own
 * (drive_suite).
 */
#ifndef WEIR_DRIVE_PLAY_H
#define WEIR_DRIVE_PLAY_H

#include "drive.h"
#include "drive_case.h"

/* Play it.  The result is an object: "failures" (texts "LINE: ..."), "mails"
   (records), "passes", "steps" and "heap_growth" of the odd modes, "log". */
json_t *drive_play(const struct drive_options *o, const char *file,
    const struct drive_case *c);

#endif
