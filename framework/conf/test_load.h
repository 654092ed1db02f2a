/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_load - texts and files that become configurations, for unit tests.
 *
 * Reports come as text, which is appended to out and never NULL.
 */
#ifndef WEIR_CONF_TEST_LOAD_H
#define WEIR_CONF_TEST_LOAD_H

#include "base/buf.h"
#include "conf/load.h"

/* The folder of the test program; main() hands these to cmocka.  Only what
   the tests of conf/ write there is removed. */
extern char folder[128];
int folder_setup(void **state);
int folder_teardown(void **state);
/* A file in it; its path is the caller's. */
char *file_write(const char *name, const char *text);

struct conf *load_snapshot(struct conf_snapshot *snap,
    const struct conf_modules *mods, struct conf_report *report,
    struct buf *out);
struct conf *load_text(const char *text, size_t len,
    const struct conf_modules *mods, struct buf *out);
struct conf *load_file(const char *path, struct buf *out);
/* A text that must be without any fault. */
struct conf *load_good(const char *text);

/* A text with everything, and that a configuration holds all it says. */
extern const char full_text[];
void full_check(const struct conf *conf);

#endif
