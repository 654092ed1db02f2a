/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir/option.h - the options of a module, as rows.
 *
 * The host reads the file, checks types and bounds, names the line of every
 * mistake, prints the effective values and writes the manual: all from these
 * rows.  A module only reads values, by row number.
 */
#ifndef WEIR_OPTION_H
#define WEIR_OPTION_H

#include <weir/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum weir_opt_type {
	WEIR_OPT_BOOL = 1,	/* yes | no, true | false, on | off */
	WEIR_OPT_INT = 2,	/* decimal, 64 bits, signed */
	WEIR_OPT_REAL = 3,	/* decimal, with a point or without */
	WEIR_OPT_DURATION = 4,	/* "500ms" "5m" "1h30m" "2d"; milliseconds */
	WEIR_OPT_SIZE = 5,	/* "64k" "10M" "1G" (powers of 1024); octets */
	WEIR_OPT_STRING = 6,	/* UTF-8 */
	WEIR_OPT_ENUM = 7,	/* one of choices */
	WEIR_OPT_LIST = 8,	/* {"a", "b"} */
	WEIR_OPT_PATH = 9,	/* absolute; helpers may read it */
	WEIR_OPT_NETLIST = 10,	/* {"10.0.0.0/8", "::1"}; see conf_net */
	WEIR_OPT_SECTION = 11	/* name "title" { rows }; may be repeated */
};

#define WEIR_OPT_REQUIRED (1u << 0) /* no default: must stand in the file */
#define WEIR_OPT_SECRET (1u << 1)   /* never logged, dumped or explained */

/* One row.  Constant, lives as long as the module.  An array of them ends with
   name NULL; its stride is stride_option of struct weir_module, in sections,
   too. */
struct weir_option {
	const char *name;    /* lower case, digits, _ */
	uint32_t type;	     /* enum weir_opt_type */
	uint32_t flags;	     /* WEIR_OPT_* */
	const char *fallback; /* default in file syntax; a list's items are
				 split at commas; NULL: empty */
	const char *lo, *hi; /* bounds in file syntax, or NULL */
	const char *choices; /* "a|b|c" for WEIR_OPT_ENUM */
	const char *help;    /* one sentence: the manual's text */
	const struct weir_option *rows; /* WEIR_OPT_SECTION: its own rows,
					   without further sections */
	/* ---- end of ABI 1.0 ---- */
};

#ifdef __cplusplus
}
#endif
#endif
