/* SPDX-License-Identifier: GPL-2.0-or-later */
/* drive_suite_out - results as text, TAP, JUnit XML or JSON lines. */
#ifndef WEIR_DRIVE_SUITE_OUT_H
#define WEIR_DRIVE_SUITE_OUT_H

#include "drive.h"
#include "drive_case.h"

struct suite_result {
	const char *file;
	const struct drive_case *c;
	json_t *json;	 /* as drive_play gives it */
	struct buf said; /* on its standard error */
	uint64_t seed;	 /* 0: none mattered */
	unsigned rounds;
	uint64_t ns;
};

struct suite_out {
	const struct drive_options *o;
	FILE *file;
	struct buf junit;
	unsigned cases, failed;
	uint64_t ns;
};

size_t suite_failures(const struct suite_result *r);
void suite_out_begin(struct suite_out *out, const struct drive_options *o,
    FILE *file);
void suite_out_case(struct suite_out *out, const struct suite_result *r);
/* The exit status. */
int suite_out_end(struct suite_out *out);

#endif
