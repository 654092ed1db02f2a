/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ring_test - files that stay in bounds, and frames that are found again in
   whatever is left of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "replay/ring.h"

static char top[128], *folder;

/* setup - an empty folder's name */
static int
setup(void **state)
{
	(void)state;
	text_temporary(top, sizeof(top), "weir-ring");
	if (mkdtemp(top) == NULL)
		return -1;
	folder = xasprintf("%s/r", top);
	return 0;
}

/* each_file - fn for every path; how many */
static unsigned
each_file(void (*fn)(const char *path, void *arg), void *arg)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	unsigned n = 0;

	while (d != NULL && (e = readdir(d)) != NULL) {
		char *path;

		if (e->d_name[0] == '.')
			continue;
		path = xasprintf("%s/%s", folder, e->d_name);
		if (fn != NULL)
			fn(path, arg);
		free(path);
		n++;
	}
	if (d != NULL)
		closedir(d);
	return n;
}

/* remove_file - for each_file */
static void
remove_file(const char *path, void *arg)
{
	(void)arg;
	unlink(path);
}

/* add_size - for each_file */
static void
add_size(const char *path, void *arg)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	*(int64_t *)arg += st.st_size;
}

static int
teardown(void **state)
{
	(void)state;
	clock_set_wall(0);
	each_file(remove_file, NULL);
	rmdir(folder);
	rmdir(top);
	free(folder);
	return 0;
}

/* open_ring - with these bounds */
static void
open_ring(int64_t size, int64_t count, int64_t retention_ms)
{
	struct ring_config c = { .dir = folder, .size = size, .count = count,
		.retention_ms = retention_ms, .workers = 1, .worker = 3 };
	struct err err = { "" };

	if (ring_open(&c, &err) != WEIR_OK)
		fail_msg("%s", err.text);
}

/* put - n frames with times from 1000 on, each of `len` octets */
static void
put(unsigned n, size_t len)
{
	char *octets = xmalloc(len);

	for (unsigned i = 0; i < n; i++) {
		memset(octets, 'a' + (int)(i % 26), len);
		/* the queue is bounded, too: let the thread keep up */
		for (;;) {
			struct ring_stats s;

			ring_stats(&s);
			if (s.written + s.dropped + 100 > i)
				break;
			usleep(1000);
		}
		assert_true(ring_put(1000 + (int64_t)i,
		    (weir_str){ octets, len }));
	}
	free(octets);
}

/* list - what is there */
static struct ring_list
list(int64_t since)
{
	struct ring_list l;
	struct err err = { "" };

	if (ring_list(folder, since, &l, &err) != WEIR_OK)
		fail_msg("%s", err.text);
	return l;
}

static void
frames_come_back(void **state)
{
	struct ring_list l;
	struct buf out = BUF_INIT;
	struct err err;

	(void)state;
	open_ring(1 << 20, 1000, 3600000);
	put(50, 700);
	ring_close();
	l = list(0);
	assert_int_equal(l.refs.n, 50);
	assert_int_equal(l.damaged, 0);
	for (size_t i = 0; i < l.refs.n; i++) {
		assert_int_equal(l.refs.v[i].time_ms, 1000 + (int64_t)i);
		assert_int_equal(ring_get(&l, &l.refs.v[i], &out, &err), 0);
		assert_int_equal(out.len, 700);
		assert_int_equal(out.ptr[699], 'a' + (int)(i % 26));
	}
	ring_list_fini(&l);
	l = list(1040);
	assert_int_equal(l.refs.n, 10);
	/* the file goes while it is listed */
	each_file(remove_file, NULL);
	assert_int_equal(ring_get(&l, &l.refs.v[0], &out, &err),
	    WEIR_E_NOTFOUND);
	ring_list_fini(&l);
	buf_fini(&out);
}

static void
bounds_hold(void **state)
{
	int64_t size = 0;
	struct ring_list l;

	(void)state;
	open_ring(100000, 1000000, 3600000);
	put(500, 1000);
	ring_close();
	each_file(add_size, &size);
	assert_true(size <= 100000 && size > 60000);
	l = list(0);
	/* the newest are those that stay */
	assert_int_equal(l.refs.v[l.refs.n - 1].time_ms, 1499);
	ring_list_fini(&l);
	open_ring(1 << 30, 100, 3600000);
	put(400, 10);
	ring_close();
	l = list(0);
	assert_true(l.refs.n <= 200);
	ring_list_fini(&l);
	/* what is larger than a file can't be kept */
	open_ring(100000, 100, 3600000);
	assert_false(ring_put(1, (weir_str){ top, 200000 }));
	ring_close();
}

static void
old_files_go(void **state)
{
	struct ring_list l;

	(void)state;
	open_ring(1 << 20, 1000, 3600000);
	put(3, 10);
	ring_close();
	assert_int_equal(each_file(NULL, NULL), 1);
	clock_set_wall(clock_wall_ms() + 3000000);
	open_ring(1 << 20, 1000, 3600000);
	put(1, 10);
	ring_close();
	l = list(0);
	assert_int_equal(l.refs.n, 4);
	ring_list_fini(&l);
	clock_set_wall(clock_wall_ms() + 4000000);
	open_ring(1 << 20, 1000, 3600000);
	ring_close();
	assert_int_equal(each_file(NULL, NULL), 0);
}

/* whole - a file's octets */
static void
whole(const char *path, void *arg)
{
	FILE *in = fopen(path, "r");
	struct buf *out = arg;

	assert_non_null(in);
	out->len += fread(buf_reserve(out, 65536), 1, 65536, in);
	fclose(in);
}

/* count - good frames in octets */
static unsigned
count(weir_str data, uint64_t *damaged)
{
	size_t at = 0;
	weir_str content;
	int64_t time_ms;
	unsigned n = 0;

	*damaged = 0;
	while (ring_scan(data, &at, &content, &time_ms, damaged)) {
		assert_int_equal(content.len, 30);
		n++;
	}
	assert_int_equal(at, data.len);
	return n;
}

static void
damage_is_passed_over(void **state)
{
	struct buf data = BUF_INIT;
	const unsigned frame = RING_HEAD + 30;
	uint64_t damaged;

	(void)state;
	open_ring(1 << 20, 1000, 3600000);
	put(5, 30);
	ring_close();
	each_file(whole, &data);
	assert_int_equal(data.len, 5 * frame);
	assert_int_equal(count(buf_str(&data), &damaged), 5);
	/* cut anywhere: all whole frames before it */
	for (size_t n = 0; n < data.len; n++) {
		assert_int_equal(count((weir_str){ data.ptr, n }, &damaged),
		    n / frame);
		assert_int_equal(damaged, n % frame);
	}
	/* an octet changed anywhere: one frame less, the others are found */
	for (size_t n = 0; n < data.len; n++) {
		data.ptr[n] ^= 0x41;
		assert_int_equal(count(buf_str(&data), &damaged), 4);
		data.ptr[n] ^= 0x41;
	}
	buf_fini(&data);
}

static void
a_deleted_file_is_begun_anew(void **state)
{
	struct ring_list l;
	struct ring_stats s;

	(void)state;
	open_ring(1 << 20, 1000, 3600000);
	put(3, 10);
	do {
		usleep(1000);
		ring_stats(&s);
	} while (s.written < 3);
	each_file(remove_file, NULL);
	put(2, 10);
	ring_close();
	l = list(0);
	assert_int_equal(l.refs.n, 2);
	ring_list_fini(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(frames_come_back, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(bounds_hold, setup, teardown),
		cmocka_unit_test_setup_teardown(old_files_go, setup, teardown),
		cmocka_unit_test_setup_teardown(damage_is_passed_over, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(a_deleted_file_is_begun_anew,
		    setup, teardown)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
