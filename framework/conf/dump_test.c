/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dump_test - a configuration as text and as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <string.h>

#include "conf/dump.h"
#include "conf/test_load.h"
#include "conf/test_modules.h"

/* test_dump - text that loads again to the same; secrets stay out */
static void
test_dump(void **state)
{
	struct conf *conf = load_good(full_text), *again;
	struct buf one = BUF_INIT, two = BUF_INIT, out = BUF_INIT;
	json_t *j;
	const char *s;

	(void)state;
	conf_dump(conf, false, false, &one);
	again = load_good(one.ptr);
	full_check(again);
	conf_dump(again, false, false, &two);
	/* the secret is gone, but not its line */
	assert_non_null(strstr(one.ptr, "\t# password is secret\n"));
	assert_non_null(strstr(one.ptr, "\t# budget is not set\n"));
	assert_null(strstr(one.ptr, "h\\\"us"));
	assert_string_equal(one.ptr, two.ptr);
	conf_destroy(&again);
	buf_clear(&one);
	conf_dump(conf, true, false, &one);
	assert_non_null(strstr(one.ptr, "workers = 2  # t.conf:1\n"));
	assert_non_null(strstr(one.ptr, "user = \"weir\"  # default\n"));
	assert_non_null(strstr(one.ptr, "\tdelay = \"1m30s\"  # t.conf:13\n"));
	assert_non_null(strstr(one.ptr, "listener \"in\" {  # t.conf:4\n"));
	assert_non_null(strstr(one.ptr, "module \"action\" {  # t.conf:28\n"));
	assert_non_null(strstr(one.ptr, "\ttimeout = \"7s\"  # default\n"));
	assert_non_null(strstr(one.ptr,
	    "\t# password is secret  # t.conf:15\n"));
	again = load_text(one.ptr, one.len, &test_conf_modules, &out);
	assert_string_equal(out.ptr, "");
	full_check(again);
	conf_destroy(&again);

	buf_clear(&one);
	conf_dump(conf, true, true, &one);
	assert_null(strstr(one.ptr, "us$h"));
	j = json_loads(one.ptr, 0, NULL);
	assert_non_null(j);
	assert_int_equal(json_integer_value(json_object_get(
	    json_object_get(j, "workers"), "value")), 2);
	s = json_string_value(json_object_get(json_object_get(json_object_get(
	    json_object_get(j, "module"), "greylist"), "delay"), "origin"));
	assert_string_equal(s, "t.conf:13");
	json_decref(j);
	buf_clear(&one);
	conf_dump(conf, false, true, &one);
	j = json_loads(one.ptr, 0, NULL);
	assert_non_null(j);
	s = json_string_value(json_object_get(json_object_get(j, "dns"),
	    "timeout"));
	assert_string_equal(s, "3s");
	assert_true(json_is_null(json_object_get(json_object_get(
	    json_object_get(j, "module"), "greylist"), "password")));
	json_decref(j);
	conf_destroy(&conf);
	buf_fini(&one);
	buf_fini(&two);
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dump),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
