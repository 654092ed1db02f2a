/* SPDX-License-Identifier: GPL-2.0-or-later */
/* token_test - a token is good for one item and one recipient, and not for long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <weir/inline.h>

#include "file.h"
#include "token.h"
#include "test_store.h"

static void
test_token(void **state)
{
	struct store *st = *state;
	unsigned char key[TOKEN_KEY_LEN], again[TOKEN_KEY_LEN];
	struct token t = { .expires_ms = clock_ms + 60000 }, got;
	char value[TOKEN_MAX], longest[2000];
	struct fault f;

	assert_int_equal(store_open(st, &f), WEIR_OK);
	assert_int_equal(token_key(st, key, &f), WEIR_OK);
	assert_int_equal(token_key(st, again, &f), WEIR_OK);
	assert_memory_equal(key, again, sizeof(key));
	assert_int_equal(file_id(t.id, &f), WEIR_OK);
	assert_int_equal(file_id(t.nonce, &f), WEIR_OK);
	token_write(key, &t, "a@example.net", value);
	assert_int_equal(token_read(key, weir_str_of(value), "a@example.net",
	    clock_ms, &got, &f), WEIR_OK);
	assert_string_equal(got.id, t.id);
	assert_string_equal(got.nonce, t.nonce);
	assert_int_equal(token_read(key, weir_str_of(value), "b@example.net",
	    clock_ms, &got, &f), WEIR_E_INVAL);
	assert_int_equal(token_read(key, weir_str_of(value), "a@example.net",
	    clock_ms + 61000, &got, &f), WEIR_E_TIMEOUT);
	/* a recipient that is longer than any of ours is nobody's */
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(token_read(key, weir_str_of(value), longest, clock_ms,
	    &got, &f), WEIR_E_INVAL);
	/* each octet counts */
	for (size_t i = 0; i < strlen(value); i++) {
		char old = value[i];

		for (const char *c = "0a9f z"; *c != '\0'; c++) {
			value[i] = *c;
			if (*c != old)
				assert_int_not_equal(token_read(key,
				    weir_str_of(value), "a@example.net",
				    clock_ms, &got, &f), WEIR_OK);
		}
		value[i] = old;
		assert_int_not_equal(token_read(key, (weir_str){ value, i },
		    "a@example.net", clock_ms, &got, &f), WEIR_OK);
	}
	key[0] ^= 1;
	assert_int_equal(token_read(key, weir_str_of(value), "a@example.net",
	    clock_ms, &got, &f), WEIR_E_INVAL);
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		T(test_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
