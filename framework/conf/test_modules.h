/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_modules - module descriptors for the tests and the fuzzer of conf/. */
#ifndef WEIR_CONF_TEST_MODULES_H
#define WEIR_CONF_TEST_MODULES_H

#include "conf/load.h"

/* The options of greylist, of rbl, and of rbl's zones. */
enum {
	GREY_DELAY,
	GREY_EXCLUDE,
	GREY_PASSWORD,
	GREY_MODE,
	GREY_LEARN,
	GREY_GREETING,
	GREY_BUDGET
};

enum { LISTS_DELAY, LISTS_ZONE, LISTS_SIZE };

enum { ZONE_CODES, ZONE_SCORE, ZONE_FILE };

extern const struct conf_modules test_conf_modules;
/* The path that was asked for last. */
extern char test_module_path[256];

#endif
