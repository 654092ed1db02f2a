/* SPDX-License-Identifier: GPL-2.0-or-later */
/* name_test - codes, links and host names, well and ill formed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "code.h"
#include "name.h"

static void
codes_are_an_explicit_map(void **state)
{
	static const struct {
		const char *code, *addr;
		bool match;
	} cases[] = {
		{ "127.0.0.2", "127.0.0.2", true },
		{ "127.0.0.2", "127.0.0.3", false },
		{ "127.0.0.2-11", "127.0.0.1", false },
		{ "127.0.0.2-11", "127.0.0.2", true },
		{ "127.0.0.2-11", "127.0.0.11", true },
		{ "127.0.0.2-11", "127.0.0.12", false },
		{ "127.0.0.2-127.0.1.4", "127.0.1.4", true },
		{ "127.0.0.2-127.0.1.4", "127.0.1.5", false },
		{ "127.0.1.0/24=2.5", "127.0.1.255", true },
		{ "127.0.1.0/24", "127.0.2.0", false },
		{ "127.0.1.7/32", "127.0.1.7", true },
		{ "127.0.1.7/32", "127.0.1.6", false },
		{ "127.0.0.0&8", "127.0.0.8", true },
		{ "127.0.0.0&8", "127.0.0.24", true },
		{ "127.0.0.0&8", "127.0.0.7", false },
		{ "127.0.0.0&8", "127.0.1.8", false },
	};
	static const char *const bad[] = { "", "=1", "127.0.0", "127.0.0.2-",
		"127.0.0.2-1", "127.0.0.2-256", "127.0.0.2/", "127.0.0.2/33",
		"127.0.0.2/7", "127.0.0.0/8", "127.0.0.2&0", "127.0.0.2&256",
		"127.0.0.2=", "127.0.0.2=x", "127.0.0.2=1x", "127.0.0.2=inf",
		"127.0.0.2=nan", "127.255.255.254", "127.255.255.0/24",
		"127.0.0.2-127.255.255.1", "10.0.0.1", "126.0.0.1-127.0.0.2",
		"0x7f.0.0.2", "127.0.0.2 ", "::1" };
	struct code c;
	uint32_t addr;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(code_parse(&c, weir_str_of(cases[i].code), &why));
		assert_true(code_addr(weir_str_of(cases[i].addr), &addr));
		assert_int_equal(code_match(&c, addr), cases[i].match);
	}
	assert_true(code_parse(&c, WEIR_STR("127.0.0.4=-2.5"), &why));
	assert_true(c.scored && c.score == -2.5);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(code_parse(&c, weir_str_of(bad[i]), &why));
}

static void
links_lead_somewhere(void **state)
{
	static const struct {
		const char *url, *host; /* NULL: nowhere */
	} cases[] = {
		{ "http://Example.COM/path", "example.com" },
		{ "https://user:pw@example.com:8080/?x#y", "example.com" },
		{ "http://good.example@evil.example/", "evil.example" },
		{ "http://a@b@evil.example/", "evil.example" },
		{ "http:\\\\evil.example\\path", "evil.example" },
		{ "http:///evil.example", "evil.example" },
		{ "http://evil.example?http://good.example", "evil.example" },
		{ "http://evil.example.", "evil.example" },
		{ "http://ev%69l.example/", "evil.example" },
		{ "http://b\xc3\xbc" "cher.example/",
		    "xn--bcher-kva.example" },
		{ "http://203.0.113.7/", "203.0.113.7" },
		{ "http://3405803783/", "203.0.113.7" },
		{ "http://0xcb.0.0x71.07/", "203.0.113.7" },
		{ "http://[2001:db8::1]:80/", "2001:db8::1" },
		{ "http://[::ffff:203.0.113.7]/", "203.0.113.7" },
		{ "ftp://files.example/x", "files.example" },
		{ "mailto:a@b.example?subject=x", "b.example" },
		{ "mailto:nobody", NULL },
		{ "http://localhost/", NULL },
		{ "http://[2001:db8::1", NULL },
		{ "http://", NULL },
		{ "http:", NULL },
		{ "javascript:alert(1)", NULL },
		{ "http://a b.example/", NULL },
		{ "http://a..example/", NULL },
		{ "http://%00evil.example/", NULL },
		{ "http://%/", NULL },
		{ "no link", NULL },
		{ "", NULL },
	};
	struct subject s;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool found = name_link(&s, weir_str_of(cases[i].url));

		assert_int_equal(found, cases[i].host != NULL);
		if (found)
			assert_string_equal(s.text, cases[i].host);
	}
}

static void
names_are_plain_or_nothing(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "MX1.Example.com.", "mx1.example.com" },
		{ "a_b.example", "a_b.example" },
		{ "example", NULL },
		{ "unknown", NULL },
		{ ".example.com", NULL },
		{ "a..b", NULL },
		{ "a b.example", NULL },
		{ "a.example/x", NULL },
		{ "", NULL },
		{ "a23456789a123456789a123456789a123456789a123456789a123456789"
		  "abcd.example", "a23456789a123456789a123456789a123456789a1234"
		  "56789a123456789abcd.example" },
		{ "a23456789a123456789a123456789a123456789a123456789a123456789"
		  "abcde.example", NULL },
		{ "\xff.example", NULL },
	};
	static const struct {
		unsigned char addr[16];
		size_t len;
		bool public;
	} addrs[] = {
		{ { 203, 0, 113, 7 }, 4, true },
		{ { 10, 0, 0, 1 }, 4, false },
		{ { 11, 0, 0, 1 }, 4, true },
		{ { 100, 64, 0, 1 }, 4, false },
		{ { 100, 128, 0, 1 }, 4, true },
		{ { 127, 0, 0, 1 }, 4, false },
		{ { 169, 254, 0, 1 }, 4, false },
		{ { 172, 31, 255, 255 }, 4, false },
		{ { 172, 32, 0, 0 }, 4, true },
		{ { 192, 168, 1, 1 }, 4, false },
		{ { 224, 0, 0, 1 }, 4, false },
		{ { 255, 255, 255, 255 }, 4, false },
		{ { 0 }, 4, false },
		{ { 0x20, 1, 0xd, 0xb8 }, 16, true },
		{ { 0xfe, 0x80 }, 16, false },
		{ { 0xfd }, 16, false },
		{ { 0 }, 16, false },
	};
	static const unsigned char v6[] = { 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0x0f };
	char out[NAME_SIZE], reverse[NAME_REVERSE_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool good = name_host(out, weir_str_of(cases[i].in));

		assert_int_equal(good, cases[i].out != NULL);
		if (good)
			assert_string_equal(out, cases[i].out);
	}
	for (size_t i = 0; i < sizeof(addrs) / sizeof(addrs[0]); i++)
		assert_int_equal(name_is_public(addrs[i].addr, addrs[i].len),
		    addrs[i].public);
	name_reverse(reverse, sizeof(reverse), v6, 16);
	assert_string_equal(reverse, "f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
	    "0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_are_an_explicit_map),
		cmocka_unit_test(links_lead_somewhere),
		cmocka_unit_test(names_are_plain_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
