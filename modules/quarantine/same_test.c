/* SPDX-License-Identifier: GPL-2.0-or-later */
/* same_test - what comes back is what was kept, or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>

#include <weir/service/quarantine.h>

#include "release.h"
#include "test_store.h"

#define HEAD "From: a@example.org\r\nSubject: x\r\n two\r\nX-A: 1\r\n"
#define BODY "\r\nbody\r\n.\r\n"

static void
test_same(void **state)
{
	static const struct {
		const char *text;
		int status;
	} cases[] = {
		{ HEAD BODY, WEIR_OK },
		{ "X-Weir-Release: abc\r\n" HEAD BODY, WEIR_OK },
		{ "Received: from x\r\n\tby y\r\nX-Weir-Release: a\r\n b\r\n"
		  HEAD BODY, WEIR_OK },
		{ HEAD "Message-ID: <1@x>\r\nDate: now\r\n" BODY, WEIR_OK },
		/* anything else is not what was kept */
		{ HEAD "Subject: y\r\n" BODY, WEIR_E_INVAL },
		{ "X-New: 1\r\n" HEAD BODY, WEIR_E_INVAL },
		{ HEAD "\r\nbodY\r\n.\r\n", WEIR_E_INVAL },
		{ HEAD BODY "more\r\n", WEIR_E_INVAL },
		{ HEAD "\r\nbody\r\n.", WEIR_E_INVAL },
		{ "From: a@example.org\r\nSubject: x\r\n\ttwo\r\nX-A: 1\r\n"
		  BODY, WEIR_E_INVAL },
		{ "From: a@example.org\r\nX-A: 1\r\n" BODY, WEIR_E_INVAL },
		{ "From: b@example.org\r\nSubject: x\r\n two\r\nX-A: 1\r\n"
		  BODY, WEIR_E_INVAL },
		{ HEAD, WEIR_E_INVAL },
		{ "\r\n", WEIR_E_INVAL },
		/* an MTA adds what is missing, and no second one */
		{ "Received: by x\r\nfrom : b@example.org\r\n" HEAD BODY,
		  WEIR_E_INVAL },
		{ "To: a@example.net\r\nDate: x\r\n" HEAD BODY, WEIR_OK },
	};
	struct store *st = *state;
	char id[ID_LEN + 1];
	struct fault f;

	assert_int_equal(keep_one(st, HEAD BODY, "a@example.net",
	    WEIR_QUARANTINE_SPAM, id), WEIR_OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int fd = file_of(cases[i].text);

		if (release_is_same(st, fd, id, &f) != cases[i].status)
			fail_msg("case %zu: %s", i, f.text);
		close(fd);
	}
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		T(test_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
