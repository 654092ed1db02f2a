/* SPDX-License-Identifier: GPL-2.0-or-later */
/* answer_test - raw answers, good, bad and hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "dns/answer.h"

#define QR 0x8180 /* answer, RD, RA */
#define AD 0x0020
#define TC 0x0200

static struct {
	uint8_t octets[1 << 17];
	size_t len;
} m;

static struct dns_result *result;
static uint16_t rcode;
static const char *why;

static void
put16(unsigned v)
{
	m.octets[m.len++] = (uint8_t)(v >> 8);
	m.octets[m.len++] = (uint8_t)v;
}

static void
put(const void *data, size_t len)
{
	memcpy(m.octets + m.len, data, len);
	m.len += len;
}

static void
put_name(const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_parse(text, strlen(text), &name), 0);
	put(name.octets, name.len);
}

static void
begin(unsigned flags, const char *qname, unsigned qtype)
{
	m.len = 0;
	put16(0x1234);
	put16(flags);
	put16(1);
	put16(0);
	put16(0);
	put16(0);
	put_name(qname);
	put16(qtype);
	put16(1);
}

/* section: 6 answer, 8 authority, 10 additional */
static void
rr(int section, const char *owner, unsigned type, uint32_t ttl,
    const void *data, size_t len)
{
	m.octets[section + 1]++;
	if (m.octets[section + 1] == 0)
		m.octets[section]++;
	put_name(owner);
	put16(type);
	put16(1);
	put16(ttl >> 16);
	put16(ttl & 0xffff);
	put16((unsigned)len);
	put(data, len);
}

static void
rr_name(int section, const char *owner, unsigned type, uint32_t ttl,
    const char *target)
{
	struct dns_name name;

	assert_int_equal(dns_name_parse(target, strlen(target), &name), 0);
	rr(section, owner, type, ttl, name.octets, name.len);
}

static void
rr_soa(const char *owner, uint32_t ttl, uint8_t minimum)
{
	uint8_t data[22] = { 0 };

	data[21] = minimum;
	rr(8, owner, WEIR_DNS_SOA, ttl, data, sizeof(data));
}

/* Parse an exact heap copy, so that a sanitizer sees any overrun. */
static int
parse(const char *qname, unsigned type)
{
	uint8_t *copy = malloc(m.len != 0 ? m.len : 1);
	struct dns_name name;
	int status;

	dns_result_unref(&result);
	memcpy(copy, m.octets, m.len);
	assert_int_equal(dns_name_parse(qname, strlen(qname), &name), 0);
	status = dns_answer_parse(copy, m.len, &name, (uint16_t)type, &rcode,
	    &result, &why);
	free(copy);
	assert_true((status == 0) == (result != NULL));
	return status;
}

static void
expect_rr(uint32_t i, uint32_t ttl, const char *data)
{
	const struct weir_dns_rr *r = weir_dns_rr_at(&result->answer, i);

	assert_true(i < result->answer.count);
	assert_string_equal(r->data.ptr, data);
	assert_int_equal(r->data.len, strlen(data));
	assert_int_equal(r->ttl, ttl);
}

static int
fresh(void **state)
{
	(void)state;
	m.len = 0;
	return 0;
}

static int
drop(void **state)
{
	(void)state;
	dns_result_unref(&result);
	return 0;
}

static void
every_type_has_its_text(void **state)
{
	static const struct {
		unsigned type;
		const char *data;
		size_t len;
		const char *text; /* NULL: malformed */
	} rows[] = {
		{ 1, "\177\0\0\2", 4, "127.0.0.2" },
		{ 1, "\177\0\0", 3, NULL },
		{ 1, "\177\0\0\0\0", 5, NULL },
		{ 28, " \1\r\270\0\0\0\0\0\0\0\0\0\0\0\1", 16,
		    "2001:db8::1" },
		{ 28, "\177\0\0\2", 4, NULL },
		{ 2, "\2NS\0", 4, "ns" },
		{ 12, "\4h\303\251\n\2De\0", 9, "h\\195\\169\\010.de" },
		{ 12, "\7a.b\\c d\0", 9, "a\\046b\\092c\\032d" },
		{ 12, "\1a\0x", 4, NULL },
		{ 12, "\1a", 2, NULL },
		{ 12, "", 0, NULL },
		{ 12, "\xc0\x0c", 2, "q.example" },
		{ 15, "\0\12\2mx\xc0\x0e", 7, "mx.example" },
		{ 15, "\0\0\0", 3, "" },
		{ 15, "\0\12", 2, NULL },
		{ 16, "\3abc\0\2de", 8, "abcde" },
		{ 16, "\0", 1, "" },
		{ 16, "", 0, NULL },
		{ 16, "\4abc", 4, NULL },
		{ 99, "\3abc", 4, "abc" },
		{ 33, "raw", 3, "raw" },
		{ 6, "\1m\0\1r\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\377\377\377"
		     "\377", 26, "m r 1 2 3 4 4294967295" },
		{ 6, "\1m\0\1r\0\0\0\0\1", 10, NULL }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin(QR, "q.example", rows[i].type);
		rr(6, "Q.example", rows[i].type, 60, rows[i].data,
		    rows[i].len);
		if (rows[i].text == NULL) {
			assert_int_equal(parse("q.example", rows[i].type),
			    WEIR_E_INVAL);
			continue;
		}
		assert_int_equal(parse("q.example", rows[i].type), 0);
		assert_int_equal(result->answer.count, 1);
		expect_rr(0, 60, rows[i].text);
		if (rows[i].type == 15 && rows[i].len > 3)
			assert_int_equal(result->rr[0].pref, 10);
	}
}

static void
several_records_and_foreign_ones(void **state)
{
	(void)state;
	begin(QR | AD, "q.example", 1);
	rr(6, "q.example", 1, 60, "\1\1\1\1", 4);
	rr(6, "other.example", 1, 5, "\2\2\2\2", 4);
	rr(6, "q.example", 46, 1, "sig", 3);
	rr(6, "q.example", 1, 30, "\3\3\3\3", 4);
	rr_name(8, "example", 2, 9, "ns.example");
	rr(10, "q.example", 1, 1, "\4\4\4\4", 4);
	assert_int_equal(parse("q.example", 1), 0);
	assert_int_equal(result->answer.count, 2);
	assert_int_equal(result->answer.secure, 1);
	assert_int_equal(result->ttl, 30);
	expect_rr(0, 60, "1.1.1.1");
	expect_rr(1, 30, "3.3.3.3");
}

static void
cnames_are_followed_within_bounds(void **state)
{
	char from[32], to[32];

	(void)state;
	for (int hops = 1; hops <= DNS_ANSWER_HOPS + 1; hops++) {
		begin(QR, "n0.example", 1);
		snprintf(from, sizeof(from), "n%d.example", hops);
		rr(6, from, 1, 3600, "\1\1\1\1", 4);
		for (int i = hops; i > 0; i--) { /* in no good order */
			snprintf(from, sizeof(from), "n%d.example", i - 1);
			snprintf(to, sizeof(to), "N%d.example", i);
			rr_name(6, from, 5, (uint32_t)(100 - i), to);
		}
		if (hops > DNS_ANSWER_HOPS) {
			assert_int_equal(parse("n0.example", 1), WEIR_E_INVAL);
			continue;
		}
		assert_int_equal(parse("n0.example", 1), 0);
		assert_int_equal(result->answer.count, 1);
		expect_rr(0, (uint32_t)(100 - hops), "1.1.1.1");
		assert_int_equal(result->ttl, 100 - hops);
	}
	/* asked for by itself it is data */
	begin(QR, "n0.example", 5);
	rr_name(6, "n0.example", 5, 60, "n1.example");
	assert_int_equal(parse("n0.example", 5), 0);
	expect_rr(0, 60, "n1.example");
}

static void
cname_loops_are_garbage(void **state)
{
	(void)state;
	begin(QR, "a.example", 1);
	rr_name(6, "a.example", 5, 60, "a.example");
	assert_int_equal(parse("a.example", 1), WEIR_E_INVAL);
	begin(QR, "a.example", 1);
	rr_name(6, "a.example", 5, 60, "b.example");
	rr_name(6, "b.example", 5, 60, "a.example");
	assert_int_equal(parse("a.example", 1), WEIR_E_INVAL);
	begin(QR, "a.example", 1);
	rr(6, "a.example", 5, 60, "\xc0", 1);
	assert_int_equal(parse("a.example", 1), WEIR_E_INVAL);
}

static void
negative_answers_keep_their_soa_time(void **state)
{
	static const struct {
		unsigned rcode;
		const char *soa; /* owner, or NULL */
		uint32_t ttl;
		uint8_t minimum;
		bool ns;
		int status;
		uint32_t cached;
	} rows[] = {
		{ 3, "example", 3600, 60, false, 0, 60 },
		{ 3, "example", 30, 60, true, 0, 30 },
		{ 3, "example", 0, 0, false, 0, 1 },
		{ 3, "q.example", 3600, 255, false, 0, 255 },
		{ 3, "other", 3600, 60, false, 0, 0 },
		{ 3, NULL, 0, 0, false, 0, 0 },
		{ 3, NULL, 0, 0, true, 0, 0 },
		{ 0, "example", 3600, 60, true, 0, 60 },
		{ 0, NULL, 0, 0, false, 0, 0 },
		{ 0, NULL, 0, 0, true, WEIR_E_INVAL, 0 } /* a referral */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin(QR | rows[i].rcode, "q.example", 1);
		if (rows[i].ns)
			rr_name(8, "example", 2, 60, "ns.example");
		if (rows[i].soa != NULL)
			rr_soa(rows[i].soa, rows[i].ttl, rows[i].minimum);
		assert_int_equal(parse("q.example", 1), rows[i].status);
		if (rows[i].status < 0)
			continue;
		assert_int_equal(result->answer.status, WEIR_E_NOTFOUND);
		assert_int_equal(result->answer.rcode, rows[i].rcode);
		assert_int_equal(result->answer.count, 0);
		assert_int_equal(result->ttl, rows[i].cached);
	}
	/* an alias to nowhere: the SOA is that of the alias' target */
	begin(QR | 3, "q.example", 1);
	rr_name(6, "q.example", 5, 20, "gone.test");
	rr_soa("test", 3600, 60);
	assert_int_equal(parse("q.example", 1), 0);
	assert_int_equal(result->ttl, 20);
	/* five minutes at most, although the SOA says a day */
	begin(QR | 3, "q.example", 1);
	rr(8, "example", 6, 86400, "\0\0" "\0\0\0\0" "\0\0\0\0" "\0\0\0\0"
	    "\0\0\0\0" "\0\1\121\200", 22);
	assert_int_equal(parse("q.example", 1), 0);
	assert_int_equal(result->ttl, DNS_TTL_NEGATIVE_MAX);
}

static void
times_are_capped_and_age(void **state)
{
	(void)state;
	begin(QR, "q.example", 1);
	rr(6, "q.example", 1, 0, "\1\1\1\1", 4);
	assert_int_equal(parse("q.example", 1), 0);
	assert_int_equal(result->ttl, 1);
	begin(QR, "q.example", 1);
	rr(6, "q.example", 1, 0x80000000u, "\1\1\1\1", 4);
	assert_int_equal(parse("q.example", 1), 0);
	assert_int_equal(result->ttl, 1);
	begin(QR, "q.example", 1);
	rr(6, "q.example", 1, 1000000, "\1\1\1\1", 4);
	rr(6, "q.example", 1, 999999, "\1\1\1\2", 4);
	assert_int_equal(parse("q.example", 1), 0);
	assert_int_equal(result->ttl, DNS_TTL_MAX);
	dns_result_age(result);
	expect_rr(0, DNS_TTL_MAX, "1.1.1.1");
	clock_advance(10000);
	dns_result_age(result);
	clock_advance(5000);
	dns_result_age(result);
	assert_in_range(result->rr[0].ttl, DNS_TTL_MAX - 16, DNS_TTL_MAX - 15);
	clock_advance(INT64_C(1000) * DNS_TTL_MAX);
	dns_result_age(result);
	assert_int_equal(result->rr[0].ttl, 0);
}

static void
refusals_have_their_code(void **state)
{
	static const uint8_t badvers[] = { 0, 0, 41, 4, 208, 1, 0, 0, 0, 0, 0 };

	(void)state;
	for (unsigned code = 1; code < 16; code++) {
		begin(QR | code, "q.example", 1);
		assert_int_equal(parse("q.example", 1),
		    code == 3 ? 0 : WEIR_E_TEMP);
		assert_int_equal(rcode, code);
	}
	/* the low bits alone would read as "no data" */
	begin(QR, "q.example", 1);
	put(badvers, sizeof(badvers));
	m.octets[11] = 1;
	assert_int_equal(parse("q.example", 1), WEIR_E_TEMP);
	assert_int_equal(rcode, 16);
}

static void
garbage_is_called_garbage(void **state)
{
	static const struct {
		unsigned flags;
		const char *qname;
		unsigned qtype;
	} rows[] = {
		{ 0x0100, "q.example", 1 },	 /* a query */
		{ QR | 0x0800, "q.example", 1 }, /* another opcode */
		{ QR | TC, "q.example", 1 },
		{ QR, "p.example", 1 },
		{ QR, "q.example", 28 },
		{ QR, "q.example.org", 1 }
	};
	size_t whole;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin(rows[i].flags, rows[i].qname, rows[i].qtype);
		rr(6, rows[i].qname, rows[i].qtype, 60, "\1\1\1\1", 4);
		assert_int_equal(parse("q.example", 1), WEIR_E_INVAL);
		assert_true(strlen(why) > 0);
	}
	begin(QR, "q.example", 1);
	m.octets[m.len - 1] = 3; /* class CHAOS */
	assert_int_equal(parse("q.example", 1), WEIR_E_INVAL);
	begin(QR, "q.example", 1);
	m.octets[5] = 2; /* two questions */
	assert_int_equal(parse("q.example", 1), WEIR_E_INVAL);
	begin(QR | 3, "q.example", 1);
	rr(6, "q.example", 1, 60, "\1\1\1\1", 4);
	assert_int_equal(parse("q.example", 1), WEIR_E_INVAL);
	/* every truncation of a good answer */
	begin(QR, "q.example", 1);
	rr(6, "q.example", 1, 60, "\1\1\1\1", 4);
	rr_soa("example", 60, 60);
	rr(10, "q.example", 1, 60, "\1\1\1\1", 4);
	for (whole = m.len; m.len > 0;) {
		m.len--;
		assert_int_equal(parse("q.example", 1), WEIR_E_INVAL);
	}
	m.len = whole;
	assert_int_equal(parse("q.example", 1), 0);
}

static void
a_txt_of_64_kib_fits(void **state)
{
	static uint8_t data[65535];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i += 256) {
		data[i] = 255;
		memset(data + i + 1, 'x',
		    sizeof(data) - i < 256 ? sizeof(data) - i - 1 : 255);
	}
	data[65280] = 254; /* the last string is one shorter */
	begin(QR, "q.example", 16);
	rr(6, "q.example", 16, 60, data, sizeof(data));
	assert_int_equal(parse("q.example", 16), 0);
	assert_int_equal(result->answer.count, 1);
	assert_int_equal(result->rr[0].data.len, 65535 - 256);
	assert_int_equal(result->rr[0].data.ptr[65535 - 256], '\0');
}

static void
floods_are_refused(void **state)
{
	char label[64], longest[256];

	(void)state;
	begin(QR, "q.example", 1);
	for (int i = 0; i < DNS_ANSWER_RR_MAX; i++)
		rr(6, "q.example", 1, 60, "\1\1\1\1", 4);
	assert_int_equal(parse("q.example", 1), 0);
	assert_int_equal(result->answer.count, DNS_ANSWER_RR_MAX);
	rr(6, "q.example", 1, 60, "\1\1\1\1", 4);
	assert_int_equal(parse("q.example", 1), WEIR_E_INVAL);
	/* names that grow fourfold as text and are shared by pointers */
	memset(label, 1, 63);
	label[63] = '\0';
	snprintf(longest, sizeof(longest), "%s.%s.%s", label, label, label);
	begin(QR, longest, 12);
	for (int i = 0; i < DNS_ANSWER_RR_MAX; i++) {
		m.octets[6] = (uint8_t)((i + 1) >> 8);
		m.octets[7] = (uint8_t)(i + 1);
		put("\xc0\x0c\0\14\0\1\0\0\0\74\0\2\xc0\x0c", 14);
	}
	assert_int_equal(parse(longest, 12), WEIR_E_INVAL);
	assert_string_equal(why, "too large");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_type_has_its_text,
		    fresh, drop),
		cmocka_unit_test_setup_teardown(
		    several_records_and_foreign_ones, fresh, drop),
		cmocka_unit_test_setup_teardown(
		    cnames_are_followed_within_bounds, fresh, drop),
		cmocka_unit_test_setup_teardown(cname_loops_are_garbage,
		    fresh, drop),
		cmocka_unit_test_setup_teardown(
		    negative_answers_keep_their_soa_time, fresh, drop),
		cmocka_unit_test_setup_teardown(times_are_capped_and_age,
		    fresh, drop),
		cmocka_unit_test_setup_teardown(refusals_have_their_code,
		    fresh, drop),
		cmocka_unit_test_setup_teardown(garbage_is_called_garbage,
		    fresh, drop),
		cmocka_unit_test_setup_teardown(a_txt_of_64_kib_fits,
		    fresh, drop),
		cmocka_unit_test_setup_teardown(floods_are_refused,
		    fresh, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
