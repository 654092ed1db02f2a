/* SPDX-License-Identifier: GPL-2.0-or-later */
/* name_test - names as text and on the wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <weir/types.h>

#include "dns/name.h"

#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define L61 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void
text_goes_both_ways(void **state)
{
	static const struct {
		const char *in, *out; /* out NULL: refused */
	} rows[] = {
		{ "example.com", "example.com" },
		{ "Example.COM.", "example.com" },
		{ ".", "" },
		{ "a", "a" },
		{ "_dmarc.x-y.example", "_dmarc.x-y.example" },
		{ "a\\.b.c", "a\\046b.c" },
		{ "a\\032b", "a\\032b" },
		{ "a b", "a\\032b" },
		{ "\\000\\255", "\\000\\255" },
		{ "\\065", "a" },
		{ "\x7f\x80", "\\127\\128" },
		{ "$@;()\"", "\\036\\064\\059\\040\\041\\034" },
		{ L63, L63 },
		{ L63 "." L63 "." L63 "." L61, L63 "." L63 "." L63 "." L61 },
		{ L63 "." L63 "." L63 "." L61 ".",
		    L63 "." L63 "." L63 "." L61 },
		{ "", NULL },
		{ "..", NULL },
		{ ".a", NULL },
		{ "a..b", NULL },
		{ "a..", NULL },
		{ L63 "a", NULL },
		{ L63 "." L63 "." L63 "." L61 "a", NULL },
		{ L63 "." L63 "." L63 "." L61 "a.", NULL },
		{ L63 "." L63 "." L63 "." L61 ".b", NULL },
		{ "a\\", NULL },
		{ "a\\25", NULL },
		{ "a\\256", NULL },
		{ "a\\2x6", NULL }
	};
	char text[DNS_NAME_TEXT_MAX];
	struct dns_name name;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int status = dns_name_parse(rows[i].in, strlen(rows[i].in),
		    &name);

		if (rows[i].out == NULL) {
			assert_int_equal(status, WEIR_E_INVAL);
			continue;
		}
		assert_int_equal(status, WEIR_OK);
		assert_int_equal(dns_name_print(&name, text),
		    strlen(rows[i].out));
		assert_string_equal(text, rows[i].out);
	}
}

/* Names of a message that starts with twelve octets of header. */
static void
wire_names_are_read_strictly(void **state)
{
	static const struct {
		const char *msg; /* from offset 12 on */
		size_t len, at, end; /* end: offset behind, 0: refused */
		const char *text;
	} rows[] = {
		{ "\0", 1, 0, 1, "" },
		{ "\1A\0", 3, 0, 3, "a" },
		{ "\1a\0\1b\xc0\x0c", 7, 3, 7, "b.a" },
		{ "\1a\0\xc0\x0c\xc0\x0f", 7, 5, 7, "a" },
		{ "\xc0\x0c", 2, 0, 0, "points at itself" },
		{ "\1a\xc0\x0c", 4, 0, 0, "points into itself" },
		{ "\xc0\x0e\xc0\x0c", 4, 0, 0, "forward" },
		{ "\xc0\x0e\xc0\x0c", 4, 2, 0, "ring of two" },
		{ "\xc0\x00", 2, 0, 0, "into the header" },
		{ "\xff\xff", 2, 0, 0, "behind the end" },
		{ "\xc0", 1, 0, 0, "half a pointer" },
		{ "\1a", 2, 0, 0, "no root" },
		{ "\5a", 2, 0, 0, "label cut short" },
		{ "\x40""a\0", 3, 0, 0, "reserved label type 01" },
		{ "\x80""a\0", 3, 0, 0, "reserved label type 10" },
		{ "", 0, 0, 0, "nothing" }
	};
	char text[DNS_NAME_TEXT_MAX];
	struct dns_name name;
	uint8_t msg[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t off = 12 + rows[i].at;
		int status;

		memset(msg, 0, 12);
		memcpy(msg + 12, rows[i].msg, rows[i].len);
		status = dns_name_read(msg, 12 + rows[i].len, &off, &name);
		if (rows[i].end == 0) {
			assert_int_equal(status, WEIR_E_INVAL);
			continue;
		}
		assert_int_equal(status, WEIR_OK);
		assert_int_equal(off, 12 + rows[i].end);
		dns_name_print(&name, text);
		assert_string_equal(text, rows[i].text);
		off = 12 + rows[i].at;
		assert_int_equal(dns_name_skip(msg, 12 + rows[i].len, &off),
		    WEIR_OK);
		assert_int_equal(off, 12 + rows[i].end);
	}
}

/* A label, then ever more labels by pointers: longer than any name. */
static void
wire_names_end_at_255_octets(void **state)
{
	uint8_t msg[12 + 1 + 300 * 4];
	struct dns_name name;
	size_t n = 12, longest = 0, refused = 0;

	(void)state;
	memset(msg, 0, sizeof(msg));
	n++; /* the root */
	for (size_t i = 0, target = 12; i < 300; i++) {
		size_t off = n;

		msg[n] = 1;
		msg[n + 1] = 'x';
		msg[n + 2] = (uint8_t)(0xc0 | target >> 8);
		msg[n + 3] = (uint8_t)(target & 0xff);
		target = n;
		n += 4;
		if (dns_name_read(msg, n, &off, &name) < 0)
			refused++;
		else
			longest = name.len;
	}
	assert_int_equal(longest, 255);
	assert_int_equal(refused, 300 - 127);
}

static void
parents_are_found_at_label_borders(void **state)
{
	static const struct {
		const char *name, *parent;
		bool under;
	} rows[] = {
		{ "a.example.com", "example.com", true },
		{ "example.com", "example.com", true },
		{ "example.com", ".", true },
		{ "badexample.com", "example.com", false },
		{ "com", "example.com", false },
		{ "a.b.c", "b.d", false }
	};
	struct dns_name a, b;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(dns_name_parse(rows[i].name,
		    strlen(rows[i].name), &a), WEIR_OK);
		assert_int_equal(dns_name_parse(rows[i].parent,
		    strlen(rows[i].parent), &b), WEIR_OK);
		assert_int_equal(dns_name_under(&a, &b), rows[i].under);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_goes_both_ways),
		cmocka_unit_test(wire_names_are_read_strictly),
		cmocka_unit_test(wire_names_end_at_255_octets),
		cmocka_unit_test(parents_are_found_at_label_borders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
