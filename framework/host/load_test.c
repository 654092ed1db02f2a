/* SPDX-License-Identifier: GPL-2.0-or-later */
/* load_test - files that may not, or can't, be loaded, and one that can. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/text.h"
#include "host/load.h"

static char dir[128];

/* path_of - a file in the test's directory; overwritten by the next call */
static const char *
path_of(const char *name)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

/* copy - one of the modules that were built for tests, under a name */
static void
copy(const char *module, const char *name)
{
	char from[300], block[65536];
	const char *build = getenv("WEIR_BUILD");
	size_t n;
	FILE *in, *out;

	snprintf(from, sizeof(from), "%s/tests/abi/.libs/%s.so",
	    build != NULL ? build : ".", module);
	in = fopen(from, "rb");
	if (in == NULL) {
		print_message("%s is not built\n", from);
		skip();
	}
	out = fopen(path_of(name), "wb");
	assert_non_null(out);
	while ((n = fread(block, 1, sizeof(block), in)) > 0)
		assert_int_equal(fwrite(block, 1, n, out), n);
	fclose(in);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(chmod(path_of(name), 0755), 0);
}

/* refused - loading fails and the reason holds the text */
static void
refused(const char *name, const char *path, const char *text)
{
	struct err err = { "" };

	assert_null(load_module(name, path, &err));
	if (strstr(err.text, text) == NULL ||
	    strstr(err.text, name) == NULL)
		fail_msg("\"%s\" without \"%s\"", err.text, text);
	assert_null(load_path(name));
}

static int
setup(void **state)
{
	(void)state;
	text_temporary(dir, sizeof(dir), "weir-load");
	if (mkdtemp(dir) == NULL)
		return -1;
	load_init(dir);
	return 0;
}

static int
teardown(void **state)
{
	static const char *const names[] = { "mod_probe.so", "mod_mute.so",
		"mod_two-words.so",
		"mod_dangling.so", "mod_other.so", "mod_text.so",
		"mod_open.so", "mod_alien.so", "mod_link.so",
		"open/mod_link.so", "open", "mod_dir.so" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		remove(path_of(names[i]));
	return rmdir(dir);
}

static void
test_missing(void **state)
{
	(void)state;
	refused("absent", NULL, "No such file");
	refused("absent", "/dev/null/dir/mod_absent.so", "Not a directory");
	refused("absent", "mod_absent.so", "not an absolute path");
	refused("absent", "./mod_absent.so", "not an absolute path");
	assert_int_equal(mkdir(path_of("mod_dir.so"), 0755), 0);
	refused("dir", NULL, "not a file");
}

static void
test_owner(void **state)
{
	(void)state;
	copy("mod_probe", "mod_open.so");
	assert_int_equal(chmod(path_of("mod_open.so"), 0775), 0);
	refused("open", NULL, "is writable by others: chmod go-w");
	assert_int_equal(chmod(path_of("mod_open.so"), 0757), 0);
	refused("open", NULL, "is writable by others");
	/* the directory it lies in */
	assert_int_equal(chmod(path_of("mod_open.so"), 0755), 0);
	assert_int_equal(chmod(dir, 0777), 0);
	refused("open", NULL, "is writable by others");
	assert_int_equal(chmod(dir, 0755), 0);
	/* the directory that a link leads to */
	assert_int_equal(mkdir(path_of("open"), 0755), 0);
	copy("mod_probe", "open/mod_link.so");
	assert_int_equal(chmod(path_of("open"), 0777), 0);
	assert_int_equal(symlink("open/mod_link.so", path_of("mod_link.so")),
	    0);
	refused("link", NULL, "open is writable by others");
	if (geteuid() != 0)
		return;
	copy("mod_probe", "mod_alien.so");
	assert_int_equal(chown(path_of("mod_alien.so"), 65534, 65534), 0);
	refused("alien", NULL, "belongs to user 65534: it must belong to root");
	assert_int_equal(chown(path_of("mod_alien.so"), 0, 0), 0);
	assert_int_equal(chown(dir, 65534, 65534), 0);
	refused("alien", NULL, "belongs to user 65534");
	assert_int_equal(chown(dir, 0, 0), 0);
}

/* named - what becomes of a file that somebody else names */
static void
named(const char *name, const char *text)
{
	struct err err = { "" };
	char *real = load_resolved(path_of(name), &err);

	if (text == NULL && real == NULL)
		fail_msg("%s", err.text);
	if (text != NULL && (real != NULL || strstr(err.text, text) == NULL))
		fail_msg("\"%s\" without \"%s\"", err.text, text);
	/* a link may be exchanged: the answer has none */
	if (real != NULL && strstr(real, "link") != NULL)
		fail_msg("%s", real);
	free(real);
}

/* A file that a process without rights names: nobody may get at any folder on
   the way, and links are taken out. */
static void
test_resolved(void **state)
{
	struct err err = { "" };
	FILE *f;

	(void)state;
	assert_int_equal(mkdir(path_of("a"), 0755), 0);
	assert_int_equal(mkdir(path_of("a/b"), 0755), 0);
	f = fopen(path_of("a/b/conf"), "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(chmod(path_of("a/b/conf"), 0644), 0);
	assert_int_equal(symlink("a/b", path_of("link")), 0);
	named("a/b/conf", NULL);
	named("link/conf", NULL);
	named("link", "not a file");
	named("a/none", "No such file");
	assert_null(load_resolved("a/b/conf", &err));
	assert_null(load_resolved("", &err));
	assert_int_equal(chmod(path_of("a/b/conf"), 0664), 0);
	named("link/conf", "writable by others");
	assert_int_equal(chmod(path_of("a/b/conf"), 0644), 0);
	assert_int_equal(chmod(path_of("a"), 0775), 0);
	named("link/conf", "writable by others");
	assert_int_equal(chmod(path_of("a"), 0755), 0);
	if (geteuid() == 0) {
		/* root's folder in somebody's, who can put another there */
		assert_int_equal(chown(path_of("a"), 65534, 65534), 0);
		named("link/conf", "belongs to user 65534");
		assert_int_equal(chown(path_of("a"), 0, 0), 0);
	}
	remove(path_of("a/b/conf"));
	remove(path_of("a/b"));
	remove(path_of("a"));
	remove(path_of("link"));
}

static void
test_content(void **state)
{
	FILE *f;

	(void)state;
	copy("mod_mute", "mod_mute.so");
	refused("mute", NULL, "does not export mod_mute_LTX_weir_entry");
	/* no C name has a hyphen */
	copy("mod_mute", "mod_two-words.so");
	refused("two-words", NULL, "does not export mod_two_words_LTX_weir_entry");
	copy("mod_dangling", "mod_dangling.so");
	refused("dangling", NULL, "nobody_has_this_function");
	f = fopen(path_of("mod_text.so"), "w");
	assert_non_null(f);
	fputs("this is no library\n", f);
	fclose(f);
	assert_int_equal(chmod(path_of("mod_text.so"), 0644), 0);
	refused("text", NULL, "can't be loaded");
	/* a module under another one's name */
	copy("mod_probe", "mod_other.so");
	refused("other", NULL, "does not export mod_other_LTX_weir_entry");
}

static void
test_good(void **state)
{
	const struct weir_module *m;
	struct err err = { "" };

	(void)state;
	copy("mod_probe", "mod_probe.so");
	refused("nearly", path_of("mod_probe.so"), "calls itself \"probe\"");
	m = load_module("probe", NULL, &err);
	if (m == NULL)
		fail_msg("%s", err.text);
	assert_string_equal(m->name, "probe");
	assert_string_equal(load_path("probe"), path_of("mod_probe.so"));
	/* the same again, whatever the path */
	assert_ptr_equal(load_module("probe", "/elsewhere.so", &err), m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_resolved),
		cmocka_unit_test(test_content),
		cmocka_unit_test(test_good),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
