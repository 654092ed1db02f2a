/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of record, print and macro. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "macro.h"
#include "record.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* records_are_recognized - the version ends at a blank or with the text */
static void
records_are_recognized(void **state)
{
	static const struct {
		const char *text;
		bool is;
	} cases[] = {
		{ "v=spf1", true }, { "v=spf1 ", true },
		{ "V=SpF1 -all", true },
		{ "v=spf10", false }, { "v=spf1\t-all", false },
		{ "v=spf", false }, { "", false }, { " v=spf1", false },
		{ "v=spf2.0/pra", false }, { "v=spf1-all", false }
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++)
		assert_int_equal(spf_record_is(weir_str_of(cases[i].text)),
		    cases[i].is);
}

/* good_records_in_one_spelling - read, printed, read and printed again */
static void
good_records_in_one_spelling(void **state)
{
	static const struct {
		const char *text, *canonical;
	} cases[] = {
		{ "v=spf1", "v=spf1" },
		{ "V=SPF1  +A  -ALL ", "v=spf1 a -all" },
		{ "v=spf1 a/24//64 mx:Example.COM/0 ?ptr",
		    "v=spf1 a/24//64 mx:example.com/0 ?ptr" },
		{ "v=spf1 a//128 a/32 mx//0", "v=spf1 a a mx//0" },
		{ "v=spf1 ip4:192.0.2.77/24 ip6:2001:DB8:0::1/32",
		    "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32" },
		{ "v=spf1 ip4:1.2.3.4/0 ip6:::1", "v=spf1 ip4:0.0.0.0/0 "
		    "ip6:::1" },
		{ "v=spf1 redirect=%{d} unknown=%{c}x exp=x.%{o} a",
		    "v=spf1 a redirect=%{d} exp=x.%{o}" },
		{ "v=spf1 -all redirect=a.example", "v=spf1 -all" },
		{ "v=spf1 exists:%{L2R+-}.%%%_%-.user.%{D2}",
		    "v=spf1 exists:%{L2r-+}.%%%_%-.user.%{D2}" },
		{ "v=spf1 exists:%{d2147483648}.example",
		    "v=spf1 exists:%{d65535}.example" },
		{ "v=spf1 exists:%{d99999999999999999999999}",
		    "v=spf1 exists:%{d65535}" },
		{ "v=spf1 a:foo:bar/baz.example.com a:x.y.",
		    "v=spf1 a:foo:bar/baz.example.com a:x.y." },
		{ "v=spf1 include:a.b-c a:a.x1 a:a.1x",
		    "v=spf1 include:a.b-c a:a.x1 a:a.1x" },
		{ "v=spf1 moo.cow-far_out=man:dog/cat e=", "v=spf1" }
	};
	char problem[SPF_PROBLEM_SIZE], out[512];
	struct spf_record *r;

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		assert_int_equal(spf_record_parse(weir_str_of(cases[i].text),
		    &r, problem), WEIR_OK);
		assert_true(spf_record_print(r, out, sizeof(out)) > 0);
		assert_string_equal(out, cases[i].canonical);
		assert_int_equal(spf_record_print(r, out, 6), WEIR_E_LIMIT);
		spf_record_free(&r);
		assert_null(r);
		assert_int_equal(spf_record_parse(weir_str_of(
		    cases[i].canonical), &r, problem), WEIR_OK);
		assert_true(spf_record_print(r, out, sizeof(out)) > 0);
		assert_string_equal(out, cases[i].canonical);
		spf_record_free(&r);
	}
}

/* bad_records_are_refused - one mistake anywhere */
static void
bad_records_are_refused(void **state)
{
	static const char *const bad[] = {
		"v=spf1 -all moo", "v=spf1 all:x.y", "v=spf1 all/8",
		"v=spf1 all.", "v=spf1 a:", "v=spf1 a/", "v=spf1 a//",
		"v=spf1 a/33", "v=spf1 a/032", "v=spf1 a//129",
		"v=spf1 a/24/64",
		"v=spf1 a:x.y/24/64", "v=spf1 a:x.y/256", "v=spf1 a/-1",
		"v=spf1 a:x.y///64", "v=spf1 a:x", "v=spf1 a:x.",
		"v=spf1 a:x.1",
		"v=spf1 a:x.-y", "v=spf1 a:x.y-", "v=spf1 a:1.2.3.4",
		"v=spf1 a:x.y:80", "v=spf1 a:..", "v=spf1 a:%{d}y",
		"v=spf1 include", "v=spf1 include:", "v=spf1 include:x.y/24",
		"v=spf1 exists", "v=spf1 exists:x.y/1", "v=spf1 ptr/0",
		"v=spf1 ptr:", "v=spf1 ip4", "v=spf1 ip4:", "v=spf1 ip4:1.2.3",
		"v=spf1 ip4:1.2.3.4/33", "v=spf1 ip4:1.2.3.4/",
		"v=spf1 ip4:1.2.3.4//32", "v=spf1 ip4:01.2.3.4",
		"v=spf1 ip4:1.2.3.4:25", "v=spf1 ip4:::1",
		"v=spf1 ip4:1.2.3.4/08",
		"v=spf1 ip6", "v=spf1 ip6:1.2.3.4", "v=spf1 ip6::1::2",
		"v=spf1 ip6:::1/129", "v=spf1 ip6:fe80::1%1",
		"v=spf1 ip6:::1//1",
		"v=spf1 ip6:1:2:3:4:5:6:7:8:9:1:2:3:4:5:6:7:8:9:1:2:3:4:5:6:7",
		"v=spf1 redirect:x.y", "v=spf1 redirect=", "v=spf1 exp=",
		"v=spf1 exp=x", "v=spf1 -exp=x.y", "v=spf1 +redirect=x.y",
		"v=spf1 redirect=x.y redirect=x.y", "v=spf1 exp=x.y EXP=x.y",
		"v=spf1 =all", "v=spf1 1up=x", "v=spf1 -", "v=spf1 +-all",
		"v=spf1 :", "v=spf1 foo=%", "v=spf1 foo=%a", "v=spf1 foo=%{d",
		"v=spf1 a:%{x}.y.z", "v=spf1 a:%{c}.y.z", "v=spf1 a:%{R}.y.z",
		"v=spf1 a:%{d0}", "v=spf1 a:%{d00}.x", "v=spf1 a:%{d1rr}",
		"v=spf1 a:%{dr1}", "v=spf1 a:%{d;}", "v=spf1 a:%{}",
		"v=spf1 a:%(d).x.y", "v=spf1\xc3\xa4", "v=spf1 a\tmx",
		"v=spf1 a:\x80x.y", "v=spf1 ip4:1.2.3.4\n -all", "v=spf1 a\x7f"
	};
	char problem[SPF_PROBLEM_SIZE];
	struct spf_record *r;

	(void)state;
	for (size_t i = 0; i < N(bad); i++) {
		if (spf_record_parse(weir_str_of(bad[i]), &r, problem) !=
		    WEIR_E_INVAL)
			fail_msg("accepted: %s", bad[i]);
		assert_null(r);
		assert_true(strlen(problem) > 0);
		for (const char *p = problem; *p != '\0'; p++)
			assert_true(*p >= ' ' && *p < 0x7f);
	}
	assert_int_equal(spf_record_parse((weir_str){ "v=spf1 a\0", 9 }, &r,
	    problem), WEIR_E_INVAL);
}

/* long_records_end_somewhere - octets and terms */
static void
long_records_end_somewhere(void **state)
{
	char *text = malloc(65536), problem[SPF_PROBLEM_SIZE];
	static char out[2 * SPF_RECORD_MAX];
	struct spf_record *r;
	size_t n;

	(void)state;
	memset(text, ' ', 65536);
	memcpy(text, "v=spf1", 6);
	assert_int_equal(spf_record_parse((weir_str){ text, SPF_RECORD_MAX },
	    &r, problem), WEIR_OK);
	assert_int_equal(r->count, 0);
	spf_record_free(&r);
	assert_int_equal(spf_record_parse((weir_str){ text,
	    SPF_RECORD_MAX + 1 }, &r, problem), WEIR_E_INVAL);
	assert_int_equal(spf_record_parse((weir_str){ text, 65536 }, &r,
	    problem), WEIR_E_INVAL);
	n = 6;
	for (int i = 0; i < SPF_TERMS_MAX; i++, n += 2)
		memcpy(text + n, " a", 2);
	assert_int_equal(spf_record_parse((weir_str){ text, n }, &r,
	    problem), WEIR_OK);
	assert_int_equal(r->count, SPF_TERMS_MAX);
	assert_int_equal(spf_record_print(r, out, sizeof(out)), n);
	spf_record_free(&r);
	assert_int_equal(spf_record_parse((weir_str){ text, n + 1 }, &r,
	    problem), WEIR_OK);
	spf_record_free(&r);
	memcpy(text + n, " a", 2);
	assert_int_equal(spf_record_parse((weir_str){ text, n + 2 }, &r,
	    problem), WEIR_E_INVAL);
	free(text);
}

static const struct spf_macro_values values = {
	.sender = { "strong-bad@email.example.com", 28 },
	.local = { "strong-bad", 10 },
	.sender_domain = { "email.example.com", 17 },
	.domain = { "email.example.com", 17 },
	.address = { "192.0.2.3", 9 }, .name = { "mx.example.org", 14 },
	.family = { "in-addr", 7 }, .helo = { "[a b]", 5 },
	.client = { "192.0.2.3", 9 }, .receiver = { "mx.example.net", 14 },
	.time = { "1700000000", 10 }
};

/* texts_expand - the examples of RFC 7208 7.4, and odd ones */
static void
texts_expand(void **state)
{
	static const struct {
		const char *text, *result;
	} cases[] = {
		{ "%{s}", "strong-bad@email.example.com" },
		{ "%{o}", "email.example.com" },
		{ "%{d}", "email.example.com" },
		{ "%{d4}", "email.example.com" },
		{ "%{d3}", "email.example.com" }, { "%{d2}", "example.com" },
		{ "%{d1}", "com" }, { "%{dr}", "com.example.email" },
		{ "%{d2r}", "example.email" }, { "%{l}", "strong-bad" },
		{ "%{l-}", "strong.bad" }, { "%{lr}", "strong-bad" },
		{ "%{lr-}", "bad.strong" }, { "%{l1r-}", "strong" },
		{ "%{ir}.%{v}._spf.%{d2}",
		    "3.2.0.192.in-addr._spf.example.com" },
		{ "%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com" },
		{ "%{D2147483648}", "email.example.com" },
		{ "%{d4294967297r}", "com.example.email" },
		{ "%{d127}", "email.example.com" }, { "%{d1r}", "email" },
		{ "%{s@}", NULL }, { "%{s-.}", "strong.bad@email.example.com" },
		{ "%{s2r-.+,/_=}", "bad@email.strong" },
		{ "%{h}|%{H}", "[a b]|%5Ba%20b%5D" },
		{ "%{c} %{r} %{t} %{p}", "192.0.2.3 mx.example.net 1700000000 "
		    "mx.example.org" },
		{ "100%%%_%-.", "100% %20." }, { "", "" }, { "%", NULL },
		{ "\x80", NULL }, { "a\nb", NULL }
	};
	char out[256];

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		int n = spf_macro_text(weir_str_of(cases[i].text), &values,
		    out, sizeof(out));

		if (cases[i].result == NULL) {
			assert_int_equal(n, WEIR_E_INVAL);
			continue;
		}
		assert_string_equal(out, cases[i].result);
		assert_int_equal(n, strlen(out));
	}
}

/* values_can_not_do_harm - what a sender may put into a reply */
static void
values_can_not_do_harm(void **state)
{
	struct spf_macro_values v = values;
	char out[32], name[SPF_NAME_SIZE];

	(void)state;
	v.local = (weir_str){ "a\r\n\x01\xff\0b", 7 };
	assert_int_equal(spf_macro_text(weir_str_of("%{l}"), &v, out,
	    sizeof(out)), 7);
	assert_string_equal(out, "a?????b");
	assert_int_equal(spf_macro_text(weir_str_of("%{L}"), &v, out,
	    sizeof(out)), 17);
	assert_string_equal(out, "a%0D%0A%01%FF%00b");
	assert_int_equal(spf_macro_domain(weir_str_of("%{l}.x.y"), &v, name),
	    WEIR_E_INVAL);
	/* an empty value is one empty part */
	v.local = WEIR_STR("");
	assert_int_equal(spf_macro_text(weir_str_of("<%{lr-}%{l3}>"), &v, out,
	    sizeof(out)), 2);
	/* cut, never over the end */
	memset(out, '#', sizeof(out));
	assert_int_equal(spf_macro_text(weir_str_of("%{s}%{s}"), &values, out,
	    8), 7);
	assert_string_equal(out, "strong-");
	assert_int_equal(out[8], '#');
	assert_int_equal(spf_macro_text(weir_str_of("x"), &values, out, 1), 0);
}

/* names_are_cut_from_the_left - whole labels, however long the text */
static void
names_are_cut_from_the_left(void **state)
{
	char text[4 * 1500 + 32], out[SPF_NAME_SIZE];
	struct spf_macro_values v = values;
	char label[80];
	int n;

	(void)state;
	memset(label, 'x', sizeof(label));
	for (int count = 1; count < 1500; count += 37) {
		size_t at = 0;

		for (int i = 0; i < count; i++, at += 4)
			memcpy(text + at, "%{d}", 4);
		memcpy(text + at, ".end.example", 13);
		n = spf_macro_domain(weir_str_of(text), &v, out);
		assert_true(n > 0 && n < SPF_NAME_SIZE);
		assert_int_equal(n, strlen(out));
		assert_string_equal(out + n - 12, ".end.example");
		/* 17 octets without a dot between them */
		assert_true(count < 16 || n > 200);
	}
	v.local = (weir_str){ label, 63 };
	assert_int_equal(spf_macro_domain(weir_str_of("%{l}.example"), &v,
	    out), 63 + 8);
	v.local.len = 64;
	assert_int_equal(spf_macro_domain(weir_str_of("%{l}.example"), &v,
	    out), WEIR_E_INVAL);
	assert_int_equal(spf_macro_domain(weir_str_of("a..example"), &v, out),
	    WEIR_E_INVAL);
	assert_int_equal(spf_macro_domain(weir_str_of("%{d}."), &v, out), 17);
	assert_string_equal(out, "email.example.com");
	assert_int_equal(spf_macro_domain(weir_str_of("%{d}.."), &v, out),
	    WEIR_E_INVAL);
	/* one label that never ends */
	for (int i = 0; i < 1500; i++)
		memcpy(text + 4 * i, "%{l}", 4);
	v.local = (weir_str){ label, 80 };
	assert_int_equal(spf_macro_domain((weir_str){ text, 6000 }, &v, out),
	    WEIR_E_INVAL);
}

/* specs_are_checked - what the end of a domain-spec must be, and p */
static void
specs_are_checked(void **state)
{
	static const struct {
		const char *text;
		bool sound, name;
	} cases[] = {
		{ "%{p}.x.y", true, true }, { "%{P1r.}", true, true },
		{ "x.%{d}", true, false }, { "%%", true, false },
		{ "", false, false }, { ".com", true, false },
		{ "com", false, false }, { "x.com.", true, false },
		{ "x.com..", false, false }, { "%{d}.", false, false },
		{ "x.9a9", true, false }, { "x.9-9", true, false },
		{ "x.99", false, false }, { "x.a_b", false, false },
		{ "a b.c", false, false }
	};
	bool name;

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		bool sound = spf_macro_check(weir_str_of(cases[i].text),
		    SPF_MACRO_DOMAIN, &name);

		if (sound != cases[i].sound)
			fail_msg("%s", cases[i].text);
		if (sound)
			assert_int_equal(name, cases[i].name);
	}
	assert_true(spf_macro_check(weir_str_of("a b %{c}"), SPF_MACRO_TEXT,
	    NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_recognized),
		cmocka_unit_test(good_records_in_one_spelling),
		cmocka_unit_test(bad_records_are_refused),
		cmocka_unit_test(long_records_end_somewhere),
		cmocka_unit_test(texts_expand),
		cmocka_unit_test(values_can_not_do_harm),
		cmocka_unit_test(names_are_cut_from_the_left),
		cmocka_unit_test(specs_are_checked)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
