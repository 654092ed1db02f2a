/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What counts as an answer of a script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "answer.h"

/* read_copy - of just that size: a sanitizer sees reads behind it */
static struct answer
read_copy(const char *text, size_t len)
{
	char *copy = malloc(len + 1);
	struct answer a;

	memcpy(copy, text, len);
	copy = realloc(copy, len > 0 ? len : 1);
	answer_read(copy, len, &a);
	free(copy);
	return a;
}

static void
test_answers(void **state)
{
	static const struct {
		const char *text;
		enum answer_kind kind;
		double score;
		const char *name;
	} rows[] = {
		{ "v1\nOK\n", ANSWER_OK, 0, "" },
		{ "v1\nOK", ANSWER_OK, 0, "" },
		{ "v1 \r\nok\t\r\n\n \n", ANSWER_OK, 0, "" },
		{ "v1\nSCORE: 5\n", ANSWER_SCORED, 5, "" },
		{ "V1\nscore:-2.5\n", ANSWER_SCORED, -2.5, "" },
		{ "v1\nSCORE: +0\n", ANSWER_SCORED, 0, "" },
		{ "v1\nSCORE: 1000\n", ANSWER_SCORED, 1000, "" },
		{ "v1\nVIRUS: Eicar-Test\n", ANSWER_VIRUS, 0, "Eicar-Test" },
		{ "v1\nVirus:  a b\tc\001\377\n", ANSWER_VIRUS, 0, "a_b_c__" },
		{ "", ANSWER_NONE, 0, "it says nothing" },
		{ "\n", ANSWER_NONE, 0, "first line" },
		{ "v1", ANSWER_NONE, 0, "nothing after" },
		{ "v1\n", ANSWER_NONE, 0, "nothing after" },
		{ "v1\n\n", ANSWER_NONE, 0, "second line" },
		{ "v2\nOK\n", ANSWER_NONE, 0, "first line" },
		{ "v11\nOK\n", ANSWER_NONE, 0, "first line" },
		{ " v1\nOK\n", ANSWER_NONE, 0, "first line" },
		{ "OK\n", ANSWER_NONE, 0, "first line" },
		{ "v1\nOKAY\n", ANSWER_NONE, 0, "second line" },
		{ "v1\nO\n", ANSWER_NONE, 0, "second line" },
		{ "v1\nSCORE\n", ANSWER_NONE, 0, "second line" },
		{ "v1\nSCORE:\n", ANSWER_NONE, 0, "number" },
		{ "v1\nSCORE: 1e3\n", ANSWER_NONE, 0, "number" },
		{ "v1\nSCORE: 0x10\n", ANSWER_NONE, 0, "number" },
		{ "v1\nSCORE: nan\n", ANSWER_NONE, 0, "number" },
		{ "v1\nSCORE: 1000.1\n", ANSWER_NONE, 0, "number" },
		{ "v1\nSCORE: --1\n", ANSWER_NONE, 0, "number" },
		{ "v1\nSCORE: 1 2\n", ANSWER_NONE, 0, "number" },
	    {"v1\nSCORE: 99999999999999999999999999999999999\n", ANSWER_NONE, 0,
		"number"},
		{ "v1\nVIRUS:\n", ANSWER_NONE, 0, "no name" },
		{ "v1\nOK\nSCORE: 1\n", ANSWER_NONE, 0, "more than one" },
		{ "v1\nOK\nOK\n", ANSWER_NONE, 0, "more than one" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct answer a = read_copy(rows[i].text, strlen(rows[i].text));

		if (a.kind != rows[i].kind)
			fail_msg("%s", rows[i].text);
		if (a.kind == ANSWER_NONE) {
			assert_non_null(strstr(a.why, rows[i].name));
			continue;
		}
		assert_null(a.why);
		if (a.kind == ANSWER_SCORED)
			assert_true(a.score == rows[i].score);
		assert_string_equal(a.name, rows[i].name);
	}
}

static void
test_limits(void **state)
{
	char text[ANSWER_OCTETS + 2];
	struct answer a;

	(void)state;
	memset(text, '\n', sizeof(text));
	memcpy(text, "v1\nOK", 5);
	assert_int_equal(read_copy(text, ANSWER_OCTETS).kind, ANSWER_OK);
	a = read_copy(text, ANSWER_OCTETS + 1);
	assert_int_equal(a.kind, ANSWER_NONE);
	assert_non_null(strstr(a.why, "too long"));
	memset(text, 'n', sizeof(text));
	memcpy(text, "v1\nVIRUS: ", 10);
	a = read_copy(text, 2000);
	assert_int_equal(a.kind, ANSWER_VIRUS);
	assert_int_equal(strlen(a.name), ANSWER_NAME);
	assert_int_equal(read_copy("v1\nO\0\n", 6).kind, ANSWER_NONE);
	assert_int_equal(read_copy("v1\nSCORE: 1\0\n", 13).kind, ANSWER_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_answers), cmocka_unit_test(test_limits) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
