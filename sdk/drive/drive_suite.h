/* SPDX-License-Identifier: GPL-2.0-or-later */
/* drive_suite - run the cases of all case files and report. */
#ifndef WEIR_DRIVE_SUITE_H
#define WEIR_DRIVE_SUITE_H

#include "drive.h"

/* The exit status: 0 all passed, 1 one failed, 2 a file can't be read. */
int drive_suite(const struct drive_options *o, FILE *out);

#endif
