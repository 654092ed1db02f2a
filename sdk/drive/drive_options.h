/* SPDX-License-Identifier: GPL-2.0-or-later */
/* drive_options - the command line of weir-drive. */
#ifndef WEIR_DRIVE_OPTIONS_H
#define WEIR_DRIVE_OPTIONS_H

#include "drive.h"

/* 0: go on; 1: something was printed as asked, all is done; negative: the
   reason is on standard error.  Paths are listed later, from *eml_out. */
struct drive_paths {
	VEC(const char *) v;
};
int drive_options_parse(struct drive_options *o, struct drive_paths *eml_out,
    int argc, char **argv);
void drive_options_fini(struct drive_options *o);

/* "2026-01-31T12:00:00Z", with fraction and offset if there are any, or seconds
   since 1970: milliseconds since 1970 */
int drive_options_time(const char *text, int64_t *ms_out);

#endif
