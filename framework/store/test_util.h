/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_util - a folder, a loop, a pool and a store for the store's tests. */
#ifndef WEIR_STORE_TEST_UTIL_H
#define WEIR_STORE_TEST_UTIL_H

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/text.h"
#include "loop/loop.h"
#include "store/store.h"
#include "work/pool.h"

#define S(literal) ((weir_str){ (literal), sizeof(literal) - 1 })
#define HOUR 3600000

static char dir[128], path[160];

/* What a callback left behind. */
struct seen {
	int calls, status, turn; /* turn: the how-manieth callback it was */
	char value[256];
};

static int turns;

static void
note(int status, weir_str value, void *arg)
{
	struct seen *s = arg;

	s->calls++;
	s->status = status;
	s->turn = ++turns;
	assert_true(value.len == 0 || value.ptr[value.len] == '\0');
	snprintf(s->value, sizeof(s->value), "%.*s", (int)value.len,
	    value.len > 0 ? value.ptr : "");
}

/* wait_for - turn the loop until the callback ran */
static void __attribute__((unused))
wait_for(const struct seen *s)
{
	while (s->calls == 0)
		loop_once(true);
	assert_int_equal(s->calls, 1);
}

static void
open_store(size_t map_size, bool memory)
{
	struct store_config config = { .path = memory ? NULL : path,
		.map_size = map_size, .memory = memory };
	struct err err = { "" };

	if (store_init(&config, &err) != WEIR_OK)
		fail_msg("%s", err.text);
}

static int __attribute__((unused))
put(const char *key, const char *value)
{
	struct seen s = { 0 };

	assert_int_equal(store_put("test", (weir_str){ key, strlen(key) },
	    (weir_str){ value, strlen(value) }, HOUR, note, &s, NULL), 0);
	assert_int_equal(s.calls, 0);
	wait_for(&s);
	return s.status;
}

/* get - "" and the status in errno's place when it fails */
static const char *__attribute__((unused))
get(const char *key)
{
	static struct seen s;

	memset(&s, 0, sizeof(s));
	assert_int_equal(store_get("test", (weir_str){ key, strlen(key) },
	    note, &s, NULL), 0);
	assert_int_equal(s.calls, 0);
	wait_for(&s);
	return s.status == WEIR_OK ? s.value : status_name(s.status);
}

static void
make_dir(void)
{
	text_temporary(dir, sizeof(dir), "weir-store");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/store.mdb", dir);
}

/* files - how many names in the folder hold the word */
static int __attribute__((unused))
files(const char *word)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int n = 0;

	while ((e = readdir(d)) != NULL)
		n += strstr(e->d_name, word) != NULL;
	closedir(d);
	return n;
}

static void
remove_dir(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	rmdir(dir);
}

static void
start_process(void)
{
	struct err err;

	turns = 0;
	loop_init();
	assert_int_equal(work_init(2, 1000, &err), WEIR_OK);
}

static void
stop_process(void)
{
	store_fini();
	work_fini();
	loop_fini(false);
	clock_set_wall(0);
}

#endif
