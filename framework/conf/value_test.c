/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/text.h"
#include "conf/address.h"
#include "conf/netset.h"
#include "conf/section.h"
#include "conf/value.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

#define BAD INT64_MIN

/* test_numbers - text to number and back */
static void
test_numbers(void **state)
{
	static const struct {
		uint32_t type;
		const char *text;
		int64_t num;
		const char *back; /* NULL: as text */
	} t[] = {
		{ WEIR_OPT_DURATION, "0", 0, NULL },
		{ WEIR_OPT_DURATION, "500ms", 500, NULL },
		{ WEIR_OPT_DURATION, "5m", 300000, NULL },
		{ WEIR_OPT_DURATION, "1h30m", 5400000, NULL },
		{ WEIR_OPT_DURATION, "2d", 172800000, NULL },
		{ WEIR_OPT_DURATION, "1w", 604800000, "7d" },
		{ WEIR_OPT_DURATION, "90s", 90000, "1m30s" },
		{ WEIR_OPT_DURATION, "0s", 0, "0" },
		{ WEIR_OPT_DURATION, "36500d", 3153600000000, NULL },
		{ WEIR_OPT_DURATION, "40000d", BAD, NULL },
		{ WEIR_OPT_DURATION, "99999999999999999999s", BAD, NULL },
		{ WEIR_OPT_DURATION, "9223372036854775807w", BAD, NULL },
		{ WEIR_OPT_DURATION, "30m1h", BAD, NULL },
		{ WEIR_OPT_DURATION, "1m1m", BAD, NULL },
		{ WEIR_OPT_DURATION, "5", BAD, NULL },
		{ WEIR_OPT_DURATION, "5 m", BAD, NULL },
		{ WEIR_OPT_DURATION, "5min", BAD, NULL },
		{ WEIR_OPT_DURATION, "m", BAD, NULL },
		{ WEIR_OPT_DURATION, "-5m", BAD, NULL },
		{ WEIR_OPT_DURATION, "1.5h", BAD, NULL },
		{ WEIR_OPT_DURATION, "", BAD, NULL },
		{ WEIR_OPT_SIZE, "0", 0, NULL },
		{ WEIR_OPT_SIZE, "4096", 4096, "4k" },
		{ WEIR_OPT_SIZE, "1000", 1000, NULL },
		{ WEIR_OPT_SIZE, "64k", 65536, NULL },
		{ WEIR_OPT_SIZE, "64K", 65536, "64k" },
		{ WEIR_OPT_SIZE, "10M", 10485760, NULL },
		{ WEIR_OPT_SIZE, "1G", 1073741824, NULL },
		{ WEIR_OPT_SIZE, "2T", 2199023255552, NULL },
		{ WEIR_OPT_SIZE, "99999999T", BAD, NULL },
		{ WEIR_OPT_SIZE, "64kb", BAD, NULL },
		{ WEIR_OPT_SIZE, "k", BAD, NULL },
		{ WEIR_OPT_SIZE, "-1", BAD, NULL },
		{ WEIR_OPT_SIZE, "", BAD, NULL },
		{ WEIR_OPT_INT, "-12", -12, NULL },
		{ WEIR_OPT_INT, "9223372036854775807", INT64_MAX, NULL },
		{ WEIR_OPT_INT, "9223372036854775808", BAD, NULL },
		{ WEIR_OPT_INT, "0x10", BAD, NULL },
		{ WEIR_OPT_INT, "1e3", BAD, NULL },
		{ WEIR_OPT_INT, "", BAD, NULL },
		{ WEIR_OPT_BOOL, "yes", 1, NULL },
		{ WEIR_OPT_BOOL, "True", 1, NULL },
		{ WEIR_OPT_BOOL, "off", 0, NULL },
		{ WEIR_OPT_BOOL, "1", BAD, NULL },
	};

	(void)state;
	for (size_t i = 0; i < N(t); i++) {
		struct weir_option row = { .type = t[i].type };
		struct buf out = BUF_INIT;
		struct err err;
		int64_t num;
		double real;
		int rc = value_number_parse(&row, t[i].text, &num, &real, &err);

		if ((rc == WEIR_OK) != (t[i].num != BAD) ||
		    (rc == WEIR_OK && num != t[i].num))
			fail_msg("\"%s\": rc %d, %lld", t[i].text, rc,
			    (long long)num);
		if (rc != WEIR_OK)
			continue;
		if (row.type == WEIR_OPT_DURATION)
			value_duration_print(num, &out);
		else if (row.type == WEIR_OPT_SIZE)
			value_size_print(num, &out);
		else
			continue;
		assert_string_equal(out.ptr,
		    t[i].back != NULL ? t[i].back : t[i].text);
		buf_fini(&out);
	}
}

/* test_reals - text to number, back to the same number */
static void
test_reals(void **state)
{
	static const char *const good[] = { "0", "-4.25", "1e9", "0.1", ".5",
		"123456789.123456789", "1e300", "-1E-7" };
	static const char *const bad[] = { "", ".", "e", "inf", "nan", "0x1p3",
		"1e999", "1,5", "1.2.3", "--1", " 1" };
	static const char *const same[] = { "0", "10", "0.5", "15.25", "5",
		"1000", "10000", "-4.25", "0.001", "100000000000000",
		"1e300", "1e-07" };

	(void)state;
	for (size_t i = 0; i < N(good); i++) {
		struct buf out = BUF_INIT;
		double a, b;

		assert_int_equal(value_real_parse(good[i], &a, NULL), 0);
		value_real_print(a, &out);
		assert_int_equal(value_real_parse(out.ptr, &b, NULL), 0);
		assert_true(a >= b && a <= b);
		buf_fini(&out);
	}
	for (size_t i = 0; i < N(bad); i++) {
		double a;

		assert_int_equal(value_real_parse(bad[i], &a, NULL),
		    WEIR_E_INVAL);
	}
	/* and as a person writes them */
	for (size_t i = 0; i < N(same); i++) {
		struct buf out = BUF_INIT;
		double a;

		assert_int_equal(value_real_parse(same[i], &a, NULL), 0);
		value_real_print(a, &out);
		assert_string_equal(out.ptr, same[i]);
		buf_fini(&out);
	}
}

/* test_enums - words, their index, the near miss */
static void
test_enums(void **state)
{
	struct err err;
	int64_t i;

	(void)state;
	assert_int_equal(value_enum_parse("a|bcd|ef", "ef", &i, &err), 0);
	assert_int_equal(i, 2);
	assert_true(text_equals(value_enum_word("a|bcd|ef", 1), "bcd"));
	assert_int_equal(value_enum_word("a|b", 2).len, 0);
	assert_int_equal(value_enum_word(NULL, 0).len, 0);
	assert_int_equal(value_enum_parse("worst|majority", "wrost", &i, &err),
	    WEIR_E_INVAL);
	assert_string_equal(err.text,
	    "is none of worst, majority (did you mean \"worst\"?)");
	assert_int_equal(value_enum_parse("in|out", "", &i, &err),
	    WEIR_E_INVAL);
}

/* test_bounds - lowest and highest in file syntax */
static void
test_bounds(void **state)
{
	struct weir_option row = { .type = WEIR_OPT_DURATION, .lo = "1s",
		.hi = "1h" };
	struct err err;
	int64_t num;
	double real;

	(void)state;
	assert_int_equal(value_number_parse(&row, "1s", &num, &real, &err), 0);
	assert_int_equal(value_number_parse(&row, "1h", &num, &real, &err), 0);
	assert_int_not_equal(value_number_parse(&row, "999ms", &num, &real,
	    &err), 0);
	assert_string_equal(err.text, "is less than 1s");
	assert_int_not_equal(value_number_parse(&row, "61m", &num, &real,
	    &err), 0);
	assert_string_equal(err.text, "is more than 1h");
}

/* test_netset - inside, outside, at the edges, overlapping */
static void
test_netset(void **state)
{
	static const char *const nets[] = { "10.0.0.0/8", "10.1.0.0/16",
		"192.0.2.7", "2001:db8::/32", "192.0.2.0/29", "0.0.0.0/32",
		"255.255.255.255/32", "2001:db8:1::/48", "10.0.0.0/9" };
	static const struct {
		const char *addr;
		bool in;
	} t[] = {
		{ "10.0.0.0", true }, { "10.255.255.255", true },
		{ "9.255.255.255", false }, { "11.0.0.0", false },
		{ "192.0.2.7", true }, { "192.0.2.8", false },
		{ "0.0.0.0", true }, { "0.0.0.1", false },
		{ "255.255.255.255", true }, { "2001:db8::", true },
		{ "2001:db8:ffff::1", true }, { "2001:db9::", false },
		{ "::", false }, { "::ffff:10.2.3.4", true },
	};
	struct pool *pool = pool_create(1024, 0);
	struct ip_net net[N(nets)];
	struct conf_netset *set;
	struct ip ip;

	(void)state;
	for (size_t i = 0; i < N(nets); i++)
		assert_true(ip_net_parse(nets[i], &net[i]));
	set = conf_net_build(pool, net, N(nets));
	assert_int_equal(set->n, 5);
	for (size_t i = 0; i < N(t); i++) {
		assert_true(ip_parse(t[i].addr, &ip));
		if (conf_net_contains(set, &ip) != t[i].in)
			fail_msg("%s", t[i].addr);
	}
	set = conf_net_build(pool, NULL, 0);
	assert_false(conf_net_contains(set, &ip));
	assert_false(conf_net_contains(NULL, &ip));
	pool_destroy(&pool);
}

/* test_addresses - listeners and servers */
static void
test_addresses(void **state)
{
	static const struct {
		const char *text;
		int kind; /* -1: refused */
		int port;
	} t[] = {
		{ "unix:/run/x.sock", CONF_ADDRESS_UNIX, 0 },
		{ "unix:x.sock", -1, 0 },
		{ "unix:/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		    -1, 0 },
		{ "inet:127.0.0.1:10022", CONF_ADDRESS_INET, 10022 },
		{ "inet:127.0.0.1:0", CONF_ADDRESS_INET, 0 },
		{ "inet6:[::1]:25", CONF_ADDRESS_INET, 25 },
		{ "inet:127.0.0.1", -1, 0 }, { "inet:127.0.0.1:", -1, 0 },
		{ "inet:127.0.0.1:65536", -1, 0 },
		{ "inet:127.0.0.1:-1", -1, 0 }, { "inet:::1:25", -1, 0 },
		{ "inet6:127.0.0.1:25", -1, 0 }, { "inet6:[::1]", -1, 0 },
		{ "inet6:[::1]x:25", -1, 0 }, { "inet6:[::1", -1, 0 },
		{ "inet:[::1]:25", -1, 0 }, { "inet:localhost:25", -1, 0 },
		{ "systemd:milter", CONF_ADDRESS_SYSTEMD, 0 },
		{ "systemd:", -1, 0 }, { "tcp:1.2.3.4:5", -1, 0 },
		{ "milter", -1, 0 }, { "", -1, 0 },
	};
	static const struct {
		const char *text;
		int port; /* -1: refused */
	} s[] = {
		{ "192.0.2.1", 53 }, { "192.0.2.1:5353", 5353 },
		{ "2001:db8::1", 53 }, { "[2001:db8::1]:54", 54 },
		{ "[2001:db8::1]", 53 }, { "resolver", -1 },
		{ "192.0.2.1:0", -1 }, { "", -1 }, { "[]", -1 },
	};
	struct conf_address a, b;
	struct err err;

	(void)state;
	for (size_t i = 0; i < N(t); i++) {
		int rc = conf_address_parse(t[i].text, &a, &err);

		if ((rc == 0) != (t[i].kind >= 0) ||
		    (rc == 0 && ((int)a.kind != t[i].kind ||
		    a.port != t[i].port)))
			fail_msg("\"%s\": rc %d", t[i].text, rc);
	}
	for (size_t i = 0; i < N(s); i++) {
		int rc = conf_address_server(s[i].text, 53, &a, &err);

		if ((rc == 0) != (s[i].port >= 0) ||
		    (rc == 0 && a.port != s[i].port))
			fail_msg("\"%s\": rc %d", s[i].text, rc);
	}
	conf_address_parse("inet:127.0.0.1:25", &a, NULL);
	conf_address_parse("inet:127.0.0.1:25", &b, NULL);
	assert_true(conf_address_equal(&a, &b));
	conf_address_parse("inet:127.0.0.1:0", &a, NULL);
	assert_false(conf_address_equal(&a, &a));
	conf_address_parse("unix:/a", &a, NULL);
	conf_address_parse("systemd:/a", &b, NULL);
	assert_false(conf_address_equal(&a, &b));
}

/* test_zero - accessors out of range */
static void
test_zero(void **state)
{
	const weir_str *items;
	weir_str title;

	(void)state;
	assert_false(conf_bool(NULL, 0));
	assert_int_equal(conf_int(NULL, 7), 0);
	assert_int_equal(conf_str(NULL, 0).len, 0);
	assert_string_equal(conf_str(NULL, 0).ptr, "");
	assert_int_equal(conf_list(NULL, 0, &items), 0);
	assert_int_equal(conf_net(NULL, 0, "::1"), 0);
	assert_int_equal(conf_sections(NULL, 0), 0);
	assert_null(conf_section(NULL, 0, 0, &title));
	assert_int_equal(title.len, 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_reals),
		cmocka_unit_test(test_enums),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_netset),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
