/* SPDX-License-Identifier: GPL-2.0-or-later */
/* names_test - the set of names that readers may see (filename_set). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/pool.h"
#include "base/text.h"
#include "mail/decode.h"
#include "mail/names.h"

static const struct {
	const char *disposition, *type;
	const char *want[4]; /* all of them must be there */
	bool differ;
} cases[] = {
	{ "attachment; filename=file.zip", "", { "file.zip" }, false },
	{ "attachment; filename=\"file.zip\"", "", { "file.zip" }, false },
	{ "attachment; FileName = \"a b.zip\" ; x=y", "", { "a b.zip" },
	    false },
	{ "attachment; filename=a b.zip", "", { "a b.zip", "a" }, true },
	{ "attachment; filename=a.txt", "x/y; name=a.exe",
	    { "a.txt", "a.exe" }, true },
	{ "attachment; filename=a.txt; filename=b.exe", "",
	    { "a.txt", "b.exe" }, true },
	/* RFC 2231 */
	{ "attachment; filename*=UTF-8''na%C3%AFve.zip", "",
	    { "na\xc3\xafve.zip" }, false },
	{ "attachment; filename*=iso-8859-1'fr'na%EFve.zip", "",
	    { "na\xc3\xafve.zip" }, false },
	{ "attachment; filename*=UTF-16''f%00i%00.%00z%00i%00p%00", "",
	    { "fi.zip" }, false },
	{ "attachment; filename*=no-such''a.zip", "", { "a.zip" }, false },
	{ "attachment; filename*0=\"fi\"; filename*1=\"le.zip\"", "",
	    { "file.zip" }, false },
	{ "attachment; filename*1=le.zip; filename*0=fi", "",
	    { "file.zip", "le.zipfi" }, true },
	{ "attachment;\r\n filename*0*=UTF-8''fi%6C;\r\n filename*1=e.;\r\n"
	  " filename*2*=%7Aip",
	    "", { "file.zip" }, false },
	{ "attachment; filename*0=a.; filename*0=b.; filename*1=zip", "",
	    { "a.zip", "b.zip", "a.b.zip" }, false },
	{ "attachment; filename*0=a.txt; filename*2=.exe", "",
	    { "a.txt", "a.txt.exe" }, true },
	{ "attachment; filename=a.png; filename*0*=''a.e; filename*1*=x%65",
	    "", { "a.png", "a.exe" }, true },
	{ "attachment; filename*0=fi%6Ce; filename*1=.zip", "",
	    { "fi%6Ce.zip", "file.zip" }, false },
	{ "attachment; filename=a%2Eexe", "", { "a%2Eexe", "a.exe" }, true },
	/* RFC 2047 where it has no place */
	{ "attachment; filename=\"=?utf-8?B?ZmlsZS56aXA=?=\"", "",
	    { "file.zip" }, true },
	{ "attachment; filename==?utf-8?Q?file=2Ezip?=", "", { "file.zip" },
	    true },
	{ "attachment; filename=\"=?utf-8?Q?fi?= =?utf-8?Q?le.zip?=\"", "",
	    { "file.zip" }, true },
	{ "attachment; filename*0=\"=?utf-8?B?Zmls\"; "
	  "filename*1=\"ZS56aXA=?=\"",
	    "", { "file.zip" }, true },
	/* quotes, escapes, comments */
	{ "attachment; filename=\"file\".zip\"", "", { "file.zip" }, true },
	{ "attachment; filename=\"fi\\le.zip\"", "",
	    { "file.zip", "fi\\le.zip", "le.zip" }, false },
	{ "attachment; filename=\"file.zip", "", { "file.zip" }, false },
	{ "attachment; filename='file.zip'", "", { "file.zip" }, true },
	{ "attachment; filename=file.z(.gif)ip", "",
	    { "file.z(.gif)ip", "file.zip" }, true },
	{ "attachment; file(x)name=file.zip", "", { "file.zip" }, false },
	{ "attachment; x=\"a; filename=file.zip\"", "", { "file.zip" },
	    true },
	/* what file systems and viewers make of it */
	{ "attachment; filename=\"C:\\\\temp\\\\file.zip\"", "",
	    { "C:\\temp\\file.zip", "file.zip" }, false },
	{ "attachment; filename=\"../../file.zip\"", "",
	    { "../../file.zip", "file.zip" }, false },
	{ "attachment; filename=\"file.exe. . \"", "", { "file.exe" },
	    false },
	{ "attachment; filename*=utf-8''a.exe%00.txt", "",
	    { "a.exe", "a.exe.txt" }, true },
	{ "attachment; filename=\"a\xe2\x80\xaetxt.exe\"", "",
	    { "a\xe2\x80\xaetxt.exe", "atxt.exe" }, false },
	{ "attachment; filename=\"a.e\xe2\x80\x8bxe\"", "", { "a.exe" },
	    true },
	{ "attachment; filename=\"a.e\x01xe\"", "", { "a.exe" }, true },
	/* octets of no charset at all */
	{ "attachment; filename=na\xefve.zip", "", { "na\xc3\xafve.zip" },
	    false },
};

static bool
names_has(const struct names *n, const char *want)
{
	for (unsigned i = 0; i < n->n; i++) {
		if (text_equals(n->v[i], want))
			return true;
	}
	return false;
}

static void
names_of_all_readings(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pool *pool = pool_create(1024, 0);
		weir_str v[2] = { text_slice(cases[i].disposition),
			text_slice(cases[i].type) };
		struct names n = { .n = 0 };

		names_collect(pool, v, 2, &n);
		for (size_t k = 0; k < 4 && cases[i].want[k] != NULL; k++) {
			if (!names_has(&n, cases[i].want[k]))
				fail_msg("%s: no %s among %u names",
				    cases[i].disposition, cases[i].want[k],
				    n.n);
		}
		if (names_differ(&n) != cases[i].differ)
			fail_msg("%s: names differ: not %d",
			    cases[i].disposition, cases[i].differ);
		for (unsigned k = 0; k < n.n; k++) {
			assert_true(text_is_utf8(n.v[k]));
			assert_int_equal(n.v[k].ptr[n.v[k].len], 0);
		}
		pool_destroy(&pool);
	}
}

static void
names_none(void **state)
{
	static const char *const none[] = { "", "attachment",
		"attachment; filename", "attachment; filename=",
		"attachment; filename=\"\"", "attachment; xfilename=a.zip",
		"attachment; filename*=", "attachment; filename*0*=''" };
	struct pool *pool = pool_create(1024, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		weir_str v = text_slice(none[i]);
		struct names n = { .n = 0 };

		names_collect(pool, &v, 1, &n);
		if (n.n != 0)
			fail_msg("%s: has a name", none[i]);
	}
	pool_destroy(&pool);
}

/* A name so long that its end is cut elsewhere: head and tail are kept. */
static void
names_long_and_many_are_bounded(void **state)
{
	struct pool *pool = pool_create(1024, 0);
	struct names n = { .n = 0 };
	struct buf b = BUF_INIT;
	weir_str v;

	(void)state;
	buf_add_str(&b, "attachment; filename=\"");
	for (int i = 0; i < 2000; i++)
		buf_add_char(&b, 'a');
	buf_add_str(&b, ".exe\"");
	v = buf_str(&b);
	names_collect(pool, &v, 1, &n);
	assert_true(n.more);
	assert_true(n.n >= 2);
	assert_memory_equal(n.v[0].ptr + n.v[0].len - 4, ".exe", 4);
	for (unsigned i = 0; i < n.n; i++)
		assert_true(n.v[i].len <= NAMES_OCTETS);

	buf_clear(&b);
	buf_add_str(&b, "attachment");
	for (int i = 0; i < 3000; i++)
		buf_printf(&b, "; filename=f%d.txt", i);
	v = buf_str(&b);
	memset(&n, 0, sizeof(n));
	names_collect(pool, &v, 1, &n);
	assert_int_equal(n.n, NAMES_MAX);
	assert_true(n.more);
	assert_true(names_differ(&n));

	/* CVE-2024-39929 in the large: the extension in the last piece */
	buf_clear(&b);
	buf_add_str(&b, "attachment");
	for (int i = 0; i < 200; i++)
		buf_printf(&b, ";\r\n filename*%d=\"%s\"", i,
		    i == 199 ? ".exe" : "ab");
	v = buf_str(&b);
	memset(&n, 0, sizeof(n));
	names_collect(pool, &v, 1, &n);
	assert_true(n.n >= 1);
	assert_int_equal(n.v[0].len, 402);
	assert_memory_equal(n.v[0].ptr + 398, ".exe", 4);
	buf_fini(&b);
	pool_destroy(&pool);
}

static void
names_param_of_boundary(void **state)
{
	static const struct {
		const char *value, *want[3];
		unsigned whole;
	} table[] = {
		{ "multipart/mixed; boundary=abc", { "abc" }, 1 },
		{ "multipart/mixed; boundary=\"a b \"", { "a b " }, 1 },
		{ "multipart/mixed; boundary=a; boundary=b", { "a", "b" }, 2 },
		{ "multipart/mixed; boundary*=''a%62; boundary=c",
		    { "ab", "c" }, 2 },
		{ "multipart/mixed; boundary*0=a; boundary*1=b", { "ab" }, 0 },
		{ "multipart/mixed; boundary=a(b)c", { "a(b)c", "ac" }, 1 },
		{ "multipart/mixed; boundary=a;b", { "a", "a;b" }, 1 },
		{ "multipart/mixed; boundary=\"a\"b\"", { "a", "ab" }, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct pool *pool = pool_create(1024, 0);
		struct names n = { .n = 0 };

		names_param(pool, text_slice(table[i].value), "boundary", &n);
		for (size_t k = 0; k < 3 && table[i].want[k] != NULL; k++) {
			if (!names_has(&n, table[i].want[k]))
				fail_msg("%s: no %s", table[i].value,
				    table[i].want[k]);
		}
		assert_int_equal(n.whole, table[i].whole);
		pool_destroy(&pool);
	}
}

/* decode_release - the charset handles */
static int
decode_release(void **state)
{
	(void)state;
	decode_fini();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_all_readings),
		cmocka_unit_test(names_none),
		cmocka_unit_test(names_long_and_many_are_bounded),
		cmocka_unit_test(names_param_of_boundary),
	};

	return cmocka_run_group_tests(tests, NULL, decode_release);
}
