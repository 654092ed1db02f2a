/* SPDX-License-Identifier: GPL-2.0-or-later */
/* names_test - ids, and the names of folders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "file.h"
#include "test_store.h"

static void
test_ids(void **state)
{
	char a[ID_LEN + 1], b[ID_LEN + 1];
	struct fault f;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(file_id(a, &f), WEIR_OK);
		assert_int_equal(file_id(b, &f), WEIR_OK);
		assert_int_equal(strlen(a), ID_LEN);
		assert_int_equal(strspn(a, "abcdefghijklmnopqrstuvwxyz234567"),
		    ID_LEN);
		assert_string_not_equal(a, b);
	}
}

/* Names of folders: nothing leaves the Maildir's place. */
static void
test_users(void **state)
{
	static const char *const cases[][2] = {
		{ "a@example.org", "a@example.org" },
		{ "a+b@example.org", "a+b@example.org" },
		{ "../../etc@example.org", "%2e.%2f..%2fetc@example.org" },
		{ ".hidden@example.org", "%2ehidden@example.org" },
		{ "a/b@example.org", "a%2fb@example.org" },
		{ "a%2fb@example.org", "a%252fb@example.org" },
		{ "", "%" },
		{ "\xc3\xbc@example.org", "%c3%bc@example.org" },
	};
	char out[256], other[256], big[400];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		file_user(cases[i][0], out, sizeof(out));
		assert_string_equal(out, cases[i][1]);
	}
	memset(big, 'x', sizeof(big));
	big[399] = '\0';
	file_user(big, out, sizeof(out));
	assert_in_range(strlen(out), 50, 250);
	big[398] = 'y';
	file_user(big, other, sizeof(other));
	assert_string_not_equal(out, other);
}

static void
test_short_ids(void **state)
{
	struct store *st = *state;
	char id[ID_LEN + 1], part[ID_LEN + 1];
	struct item i;
	struct fault f;
	sqlite3 *db;

	assert_int_equal(keep_one(st, "a\r\n", "a@example.net", 1, id),
	    WEIR_OK);
	db = store_begin(st, false, &f);
	for (size_t n = 0; n <= ID_LEN; n++) {
		memcpy(part, id, n);
		part[n] = '\0';
		assert_int_equal(item_find(db, part, &i, &f),
		    n < 6 ? WEIR_E_NOTFOUND : WEIR_OK);
	}
	part[8] = '\0';
	part[7] = part[7] == 'a' ? 'b' : 'a';
	assert_int_equal(item_find(db, part, &i, &f), WEIR_E_NOTFOUND);
	assert_int_equal(item_find(db, "' OR 1 --", &i, &f), WEIR_E_NOTFOUND);
	assert_int_equal(item_find(db, "%%%%%%%%", &i, &f), WEIR_E_NOTFOUND);
	store_end(st);
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		T(test_ids),
		T(test_users),
		T(test_short_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
