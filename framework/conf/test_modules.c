/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/test_modules.h"

#include <stdio.h>
#include <string.h>

static const struct weir_option grey_rows[] = {
	{ .name = "delay", .type = WEIR_OPT_DURATION, .fallback = "3m",
	    .lo = "1s", .hi = "1d", .help = "Wait." },
	{ .name = "exclude", .type = WEIR_OPT_NETLIST,
	    .fallback = "127.0.0.0/8, ::1", .help = "Not these." },
	{ .name = "password", .type = WEIR_OPT_STRING,
	    .flags = WEIR_OPT_SECRET, .help = "Hush." },
	{ .name = "mode", .type = WEIR_OPT_ENUM, .fallback = "strict",
	    .choices = "strict|relaxed", .help = "How." },
	{ .name = "learn", .type = WEIR_OPT_BOOL, .fallback = "on",
	    .help = "Learn." },
	{ .name = "greeting", .type = WEIR_OPT_STRING, .fallback = "a, \"b\"",
	    .help = "Say." },
	{ .name = "budget", .type = WEIR_OPT_INT, .lo = "1",
	    .help = "No default." },
	{ .name = NULL }
};

static const struct weir_symbol grey_symbols[] = {
	{ "GREY_DEFERRED", "Deferred.", 0.5 },
	{ "GREY_KNOWN", "Known.", -1 },
	{ NULL, NULL, 0 }
};

static const struct weir_option zone_rows[] = {
	{ .name = "codes", .type = WEIR_OPT_LIST, .fallback = "127.0.0.2",
	    .help = "Answers." },
	{ .name = "score", .type = WEIR_OPT_REAL, .flags = WEIR_OPT_REQUIRED,
	    .lo = "-100", .hi = "100", .help = "Weight." },
	{ .name = "file", .type = WEIR_OPT_PATH, .help = "A file." },
	{ .name = NULL }
};

/* delay: another type than greylist's */
static const struct weir_option lists_rows[] = {
	{ .name = "delay", .type = WEIR_OPT_LIST, .help = "A list." },
	{ .name = "zone", .type = WEIR_OPT_SECTION, .rows = zone_rows,
	    .help = "One list." },
	{ .name = "size", .type = WEIR_OPT_SIZE, .fallback = "64k",
	    .help = "Size." },
	{ .name = NULL }
};

static const struct weir_symbol lists_symbols[] = {
	{ "RBL_LISTED", "Listed.", 4 },
	{ NULL, NULL, 0 }
};

static const struct weir_option marks_rows[] = {
	{ .name = "reject", .type = WEIR_OPT_REAL, .fallback = "15",
	    .help = "Reject." },
	{ .name = "add_header", .type = WEIR_OPT_REAL, .fallback = "5",
	    .help = "Mark." },
	{ .name = NULL }
};

static const struct weir_option clash_rows[] = {
	{ .name = "timeout", .type = WEIR_OPT_INT, .help = "The host's." },
	{ .name = NULL }
};

static const struct weir_option broken_rows[] = {
	{ .name = "size", .type = WEIR_OPT_SIZE, .fallback = "many",
	    .help = "Wrong default." },
	{ .name = NULL }
};

static const struct weir_symbol twin_symbols[] = {
	{ "RBL_LISTED", "Also.", 1 },
	{ NULL, NULL, 0 }
};

static const struct weir_module test_modules[] = {
	{ WEIR_MODULE_HEAD, .id = "test.greylist", .name = "greylist",
	    .summary = "Test.", .options = grey_rows,
	    .symbols = grey_symbols,
	    .on_failure = WEIR_ON_FAILURE_PASS },
	{ WEIR_MODULE_HEAD, .id = "test.rbl", .name = "rbl",
	    .summary = "Test.", .options = lists_rows,
	    .symbols = lists_symbols },
	{ WEIR_MODULE_HEAD, .id = "test.action", .name = "action",
	    .summary = "Test.", .options = marks_rows },
	{ WEIR_MODULE_HEAD, .id = "test.plain", .name = "plain",
	    .summary = "Test." },
	{ WEIR_MODULE_HEAD, .id = "test.clash", .name = "clash",
	    .summary = "Test.", .options = clash_rows },
	{ WEIR_MODULE_HEAD, .id = "test.broken", .name = "broken",
	    .summary = "Test.", .options = broken_rows },
	{ WEIR_MODULE_HEAD, .id = "test.twin", .name = "twin",
	    .summary = "Test.", .symbols = twin_symbols },
};

static const char *const test_module_names[] = { "greylist", "rbl", "action",
	"plain", NULL };

char test_module_path[256];

/* test_describe - the descriptor with this name */
static const struct weir_module *
test_describe(void *arg, const char *name, const char *path, struct err *err)
{
	(void)arg;
	test_module_path[0] = '\0';
	if (path != NULL)
		snprintf(test_module_path, sizeof(test_module_path), "%s",
		    path);
	for (size_t i = 0; i < sizeof(test_modules) / sizeof(test_modules[0]);
	     i++) {
		if (strcmp(test_modules[i].name, name) == 0)
			return &test_modules[i];
	}
	err_set(err, WEIR_E_NOTFOUND, "there is no such module");
	return NULL;
}

const struct conf_modules test_conf_modules = { test_describe, NULL,
	test_module_names };
