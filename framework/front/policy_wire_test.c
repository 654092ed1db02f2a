/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/text.h"
#include "front/policy_wire.h"

/* find - on a copy that ends where it ends, octet by octet as it arrives */
static int64_t
find(const char *text, size_t len, struct policy_request *out, char **raw)
{
	size_t scan = 0;
	int64_t n = 0;

	*raw = malloc(len + 1);
	assert_non_null(*raw);
	for (size_t i = 1; i <= len && n == 0; i++) {
		(*raw)[i - 1] = text[i - 1];
		n = policy_request_find(*raw, i, &scan, out);
	}
	return n;
}

static void
test_requests(void **state)
{
	static const struct {
		const char *text;
		int64_t n; /* -100: all of it */
		unsigned attrs;
		const char *sender, *recipient; /* NULL: absent */
	} rows[] = {
		{ "", 0, 0, NULL, NULL },
		{ "\n", -100, 0, NULL, NULL },
		{ "\r\n", -100, 0, NULL, NULL },
		{ "sender=a@b\n\n", -100, 1, "a@b", NULL },
		{ "sender=a@b\r\nrecipient=c\r\n\r\n", -100, 2, "a@b", "c" },
		{ "sender=\nrecipient=c=d\n\n", -100, 2, "", "c=d" },
		{ "sender=a\nsender=b\n\n", -100, 2, "a", NULL },
		{ "new_in_postfix_9=x\nsender=a\n\n", -100, 2, "a", NULL },
		{ "=x\nsender= a \n\n", -100, 2, " a ", NULL },
		{ "sender=a\rb\n\n", -100, 1, "a\rb", NULL },
		{ "sender=a\nrecipient=b\n", 0, 0, NULL, NULL },
		{ "sender=a", 0, 0, NULL, NULL },
		{ "sender\n\n", WEIR_E_INVAL, 0, NULL, NULL },
		{ "sender=a\nx\n\n", WEIR_E_INVAL, 0, NULL, NULL },
		{ "sender=a\n\nrest", 10, 1, "a", NULL }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct policy_request r;
		size_t len = strlen(rows[i].text);
		char *raw;
		int64_t n = find(rows[i].text, len, &r, &raw);

		print_message("row %zu\n", i);
		assert_int_equal(n, rows[i].n == -100 ? (int64_t)len :
							rows[i].n);
		if (n > 0) {
			const char *s = r.v[POLICY_SENDER].ptr,
				   *c = r.v[POLICY_RECIPIENT].ptr;

			assert_int_equal(r.attrs, rows[i].attrs);
			assert_int_equal(s == NULL, rows[i].sender == NULL);
			if (s != NULL)
				assert_string_equal(s, rows[i].sender);
			assert_int_equal(c == NULL, rows[i].recipient == NULL);
			if (c != NULL)
				assert_string_equal(c, rows[i].recipient);
		}
		free(raw);
	}
}

static void
test_nul(void **state)
{
	struct policy_request r;
	char *raw;

	(void)state;
	assert_int_equal(find("sender=a\0b\n\n", 12, &r, &raw), WEIR_E_INVAL);
	free(raw);
}

/* fill - "NAME=xxx..." with so many octets of value */
static void
fill(struct buf *b, const char *name, size_t len)
{
	buf_add_str(b, name);
	buf_add_char(b, '=');
	while (len-- > 0)
		buf_add_char(b, 'x');
	buf_add_char(b, '\n');
}

static void
test_limits(void **state)
{
	struct policy_request r;
	struct buf b = BUF_INIT;
	size_t scan = 0;

	(void)state;
	fill(&b, "sender", POLICY_MAX_VALUE);
	buf_add_char(&b, '\n');
	assert_int_equal(policy_request_find(b.ptr, b.len, &scan, &r), b.len);
	assert_int_equal(r.v[POLICY_SENDER].len, POLICY_MAX_VALUE);
	buf_clear(&b);
	fill(&b, "sender", POLICY_MAX_VALUE + 1);
	buf_add_char(&b, '\n');
	assert_int_equal(policy_request_find(b.ptr, b.len, &scan, &r),
	    WEIR_E_LIMIT);
	for (int n = POLICY_MAX_ATTRS; n <= POLICY_MAX_ATTRS + 1; n++) {
		buf_clear(&b);
		for (int i = 0; i < n; i++)
			fill(&b, "x", 1);
		buf_add_char(&b, '\n');
		assert_int_equal(policy_request_find(b.ptr, b.len, &scan, &r),
		    n <= POLICY_MAX_ATTRS ? (int64_t)b.len : WEIR_E_LIMIT);
	}
	/* a request that does not end */
	buf_clear(&b);
	while (b.len < POLICY_MAX_REQUEST - 1)
		buf_add_char(&b, 'x');
	scan = 0;
	assert_int_equal(policy_request_find(b.ptr, b.len, &scan, &r), 0);
	buf_add_char(&b, 'x');
	assert_int_equal(policy_request_find(b.ptr, b.len, &scan, &r),
	    WEIR_E_LIMIT);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_requests),
		cmocka_unit_test(test_nul), cmocka_unit_test(test_limits) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
