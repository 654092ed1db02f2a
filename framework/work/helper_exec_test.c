/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a program of its own must look like to be a helper. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "work/helper_exec.h"

static char dir[1024], module[1100];

/* put - a file of that content and mode in the folder */
static void
put(const char *name, const char *text, size_t len, mode_t mode)
{
	char path[1200];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	close(fd);
	assert_int_equal(chmod(path, mode), 0);
}

/* expect - finding it fails and the text says why */
static void
expect(const char *path, const char *why)
{
	struct helper_exec x;
	struct err err = { "" };

	assert_true(helper_exec_find(path, module, &x, &err) < 0);
	if (strstr(err.text, why) == NULL)
		fail_msg("%s: \"%s\" does not say \"%s\"", path, err.text, why);
}

static int
setup(void **state)
{
	(void)state;
	text_temporary(dir, sizeof(dir), "weir-exec");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(module, sizeof(module), "%s/mod_x.so", dir);
	put("mod_x.so", "", 0, 0644);
	return 0;
}

static int
teardown(void **state)
{
	static const char *const names[] = { "mod_x.so", "a", "link" };
	char path[1200];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

static void
test_good(void **state)
{
	struct helper_exec x;
	struct err err = { "" };
	char path[1200], link[1200];

	(void)state;
	put("a", "#! /bin/sh -e\nexit\n", 19, 0755);
	assert_int_equal(helper_exec_find("a", module, &x, &err), 0);
	assert_string_equal(x.interpreter, "/bin/sh");
	assert_true(strstr(x.loader, "/ld") != NULL);
	snprintf(path, sizeof(path), "%s/a", dir);
	snprintf(link, sizeof(link), "%s/link", dir);
	assert_string_equal(x.program, path);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(helper_exec_find(link, module, &x, &err), 0);
	assert_int_equal(helper_exec_find("/bin/true", module, &x, &err), 0);
	assert_string_equal(x.interpreter, "");
	assert_true(strstr(x.loader, "/ld") != NULL);
}

static void
test_owner_and_mode(void **state)
{
	struct helper_exec x;
	struct err err = { "" };
	char path[1200];

	(void)state;
	put("a", "#!/bin/sh\n", 10, 0775);
	expect("a", "is writable by others: chmod go-w");
	put("a", "#!/bin/sh\n", 10, 0757);
	expect("a", "is writable by others");
	put("a", "#!/bin/sh\n", 10, 0644);
	expect("a", "can't be executed: chmod a+rx");
	put("a", "#!/bin/sh\n", 10, 0755);
	assert_int_equal(chmod(dir, 0777), 0);
	expect("a", "is writable by others");
	assert_int_equal(chmod(dir, 0755), 0);
	if (geteuid() != 0)
		return;
	snprintf(path, sizeof(path), "%s/a", dir);
	assert_int_equal(chown(path, 65534, 65534), 0);
	expect("a", "must belong to root");
	/* the module's file says whom else it may belong to */
	assert_int_equal(chown(module, 65534, 65534), 0);
	assert_int_equal(helper_exec_find("a", module, &x, &err), 0);
	assert_int_equal(chown(module, 0, 0), 0);
}

static void
test_bad_files(void **state)
{
	char text[4096];

	(void)state;
	expect("", "empty");
	expect("none", "No such file");
	expect("/dev/null", "not a file");
	expect(".", "not a file");
	put("a", "", 0, 0755);
	expect("a", "no program of this machine");
	put("a", "\177ELF", 4, 0755);
	expect("a", "no program of this machine");
	memset(text, 0, sizeof(text));
	memcpy(text, "\177ELF\001", 5);
	put("a", text, sizeof(text), 0755);
	expect("a", "no program of this machine");
	put("a", "#!/usr/bin/env sh\n", 18, 0755);
	expect("a", "name the interpreter itself");
	put("a", "#!sh\n", 5, 0755);
	expect("a", "absolute path");
	put("a", "#!\n", 3, 0755);
	expect("a", "absolute path");
	put("a", "#!/\n", 4, 0755);
	expect("a", "absolute path");
	put("a", "#!/no/such/thing\n", 17, 0755);
	expect("a", "its interpreter /no/such/thing");
	memset(text, 'x', sizeof(text));
	memcpy(text, "#!/", 3);
	put("a", text, sizeof(text), 0755);
	expect("a", "absolute path");
	memset(text, 'x', sizeof(text));
	expect("a", "absolute path");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_good, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_owner_and_mode, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_bad_files, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
