/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_util - rules in a fake host, for unit tests. */
#ifndef WEIR_LUA_TEST_UTIL_H
#define WEIR_LUA_TEST_UTIL_H

#include "lib/fakehost.h"

/* The module with one file "10-test.lua" of this text; more: options. */
struct fakehost *test_rules(const char *text, const char *more);
/* A file of this test, its path is borrowed until the next call. */
const char *test_file(const char *name, const char *text);
/* Removes the folder; a teardown for cmocka. */
int test_end(void **state);

/* Rules that must load; 10.0.0.0/8 is the network "internal". */
struct fakehost *test_start(const char *text, const char *more);
/* The module does not start, and says why. */
void test_refused(const char *text, const char *why);
/* A session from 192.0.2.7 up to a recipient u@example.org: its index. */
uint32_t test_mail(struct fakehost *f);
/* The decide and act phases of eom. */
void test_eom(struct fakehost *f);

#endif
