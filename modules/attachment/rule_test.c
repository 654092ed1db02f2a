/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rule_test - names, patterns, categories, the wire, edits: pure parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <weir/inline.h>

#include "category.h"
#include "name.h"
#include "pattern.h"
#include "splice.h"
#include "wire.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void
globs_match_all_of_a_text(void **state)
{
	static const struct {
		const char *glob, *text;
		bool match;
	} cases[] = {
		{ "*.exe", "run.EXE", true }, { "*.exe", "run.exe.txt", false },
		{ "*", "", true }, { "", "", true }, { "", "a", false },
		{ "a?c", "a\xc3\xa4" "c", true }, { "a?c", "ac", false },
		{ "[a-c]x", "Bx", true }, { "[!a-c]x", "bx", false },
		{ "[]]", "]", true }, { "[", "[", true },
		{ "\\*", "*", true }, { "\\*", "a", false },
		{ "*a*b*c*", "xxaxxbxxc", true },
		{ "*a*b*c*", "xxaxxcxxb", false }
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++)
		assert_int_equal(pattern_glob(weir_str_of(cases[i].glob),
		    weir_str_of(cases[i].text)), cases[i].match);
}

static void
expressions_are_bounded(void **state)
{
	struct pattern_list list = { NULL, 0 };
	char why[200], text[4000];

	(void)state;
	assert_false(pattern_add(&list, WEIR_STR("/(/"), why, sizeof(why)));
	assert_non_null(strstr(why, "character"));
	pattern_free(&list);
	assert_true(pattern_add(&list, WEIR_STR("/^scan[0-9]+\\.zip$/"), why,
	    sizeof(why)));
	assert_non_null(pattern_match(&list, WEIR_STR("SCAN01.zip")));
	assert_null(pattern_match(&list, WEIR_STR("xscan01.zip")));
	pattern_free(&list);
	/* too expensive counts as matched: nobody escapes by it */
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '!';
	assert_true(pattern_add(&list, WEIR_STR("/^(a+)+$/"), why,
	    sizeof(why)));
	assert_non_null(pattern_match(&list, (weir_str){ text,
	    sizeof(text) }));
	pattern_free(&list);
}

static void
names_say_what_they_hide(void **state)
{
	static const struct {
		const char *name;
		uint64_t has, hasnot;
	} cases[] = {
		{ "run.exe", CAT(EXECUTABLE), CAT(DOUBLE_EXTENSION) },
		{ "a.pdf.exe", CAT(EXECUTABLE) | CAT(DOUBLE_EXTENSION), 0 },
		{ "a.pdf          .exe", CAT(DOUBLE_EXTENSION) |
		    CAT(HIDDEN_NAME), 0 },
		{ "RUN.EXE. . ", CAT(EXECUTABLE) | CAT(HIDDEN_NAME), 0 },
		{ "run.exe::$DATA", CAT(EXECUTABLE), 0 },
		{ "dir/sub\\x.vbs", CAT(SCRIPT), CAT(EXECUTABLE) },
		{ "x.js/readme.txt", 0, CAT(SCRIPT) },
		{ "\xe2\x80\xae" "fdp.scr", CAT(RTL_OVERRIDE) |
		    CAT(EXECUTABLE), 0 },
		{ "a\xe2\x80\x8b.txt", CAT(HIDDEN_NAME), CAT(RTL_OVERRIDE) },
		{ "x.{00021401-0000-0000-C000-000000000046}",
		    CAT(EXECUTABLE) | CAT(HIDDEN_NAME), 0 },
		{ "a.lnk", CAT(SHORTCUT), 0 }, { "a.iso", CAT(DISK_IMAGE), 0 },
		{ "jquery.min.js", CAT(SCRIPT), CAT(DOUBLE_EXTENSION) },
		{ "a.sh", CAT(SCRIPT_SOURCE), CAT(SCRIPT) },
		{ "invoice.pdf", 0, CATEGORIES_ALL },
		{ "", 0, CATEGORIES_ALL }, { ".", 0, CATEGORIES_ALL },
		{ "...", 0, CAT(EXECUTABLE) }
	};
	const weir_str two[] = { WEIR_STR("a.txt"), WEIR_STR("a.exe") };

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		uint64_t set = name_categories(weir_str_of(cases[i].name));

		assert_int_equal(set & cases[i].has, cases[i].has);
		assert_int_equal(set & cases[i].hasnot, 0);
	}
	assert_true((name_set_categories(two, 2) & CAT(NAMES_DIFFER)) != 0);
	assert_true((name_set_categories(two, 2) & CAT(EXECUTABLE)) != 0);
}

static void
categories_are_patterns(void **state)
{
	const char *nearest;
	uint64_t set = 0;
	char text[100];

	(void)state;
	assert_true(category_parse(WEIR_STR("encrypted-*"), &set, &nearest));
	assert_int_equal(set, CATEGORIES_ENCRYPTED);
	set = 0;
	assert_false(category_parse(WEIR_STR("makro"), &set, &nearest));
	assert_string_equal(nearest, "macro");
	assert_false(category_parse(WEIR_STR("nothing like it"), &set,
	    &nearest));
	assert_null(nearest);
	assert_string_equal(category_text(CAT(MACRO) | CAT(SCRIPT), text,
	    sizeof(text)), "script, macro");
}

static void
wire_reads_what_it_wrote_and_nothing_else(void **state)
{
	unsigned char buf[400];
	struct wire_out out = { buf, 0, sizeof(buf), false };
	struct wire_part part = { 7, 2, 1, WIRE_PART_MAIL, 100, 200 }, got;
	weir_str types[2] = { WEIR_STR(""), WEIR_STR("application/zip") };
	struct wire_row row = { CAT(MACRO), CAT(ARCHIVE), 1 << 20, 1, 3 };
	struct wire_object o = { .type = 1, .categories = CAT(SCRIPT),
		.size = 5, .path = WEIR_STR("a/b.js"), .n_names = 1 };
	struct wire_response head;
	struct wire_in in;
	uint32_t direction, n;

	(void)state;
	wire_request_head(&out, 1, 1);
	wire_request_part(&out, &part);
	in = (struct wire_in) { buf, out.n, false };
	assert_true(wire_request_read(&in, &direction, &n));
	assert_true(wire_request_read_part(&in, &got, 300));
	assert_memory_equal(&got, &part, sizeof(part));
	in = (struct wire_in) { buf, out.n, false };
	assert_true(wire_request_read(&in, &direction, &n));
	/* beyond the end of the mail */
	assert_false(wire_request_read_part(&in, &got, 299));

	out.n = 0;
	o.names[0] = WEIR_STR("b.js");
	wire_response_head(&out, WIRE_MORE, types, 2, 1);
	wire_response_row(&out, &row);
	wire_response_object(&out, &o);
	for (size_t cut = 0; cut <= out.n; cut++) {
		bool ok;

		in = (struct wire_in) { buf, cut, false };
		ok = wire_response_read(&in, &head) &&
		    wire_response_read_row(&in, &head, &row) &&
		    wire_response_read_object(&in, &head, &o);
		assert_int_equal(ok, cut == out.n);
	}
	assert_int_equal(head.flags, WIRE_MORE);
	assert_true(weir_str_eq(o.path, "a/b.js"));
	assert_int_equal(row.own, CAT(ARCHIVE));
	/* what does not fit is all left out */
	out.cap = out.n + 3;
	n = (uint32_t)out.n;
	wire_response_object(&out, &o);
	assert_true(out.full);
	assert_int_equal(out.n, n);
}

static void
splices_leave_the_rest(void **state)
{
	weir_str raw = WEIR_STR("head\r\n\r\n--b\r\nA: b\r\n\r\none\r\n--b--");
	struct splice v[3] = { { 25, 28, strdup("TWO"), 3 },
		{ 8, 13, strdup(""), 0 }, { 26, 27, strdup("no"), 2 } };
	size_t len;
	char *out = splice_make(raw, 8, v, 3, &len);
	char safe[40];

	(void)state;
	assert_int_equal(len, raw.len - 8 - 5 + 0);
	assert_int_equal(splice_delimiter(raw, 13), 8);
	assert_int_equal(splice_delimiter(raw, 8), SIZE_MAX);
	assert_int_equal(splice_delimiter(raw, 14), SIZE_MAX);
	free(out);
	for (size_t i = 0; i < 3; i++)
		free(v[i].text);
	splice_safe_name(WEIR_STR("../a\"b\xc3\xa4.exe."), ".blocked", safe,
	    sizeof(safe));
	assert_string_equal(safe, "a_b_.exe.blocked");
	splice_safe_name(WEIR_STR("..."), ".x", safe, sizeof(safe));
	assert_string_equal(safe, "_.x");
	out = splice_renamed(WEIR_STR("X: y\r\nContent-Type: a/b;\r\n"
	    "\tname=run.exe\r\nContent-ID: <1>\r\n\r\n"), "n", &len);
	assert_non_null(memmem(out, len, "X: y\r\nContent-ID: <1>\r\n\r\n", 25));
	assert_null(memmem(out, len, "run.exe", 7));
	free(out);
}

static void
splices_that_overlap_leave_nothing_in(void **state)
{
	const weir_str raw = WEIR_STR("head--0123456789");
	struct splice v[3] = { { 12, 15, strdup("B"), 1 },
		{ 6, 13, strdup("A"), 1 }, { 0, 3, strdup("no"), 2 } };
	size_t len;
	char *out = splice_make(raw, 4, v, 3, &len);

	(void)state;
	assert_int_equal(len, 4);
	assert_memory_equal(out, "--A9", 4);
	free(out);
	for (size_t i = 0; i < 3; i++)
		free(v[i].text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(globs_match_all_of_a_text),
		cmocka_unit_test(expressions_are_bounded),
		cmocka_unit_test(names_say_what_they_hide),
		cmocka_unit_test(categories_are_patterns),
		cmocka_unit_test(wire_reads_what_it_wrote_and_nothing_else),
		cmocka_unit_test(splices_leave_the_rest),
		cmocka_unit_test(splices_that_overlap_leave_nothing_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
