/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lists_test - who allows and blocks whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <weir/inline.h>

#include "lists.h"
#include "test_store.h"

static void
test_from(void **state)
{
	static const struct {
		const char *value;
		const char *addresses[4];
	} cases[] = {
		{ " a@Example.org", { "a@example.org" } },
		{ "A <a@example.org>", { "a@example.org" } },
		{ "\"b@evil.example\" <a@example.org>", { "a@example.org" } },
		{ "\"x\\\"<b@evil.example>\" <a@example.org>",
		    { "a@example.org" } },
		{ "(b@evil.example) a@example.org (c(d)e)",
		    { "a@example.org" } },
		{ "a@example.org, B <b@example.org>",
		    { "a@example.org", "b@example.org" } },
		{ "Team: a@example.org, b@example.org;",
		    { "a@example.org", "b@example.org" } },
		{ "<a@example.org> <b@example.org>",
		    { "a@example.org", "b@example.org" } },
		{ "nobody", { NULL } },
		{ "", { NULL } },
		{ "<@>", { NULL } },
		{ "<a@example.org", { NULL } },
		{ "\"unclosed a@example.org", { NULL } },
	};
	char out[LISTS_FROM_MAX][USER_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t n = lists_from(weir_str_of(cases[i].value), out, 4);
		size_t k = 0;

		for (; k < n; k++) {
			if (cases[i].addresses[k] == NULL ||
			    strcmp(out[k], cases[i].addresses[k]) != 0)
				fail_msg("case %zu: %s", i, out[k]);
		}
		if (k < 4 && cases[i].addresses[k] != NULL)
			fail_msg("case %zu: %s is missing", i,
			    cases[i].addresses[k]);
	}
}

static void
test_glob(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} cases[] = {
		{ "*", "", true }, { "*@x.example", "a@x.example", true },
		{ "*@x.example", "a@y.example", false },
		{ "a?c", "abc", true }, { "a?c", "ac", false },
		{ "a*b*c", "aXbXbYc", true }, { "a*b*c", "aXbX", false },
		{ "", "", true }, { "", "a", false }, { "**a", "a", true },
	};
	char text[5000], pattern[500];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(lists_glob(cases[i].pattern, cases[i].text),
		    cases[i].matches);
	/* what takes exponential time elsewhere */
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (size_t i = 0; i + 2 < sizeof(pattern); i += 2)
		memcpy(pattern + i, "*a", 2);
	memcpy(pattern + sizeof(pattern) - 3, "*b", 3);
	assert_false(lists_glob(pattern, text));
}

static void
test_lists(void **state)
{
	static const struct {
		const char *owner;
		enum lists_kind kind;
		const char *entry;
	} rows[] = {
		{ "*", LISTS_BLOCK, "spam.example" },
		{ "*", LISTS_ALLOW, "good@spam.example" },
		{ "@example.net", LISTS_ALLOW, "spam.example" },
		{ "a@example.net", LISTS_BLOCK, "*@*.spam.example" },
		{ "a@example.net", LISTS_ALLOW, "x@sub.spam.example" },
	};
	static const struct {
		const char *rcpt, *from;
		enum lists_kind kind;
	} cases[] = {
		{ "c@other.net", "x@spam.example", LISTS_BLOCK },
		{ "c@other.net", "x@sub.spam.example", LISTS_BLOCK },
		{ "c@other.net", "x@notspam.example", LISTS_NONE },
		{ "c@other.net", "good@spam.example", LISTS_ALLOW },
		{ "b@example.net", "x@spam.example", LISTS_ALLOW },
		{ "a@example.net", "y@sub.spam.example", LISTS_BLOCK },
		{ "a@example.net", "x@sub.spam.example", LISTS_ALLOW },
		{ "a@example.net", "x@spam.example", LISTS_ALLOW },
	};
	struct store *st = *state;
	struct lists_match m;
	struct fault f;
	char entry[LISTS_ENTRY_MAX + 1];

	assert_int_equal(store_open(st, &f), WEIR_OK);
	assert_false(lists_any(st));
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(lists_add(st, rows[i].owner, rows[i].kind,
		    rows[i].entry, "t", &f), WEIR_OK);
	assert_true(lists_any(st));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(lists_find(st, cases[i].rcpt,
		    &cases[i].from, 1, true, &m, &f), WEIR_OK);
		if (m.kind != cases[i].kind)
			fail_msg("case %zu: %d by %s", i, m.kind, m.entry);
	}
	/* where allow does not count */
	assert_int_equal(lists_find(st, "b@example.net", &cases[0].from, 1,
	    false, &m, &f), WEIR_OK);
	assert_int_equal(m.kind, LISTS_BLOCK);
	/* in one list only */
	assert_int_equal(lists_add(st, "*", LISTS_ALLOW, "spam.example", "t",
	    &f), WEIR_OK);
	assert_int_equal(count(st, "list"), sizeof(rows) / sizeof(*rows));
	assert_int_equal(lists_remove(st, "*", LISTS_BLOCK, "spam.example",
	    "t", &f), WEIR_E_NOTFOUND);
	assert_int_equal(lists_entry("@Spam.Example", entry, &f), WEIR_OK);
	assert_string_equal(entry, "spam.example");
	assert_int_equal(lists_entry("a b@x.example", entry, &f),
	    WEIR_E_INVAL);
	assert_int_equal(lists_entry("localhost", entry, &f), WEIR_E_INVAL);
	assert_int_equal(lists_entry("", entry, &f), WEIR_E_INVAL);
}

/* A list is full at 200,000 octets; another owner's is not, and an entry that
   moves to the other list needs no room of its own in a full one. */
static void
test_lists_are_bounded(void **state)
{
	struct store *st = *state;
	char entry[LISTS_ENTRY_MAX + 1], text[LISTS_ENTRY_MAX + 10];
	struct fault f;
	sqlite3 *db = store_begin(st, true, &f);

	memset(text, 'x', sizeof(text));
	memcpy(text + LISTS_ENTRY_MAX - 4, ".org", 5);
	assert_int_equal(lists_entry(text, entry, &f), WEIR_OK);
	assert_int_equal(strlen(entry), LISTS_ENTRY_MAX);
	memcpy(text + LISTS_ENTRY_MAX - 3, ".org", 5);
	assert_int_equal(lists_entry(text, entry, &f), WEIR_E_INVAL);
	/* all but 100 octets of it */
	assert_int_equal(store_run(db, &f, NULL, "WITH RECURSIVE c(i) AS ("
	    "SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 1999) INSERT"
	    " INTO list (user, entry, kind, time_ms) SELECT 'a@example.net',"
	    " printf('%0100d', i), 1, 0 FROM c", ""), WEIR_OK);
	assert_int_equal(store_commit(st, &f), WEIR_OK);
	memset(entry, 'y', 101);
	entry[101] = '\0';
	assert_int_equal(lists_add(st, "a@example.net", LISTS_BLOCK, entry,
	    "t", &f), WEIR_E_LIMIT);
	assert_non_null(strstr(f.text, "full"));
	assert_int_equal(lists_add(st, "b@example.net", LISTS_BLOCK, entry,
	    "t", &f), WEIR_OK);
	entry[100] = '\0';
	assert_int_equal(lists_add(st, "a@example.net", LISTS_BLOCK, entry,
	    "t", &f), WEIR_OK);
	assert_int_equal(lists_add(st, "a@example.net", LISTS_ALLOW, entry,
	    "t", &f), WEIR_OK);
	assert_int_equal(count(st, "list WHERE user = 'a@example.net'"),
	    2000);
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		T(test_from),
		T(test_glob),
		T(test_lists),
		T(test_lists_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
