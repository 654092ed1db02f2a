/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snapshot_test - files and what they include, read once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "conf/test_load.h"
#include "conf/test_modules.h"

/* test_include - relative paths, lines of the right file, limits */
static void
test_include(void **state)
{
	struct buf out = BUF_INIT, want = BUF_INIT;
	char *path, *sub = xasprintf("%s/sub", folder);
	struct conf *conf;

	(void)state;
	assert_int_equal(mkdir(sub, 0700), 0);
	free(file_write("sub/a.conf", "# one\ninclude(\"b.conf\")\nuser = u\n"));
	free(file_write("sub/b.conf", "\ngroup = g\ndns { zone = 'my.zone' }"));
	path = file_write("main.conf", "workers = 2\ninclude('sub/a.conf')\n"
	    "listener l {\n include(\"sub/l.conf\") }\n");
	free(file_write("sub/l.conf", "protocol = milter\naddress = x\n"));
	conf = load_file(path, &out);
	assert_null(conf);
	buf_printf(&want, "%s/sub/l.conf:2: error: address: \"x\" is no address:"
	    " it begins with unix:, inet:, inet6: or systemd:\n", folder);
	assert_string_equal(out.ptr, want.ptr);
	buf_clear(&out);
	buf_clear(&want);
	free(file_write("sub/l.conf", "protocol = milter\naddress = unix:/x\n"));
	conf = load_file(path, &out);
	assert_string_equal(out.ptr, "");
	assert_string_equal(conf->user, "u");
	assert_string_equal(conf->group, "g");
	buf_printf(&want, "%s/my.zone", sub);
	assert_string_equal(conf->dns.zone, want.ptr);
	conf_destroy(&conf);

	/* braces must match within each file */
	free(file_write("sub/l.conf", "protocol = milter }\n"));
	assert_null(load_file(path, &out));
	buf_clear(&want);
	buf_printf(&want, "%s/sub/l.conf:1: error: } closes nothing\n", folder);
	assert_string_equal(out.ptr, want.ptr);

	/* itself, for ever */
	free(path);
	path = file_write("loop.conf", "include(\"loop.conf\")");
	buf_clear(&out);
	buf_clear(&want);
	assert_null(load_file(path, &out));
	buf_printf(&want, "%s/loop.conf:1: error: can't include loop.conf: "
	    "more than 10 includes inside each other\n", folder);
	assert_string_equal(out.ptr, want.ptr);

	/* what isn't there, what isn't a file */
	free(path);
	path = file_write("gone.conf", "\ninclude(\"no.conf\")");
	buf_clear(&out);
	buf_clear(&want);
	assert_null(load_file(path, &out));
	buf_printf(&want, "%s/gone.conf:2: error: can't include %s/no.conf: "
	    "No such file or directory\n", folder, folder);
	assert_string_equal(out.ptr, want.ptr);
	buf_clear(&out);
	assert_null(load_file("/dev/zero", &out));
	assert_string_equal(out.ptr,
	    "/dev/zero: error: not a regular file\n");
	buf_clear(&out);
	assert_null(load_file("/dev/null/weir.conf", &out));
	assert_string_equal(out.ptr, "/dev/null/weir.conf: error: Not a "
	    "directory\n");
	free(path);
	free(sub);
	buf_fini(&out);
	buf_fini(&want);
}

/* test_limits - files too many, too large, words too many */
static void
test_limits(void **state)
{
	struct buf text = BUF_INIT, out = BUF_INIT;
	char *path;

	(void)state;
	for (int i = 0; i < CONF_FILES_MAX; i++)
		buf_add_str(&text, "include(\"empty.conf\")\n");
	free(file_write("empty.conf", ""));
	path = file_write("many.conf", text.ptr);
	assert_null(load_file(path, &out));
	assert_non_null(strstr(out.ptr,
	    "many.conf:100: error: can't include empty.conf: more than 100 "
	    "files in all\n"));
	free(path);
	buf_clear(&text);
	buf_clear(&out);
	while (text.len <= CONF_FILE_MAX)
		buf_add_str(&text, "# padding\n");
	path = file_write("large.conf", text.ptr);
	assert_null(load_file(path, &out));
	assert_non_null(strstr(out.ptr, "larger than 1048576 octets"));
	free(path);
	buf_clear(&text);
	buf_clear(&out);
	buf_add_str(&text, "module \"rbl\" { delay = {");
	while (text.len < CONF_FILE_MAX - 8)
		buf_add_str(&text, "a,");
	buf_add_str(&text, "} }");
	assert_null(load_text(text.ptr, text.len, &test_conf_modules, &out));
	assert_non_null(strstr(out.ptr, "more than 500000 words in all"));
	buf_clear(&text);
	buf_clear(&out);
	for (int i = 0; i < 5000; i++)
		buf_printf(&text, "networks \"n%d\" {}\n", i);
	assert_null(load_text(text.ptr, text.len, &test_conf_modules, &out));
	assert_non_null(strstr(out.ptr, "t.conf:4001: error: more than 4000 "
	    "sections\n"));
	buf_fini(&text);
	buf_fini(&out);
}

/* test_snapshot - later edits don't reach it, not even in a child */
static void
test_snapshot(void **state)
{
	struct conf_report report = CONF_REPORT_INIT;
	char *path = file_write("snap.conf", "include(\"part.conf\")\n");
	char *part = file_write("part.conf", "workers = 4\n");
	struct conf_snapshot *snap = conf_snapshot_take(path, &report);
	struct buf out = BUF_INIT;
	struct conf *conf;
	int status;
	pid_t pid;

	(void)state;
	assert_non_null(snap);
	free(file_write("part.conf", "workers = 5\nnonsense = 1\n"));
	assert_int_equal(unlink(path), 0);
	for (int i = 0; i < 2; i++) {
		conf = load_snapshot(snap, &test_conf_modules, &report, &out);
		assert_string_equal(out.ptr, "");
		assert_int_equal(conf->workers, 4);
		conf_destroy(&conf);
	}
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (conf_load(snap, &test_conf_modules, &conf, &report) != 0 ||
		    conf->workers != 4)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	conf_snapshot_release(&snap);
	assert_null(snap);
	conf_report_fini(&report);
	buf_fini(&out);
	free(path);
	free(part);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_include),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_snapshot),
	};

	return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
