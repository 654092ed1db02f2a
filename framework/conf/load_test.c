/* SPDX-License-Identifier: GPL-2.0-or-later */
/* load_test - what a text without mistakes means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "conf/test_load.h"
#include "conf/test_modules.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* test_defaults - of an empty file */
static void
test_defaults(void **state)
{
	struct conf *conf = load_good("");

	(void)state;
	assert_true(conf->workers >= 1 && conf->workers <= 64);
	assert_string_equal(conf->user, "weir");
	assert_string_equal(conf->module_path, WEIR_MODULEDIR);
	assert_string_equal(conf->control, WEIR_RUNDIR "/control.sock");
	assert_string_equal(conf->explain.path, WEIR_STATEDIR "/explain.db");
	assert_true(*conf->hostname != '\0');
	assert_int_equal(conf->disagree, CONF_DISAGREE_WORST);
	assert_int_equal(conf->drain_timeout_ms, 60000);
	assert_int_equal(conf->message_timeout_ms, 45000);
	assert_int_equal(conf->call_timeout_ms, 10000);
	assert_int_equal(conf->stall_limit_ms, 10000);
	assert_int_equal(conf->crash.limit, 3);
	assert_int_equal(conf->crash.window_ms, 600000);
	assert_int_equal(conf->crash.bench_ms, 1800000);
	assert_int_equal(conf->memory.total, 512 << 20);
	assert_int_equal(conf->memory.message, 64 << 20);
	assert_int_equal(conf->memory.spool, 256 << 10);
	assert_int_equal(conf->limits.recipients, 1000);
	assert_int_equal(conf->limits.command_timeout_ms, 300000);
	assert_int_equal(conf->dns.n_servers, 0);
	assert_int_equal(conf->dns.timeout_ms, 3000);
	assert_string_equal(conf->dns.zone, "");
	assert_int_equal(conf->log.level, WEIR_LOG_INFO);
	assert_int_equal(conf->log.target, CONF_LOG_STDERR);
	assert_true(conf->explain.enabled);
	assert_int_equal(conf->metrics.kind, CONF_ADDRESS_NONE);
	assert_int_equal(conf->store_size, 1 << 30);
	assert_int_equal(conf->n_listeners + conf->n_networks +
	    conf->n_modules, 0);
	assert_null(conf_network(conf, "internal"));
	conf_destroy(&conf);
	assert_null(conf);
	conf_destroy(&conf);
}

/* test_full - a file with everything */
static void
test_full(void **state)
{
	struct conf *conf = load_good(full_text);
	char cwd[512], *path;

	(void)state;
	full_check(conf);
	/* not shown, not expanded, not lost */
	assert_string_equal(conf_str(conf->modules[0].conf, GREY_PASSWORD).ptr,
	    "h\"us$h ${HOME}");
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	path = xasprintf("%s/mods/g.so", cwd);
	assert_string_equal(conf->modules[0].path, path);
	free(path);
	conf_destroy(&conf);
	conf = load_good("module \"plain\" { path = \"x/y.so\" }");
	assert_string_equal(test_module_path, conf->modules[0].path);
	conf_destroy(&conf);
}

/* test_master - the form without modules asks nobody and skips their text */
static void
test_master(void **state)
{
	struct buf out = BUF_INIT;
	struct conf *conf;
	const char *text = "module \"unheard-of\" { a = {1} b \"c\" { d = 2 } }\n"
	    "action { whatever = 3 }\nscores { X = y }\nworkers = 5\n";

	(void)state;
	conf = load_text(text, strlen(text), NULL, &out);
	assert_string_equal(out.ptr, "");
	assert_int_equal(conf->n_modules, 0);
	assert_int_equal(conf->workers, 5);
	conf_destroy(&conf);
	conf = load_text(full_text, strlen(full_text), NULL, &out);
	assert_int_equal(conf->n_listeners, 2);
	conf_destroy(&conf);
	buf_fini(&out);
}

/* test_warning - it loads, but says so */
static void
test_warning(void **state)
{
	const char *text = "\ncall_timeout = 50s\n";
	struct buf out = BUF_INIT;
	struct conf *conf =
	    load_text(text, strlen(text), &test_conf_modules, &out);

	(void)state;
	assert_non_null(conf);
	assert_string_equal(out.ptr, "t.conf:2: warning: call_timeout is "
	    "longer than message_timeout\n");
	conf_destroy(&conf);
	buf_fini(&out);
}

/* test_lexis - spellings that mean the same */
static void
test_lexis(void **state)
{
	static const char *const same[] = {
		"user = abc", "user = \"abc\"", "user='abc'", "user=abc#x",
		"user = abc // x", "/* x */user /**/=/***/abc\n",
		"\xef\xbb\xbfuser = abc\r\n", "user\n=\nabc",
		"\"user\" = \"a\\\nbc\"",
	};
	struct conf *conf;

	(void)state;
	for (size_t i = 0; i < N(same); i++) {
		conf = load_good(same[i]);
		assert_string_equal(conf->user, "abc");
		conf_destroy(&conf);
	}
	conf = load_good("user = \"a\\n\\t\\\\\\\"\\'//#{}=\" "
			 "group = 'a\\n\\'\\\\\"' state_dir = /a//b");
	assert_string_equal(conf->user, "a\n\t\\\"'//#{}=");
	assert_string_equal(conf->group, "a\\n'\\\"");
	assert_string_equal(conf->state_dir, "/a//b");
	conf_destroy(&conf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_master),
		cmocka_unit_test(test_warning),
		cmocka_unit_test(test_lexis),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
