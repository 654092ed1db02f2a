/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wire_test - the two lines of the control protocol, there and back. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

#include "base/text.h"
#include "ctl/wire.h"

/* wire_test_requests - what is understood, and what is not */
static void
wire_test_requests(void **state)
{
	static const struct {
		const char *line;
		uint32_t argc; /* 0: refused */
		bool json;
	} cases[] = {
		{ "{\"command\":[\"status\"]}", 1, false },
		{ "{\"command\":[\"a\",\"b c\",\"\"],\"json\":true}", 3, true },
		{ "{\"command\":[\"a\"],\"json\":false,\"x\":1}", 1, false },
		{ "", 0, false },
		{ "[]", 0, false },
		{ "{}", 0, false },
		{ "{\"command\":\"status\"}", 0, false },
		{ "{\"command\":[]}", 0, false },
		{ "{\"command\":[1]}", 0, false },
		{ "{\"command\":[\"a\",null]}", 0, false },
		{ "{\"command\":[\"a\\u0000b\"]}", 0, false },
		{ "{\"command\":[\"a\"],\"command\":[\"b\"]}", 0, false },
		{ "{\"command\":[\"a\"],\"json\":1}", 0, false },
		{ "{\"command\":[\"a\"]} x", 0, false },
		{ "{\"command\":[\"\xff\"]}", 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct wire_request r;
		struct err err = { "" };
		int status = wire_request_parse(text_slice(cases[i].line), &r,
		    &err);

		if (cases[i].argc == 0) {
			assert_int_equal(status, WEIR_E_INVAL);
			assert_true(err.text[0] != '\0');
			continue;
		}
		assert_int_equal(status, WEIR_OK);
		assert_int_equal(r.argc, cases[i].argc);
		assert_int_equal(r.json, cases[i].json);
		assert_null(r.argv[r.argc]);
		wire_request_fini(&r);
	}
}

/* wire_test_many - one word more than the limit */
static void
wire_test_many(void **state)
{
	const char *argv[WIRE_ARGS_MAX + 1];
	struct wire_request r;
	struct buf line = BUF_INIT;
	struct err err;

	(void)state;
	for (size_t i = 0; i <= WIRE_ARGS_MAX; i++)
		argv[i] = "x";
	wire_request_write(WIRE_ARGS_MAX, argv, true, &line);
	assert_int_equal(wire_request_parse(buf_str(&line), &r, &err), 0);
	assert_int_equal(r.argc, WIRE_ARGS_MAX);
	wire_request_fini(&r);
	buf_clear(&line);
	wire_request_write(WIRE_ARGS_MAX + 1, argv, true, &line);
	assert_int_equal(wire_request_parse(buf_str(&line), &r, &err),
	    WEIR_E_INVAL);
	buf_fini(&line);
}

/* wire_test_replies - any octets come out as well-formed text */
static void
wire_test_replies(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "", "" },
		{ "plain\ttext\r\n\"quoted\\\"",
		    "plain\ttext\r\n\"quoted\\\"" },
		{ "\x01\x1b[31m\x7f", "\x01\x1b[31m\x7f" },
		{ "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80",
		    "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80" },
		{ "bad \xff\xc3 end\xc3", "bad \xef\xbf\xbd\xef\xbf\xbd end"
					  "\xef\xbf\xbd" },
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf line = BUF_INIT;
		struct wire_reply r;
		struct err err = { "" };

		wire_reply_write(1, text_slice(cases[i].in), text_slice("e"),
		    &line);
		assert_ptr_equal(strchr(line.ptr, '\n'),
		    line.ptr + line.len - 1);
		assert_int_equal(wire_reply_parse(buf_str(&line), &r, &err),
		    WEIR_OK);
		assert_int_equal(r.status, 1);
		assert_string_equal(buf_str(&r.out).ptr, cases[i].out);
		assert_string_equal(buf_str(&r.err).ptr, "e");
		wire_reply_fini(&r);
		buf_fini(&line);
	}
}

/* wire_test_bad_replies - refused without a leak */
static void
wire_test_bad_replies(void **state)
{
	static const char *const lines[] = { "", "[]", "{}", "{\"status\":0}",
		"{\"status\":\"0\",\"out\":\"\",\"err\":\"\"}",
		"{\"status\":0,\"out\":1,\"err\":\"\"}" };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct wire_reply r;
		struct err err = { "" };

		assert_int_equal(wire_reply_parse(text_slice(lines[i]), &r,
				     &err), WEIR_E_INVAL);
	}
}

/* Octets of mail come through as they are. */
static void
test_octets(void **state)
{
	char all[512];
	struct buf line = BUF_INIT;
	struct wire_reply got;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (char)i;
	wire_reply_write_raw(1, (weir_str){ all, sizeof(all) },
	    text_slice("e\xff"), &line);
	assert_int_equal(wire_reply_parse((weir_str){ line.ptr,
	    line.len - 1 }, &got, &err), WEIR_OK);
	assert_int_equal(got.status, 1);
	assert_int_equal(got.out.len, sizeof(all));
	assert_memory_equal(got.out.ptr, all, sizeof(all));
	assert_string_equal(buf_str(&got.err).ptr, "e\xef\xbf\xbd");
	wire_reply_fini(&got);
	buf_fini(&line);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wire_test_requests),
		cmocka_unit_test(wire_test_many),
		cmocka_unit_test(wire_test_replies),
		cmocka_unit_test(wire_test_bad_replies),
		cmocka_unit_test(test_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
