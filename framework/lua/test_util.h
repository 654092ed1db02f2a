/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_util - rules in a fake host, for unit tests. */
#ifndef WEIR_LUA_TEST_UTIL_H
#define WEIR_LUA_TEST_UTIL_H

#include "lib/fakehost.h"

/* The module with one file "10-test.lua" of this text; more: options. */
struct fakehost *test_rules(const char *text, const char *more);
/* A file of this test, its path is borrowed until the next call. */
const char *test_file(const char *name, const char *text);
void test_end(void); /* removes the folder */

#endif
